import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getJson, operate, post, startMaster, task, TestAgent, TestScheduler } from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';

// Over sockets: what reaches the agent of what a framework sent, and which calls are refused before they are looked at.
let master: RunningMaster;
let agent: TestAgent;
let scheduler: TestScheduler;

beforeEach(async () => {
  master = await startMaster();
  agent = await TestAgent.subscribe(master);
  scheduler = await TestScheduler.subscribe(master);
  master.clock.advance(1);
});
afterEach(() => master.stop());

const nanoseconds = (n: number): unknown => ({ nanoseconds: n });
const label = { labels: [{ key: 'k', value: 'v' }] };
const COMMAND = {
  shell: false,
  value: '/bin/x',
  arguments: ['x', 'y'],
  user: 'nobody',
  uris: [{ value: 'http://h/f', executable: true, extract: false, cache: true, output_file: 'f' }],
  environment: {
    variables: [
      { name: 'A', value: '1' },
      { name: 'B', type: 'SECRET', secret: { type: 'VALUE', value: { data: 'aGk=' } } },
      { name: 'C', type: 'SECRET', secret: { type: 'REFERENCE', reference: { name: 's', key: 'k' } } },
    ],
  },
};
const CONTAINER = {
  type: 'DOCKER',
  hostname: 'h',
  volumes: [
    { mode: 'RO', container_path: '/c', host_path: '/h' },
    {
      mode: 'RW',
      container_path: 'd',
      source: { type: 'DOCKER_VOLUME', docker_volume: { driver: 'd', name: 'n' } },
    },
    {
      mode: 'RW',
      container_path: 'p',
      source: { type: 'SANDBOX_PATH', sandbox_path: { type: 'PARENT', path: 'q' } },
    },
  ],
  docker: {
    image: 'i:1',
    network: 'BRIDGE',
    port_mappings: [{ host_port: 31000, container_port: 80, protocol: 'tcp' }],
    privileged: false,
    parameters: [{ key: 'label', value: 'a=b' }],
    force_pull_image: true,
  },
  network_infos: [
    { name: 'net', groups: ['g'], labels: label, port_mappings: [{ host_port: 1, container_port: 2 }] },
  ],
  linux_info: { shm_size: 64, seccomp: { unconfined: true } },
  rlimit_info: { rlimits: [{ type: 'RLMT_NOFILE', soft: 1024, hard: 4096 }, { type: 'RLMT_CORE' }] },
  tty_info: { window_size: { rows: 1, columns: 2 } },
};

const VOLUME = { name: 'disk', type: 'SCALAR', scalar: { value: 1 } };

describe('LAUNCH over the wire', () => {
  it('the agent gets the whole task, and operators see what it is limited to', async () => {
    const offer = await scheduler.offer();
    const rich = {
      command: COMMAND,
      container: CONTAINER,
      check: { type: 'HTTP', http: { port: 80, path: '/c' }, interval_seconds: 2.5 },
      health_check: { type: 'COMMAND', command: { value: 'true' }, consecutive_failures: 2 },
      limits: { cpus: { value: 2 }, mem: { value: 'Infinity' } },
      kill_policy: { grace_period: nanoseconds(5e9) },
      max_completion_time: nanoseconds(60e9),
      data: 'aGk=',
      labels: label,
    };
    const task_infos = [task('t', agent.id, { ...rich, unknown: 1, discovery: null })];
    const operations = [{ type: 'LAUNCH', launch: { task_infos } }];
    await scheduler.call('ACCEPT', { offer_ids: [offer.id], operations });
    const { run_task } = await agent.stream.next('RUN_TASK');
    expect(run_task.task).toMatchObject(rich);
    expect(run_task.task).not.toHaveProperty('unknown');
    expect(run_task).not.toHaveProperty('launch_executor');
    const shown = await operate(master, { type: 'GET_TASKS' });
    expect(shown).toMatchObject({
      get_tasks: { tasks: [{ limits: rich.limits, user: 'nobody', container: CONTAINER }] },
    });
    const v0 = await getJson(master, '/tasks');
    expect(v0).toMatchObject({ tasks: [{ limits: { cpus: 2, mem: 'Infinity' }, user: 'nobody' }] });
  });

  it.each([
    [{ container: { type: 'RKT' } }, 'container.type'],
    [{ container: {} }, 'container.type'],
    [{ container: { type: 'DOCKER', docker: {} } }, 'docker.image'],
    [{ container: { type: 'MESOS', volumes: [{ mode: 'RW' }] } }, 'container_path'],
    [{ executor: {} }, 'executor.executor_id'],
    [{ check: { http: {} } }, 'check.http.port'],
    [{ executor: { executor_id: { value: 'e' }, data: 'not base64!' } }, "bytes field 'data'"],
  ])('%j is refused as a whole: 400', async (more, what) => {
    const offer = await scheduler.offer();
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [task('t', agent.id, more)] } }];
    const body = {
      type: 'ACCEPT',
      framework_id: { value: scheduler.id },
      accept: { offer_ids: [offer.id], operations },
    };
    const headers = { 'mesos-stream-id': scheduler.stream.streamId };
    const response = await post(master, '/api/v1/scheduler', body, headers);
    const text = await response.text();
    expect([response.status, text]).toEqual([400, expect.stringContaining(what) as string]);
  });

  it('LAUNCH_GROUP without an executor: 400', async () => {
    const operations = [{ type: 'LAUNCH_GROUP', launch_group: { task_group: { tasks: [] } } }];
    const response = await scheduler.call('ACCEPT', { offer_ids: [], operations });
    expect(response.status).toBe(400);
  });
});

describe('calls that are taken, whatever comes of them', () => {
  it.each([
    ['REQUEST', { requests: [{ resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 1 } }] }] }, 202],
    ['SHUTDOWN', { executor_id: { value: 'e' }, agent_id: { value: 'strange' } }, 202],
    ['MESSAGE', { executor_id: { value: 'e' }, agent_id: { value: 'strange' }, data: 'aGk=' }, 202],
    ['RECONCILE_OPERATIONS', { operations: [] }, 202],
    [
      'ACKNOWLEDGE_OPERATION_STATUS',
      { agent_id: { value: 'a' }, operation_id: { value: 'o' }, uuid: Buffer.alloc(16).toString('base64') },
      202,
    ],
    [
      'ACKNOWLEDGE_OPERATION_STATUS',
      { agent_id: { value: 'a' }, operation_id: { value: 'o' }, uuid: 'AAAA' },
      400,
    ],
    ['SHUTDOWN', { executor_id: { value: 'e' } }, 400],
    ['UNKNOWN', {}, 501],
    // a type that is not known at all is not there
    ['LAUNCH_ROCKETS', {}, 400],
  ])('%s %j: %i', async (type, payload, status) => {
    const before = agent.stream.seen.length;
    expect((await scheduler.call(type, payload)).status).toBe(status);
    expect(agent.stream.seen.length).toBe(before);
  });

  it.each([
    ['RESERVE_RESOURCES', { agent_id: { value: 'a' }, resources: [] }],
    ['UNRESERVE_RESOURCES', { agent_id: { value: 'a' }, resources: [] }],
    ['CREATE_VOLUMES', { agent_id: { value: 'a' }, volumes: [] }],
    ['DESTROY_VOLUMES', { agent_id: { value: 'a' }, volumes: [] }],
    ['GROW_VOLUME', { agent_id: { value: 'a' }, volume: VOLUME, addition: VOLUME }],
    ['SHRINK_VOLUME', { agent_id: { value: 'a' }, volume: VOLUME, subtract: { value: 1 } }],
  ])('%s of an operator: 501, nothing is reserved here', async (type, payload) => {
    const response = await post(master, '/api/v1', { type, [type.toLowerCase()]: payload });
    await response.text();
    expect(response.status).toBe(501);
  });
});

describe('what an agent says of executors', () => {
  const info = { user: 'u', name: 'n', id: { value: 'F' }, failover_timeout: 0, checkpoint: true };
  const executor = { framework_id: { value: 'F' }, executor_info: { executor_id: { value: 'e' } } };
  const subscribe = async (id: string | undefined, frameworks: readonly unknown[]): Promise<string> => {
    const response = await post(master, '/api/v1/agent', {
      type: 'SUBSCRIBE',
      subscribe: {
        agent_info: { hostname: 'h', resources: [], ...(id === undefined ? {} : { id: { value: id } }) },
        address: { ip: '127.0.0.1', port: 1 },
        version: '1.11.0',
        frameworks,
        executors: [executor],
      },
    });
    if (response.status === 200) response.cancel();
    return response.status === 200 ? '' : `${response.status} ${await response.text()}`;
  };

  it('must name their framework, and comes from agents that have an id', async () => {
    expect(await subscribe('A', [])).toContain("'subscribe.frameworks' lacks framework F of executor e");
    expect(await subscribe(undefined, [info])).toContain("'subscribe.agent_info.id' is needed");
    expect(await subscribe('A', [info])).toBe('');
  });

  it('EXITED_EXECUTOR without a status: 400; of one that is not known: taken', async () => {
    const exited = { framework_id: { value: 'F' }, executor_id: { value: 'e' } };
    expect((await agent.call({ type: 'EXITED_EXECUTOR', exited_executor: exited })).status).toBe(400);
    const whole = { type: 'EXITED_EXECUTOR', exited_executor: { ...exited, status: -1 } };
    expect((await agent.call(whole)).status).toBe(202);
  });
});
