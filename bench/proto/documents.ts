/** Documents as our master makes them, of a usual size. */
const FRAMEWORK = '2808cfd7-4198-4b8a-a06e-5124dc2aca1f-0000';
const AGENT = '2808cfd7-4198-4b8a-a06e-5124dc2aca1f-S17';
const value = (text: string): { readonly value: string } => ({ value: text });
const scalar = (name: string, amount: number): unknown => ({
  name,
  type: 'SCALAR',
  scalar: { value: amount },
  allocation_info: { role: 'web' },
});
const resources = [
  scalar('cpus', 0.5),
  scalar('mem', 256),
  {
    name: 'ports',
    type: 'RANGES',
    ranges: { range: [{ begin: 31_044, end: 31_045 }] },
    allocation_info: { role: 'web' },
  },
];
const labels = {
  labels: [
    { key: 'HAPROXY_GROUP', value: 'external' },
    { key: 'HAPROXY_0_VHOST', value: 'shop.example.com' },
  ],
};

const status = {
  task_id: value('shop_web.9a5a6d3c-4d3f-4a5b-9f0e-0c1d2e3f4a5b'),
  state: 'TASK_RUNNING',
  source: 'SOURCE_EXECUTOR',
  agent_id: value(AGENT),
  executor_id: value('shop_web.9a5a6d3c-4d3f-4a5b-9f0e-0c1d2e3f4a5b'),
  timestamp: 1_795_306_212.44225,
  uuid: 'q6urq6urq6urq6urq6urqw==',
  healthy: true,
  container_status: {
    container_id: value('0d0f2c1a-93a7-4b53-8c3b-2f1f1d1c7a11'),
    network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '10.0.3.17' }] }],
    executor_pid: 41_731,
  },
};

const task = {
  name: 'web.shop',
  task_id: status.task_id,
  framework_id: value(FRAMEWORK),
  agent_id: value(AGENT),
  state: 'TASK_STAGING',
  resources,
  labels,
  discovery: {
    visibility: 'FRAMEWORK',
    name: 'web.shop',
    ports: { ports: [{ number: 31_044, name: 'http', protocol: 'tcp', labels }] },
  },
  container: {
    type: 'DOCKER',
    docker: { image: 'registry.example.com/shop/web:1.17.3', network: 'HOST', privileged: false },
  },
};

const offer = (n: number): unknown => ({
  id: value(`2808cfd7-4198-4b8a-a06e-5124dc2aca1f-O${n}`),
  framework_id: value(FRAMEWORK),
  agent_id: value(AGENT),
  hostname: 'agent17.example.com',
  url: {
    scheme: 'http',
    address: { hostname: 'agent17.example.com', ip: '10.0.3.17', port: 5051 },
    path: '/slave(1)',
  },
  resources,
  attributes: [{ name: 'rack', type: 'TEXT', text: value('r7') }],
  allocation_info: { role: 'web' },
});
const many = <T>(count: number, item: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => item(n));

export const taskUpdated = {
  name: 'TASK_UPDATED',
  message: 'master.Event',
  json: {
    type: 'TASK_UPDATED',
    task_updated: { framework_id: value(FRAMEWORK), status, state: 'TASK_RUNNING' },
  },
  times: 20_000,
};
export const taskAdded = {
  name: 'TASK_ADDED',
  message: 'master.Event',
  json: { type: 'TASK_ADDED', task_added: { task } },
  times: 10_000,
};
export const offers = {
  name: 'OFFERS, 100 of them',
  message: 'scheduler.Event',
  json: { type: 'OFFERS', offers: { offers: many(100, offer) } },
  times: 200,
};
export const acceptCall = {
  name: 'ACCEPT, 10 tasks',
  message: 'scheduler.Call',
  json: {
    type: 'ACCEPT',
    framework_id: value(FRAMEWORK),
    accept: {
      offer_ids: [value('2808cfd7-4198-4b8a-a06e-5124dc2aca1f-O7')],
      operations: [
        {
          type: 'LAUNCH',
          launch: {
            task_infos: many(10, () => {
              const { framework_id, state, ...info } = task;
              return { ...info, command: { shell: true, value: './run --port $PORT0' } };
            }),
          },
        },
      ],
    },
  },
  times: 2_000,
};
export const subscribed = {
  name: 'SUBSCRIBED, 10,000 tasks',
  message: 'master.Event',
  json: {
    type: 'SUBSCRIBED',
    subscribed: {
      get_state: {
        get_tasks: { tasks: many(10_000, () => ({ ...task, state: 'TASK_RUNNING', statuses: [status] })) },
      },
      heartbeat_interval_seconds: 15,
    },
  },
  times: 1,
};
