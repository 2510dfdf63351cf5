import type { Socket } from 'node:net';
import { CallLine, now, openRecords, serve } from './wire.ts';

/** A process that plays frameworks over the scheduler API, and those who watch over the operator API. */

const SCHEDULER = '/api/v1/scheduler';

interface TestOffer {
  readonly id: { readonly value: string };
  readonly agent_id: { readonly value: string };
}

interface Played {
  readonly index: number;
  /** It has what it wants, and takes no offers. */
  sated: boolean;
  id: string | undefined;
  streamId: string;
  socket: Socket | undefined;
  line: CallLine;
}

/** What frameworks do with offers. */
let mode: { kind: 'decline'; seconds: number } | { kind: 'launch'; each: number } = {
  kind: 'decline',
  seconds: 5,
};
let toLaunch = 0;
let launched = 0;
let running = 0;
let offers = 0;
let offerEvents = 0;
let failed = 0;
let otherStates = 0;
let tasks = 0;
let lastRunning = 0;
let port = 0;
let latencies: number[] = [];
const frameworks: Played[] = [];

async function subscribe(framework: Played): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const info = {
      user: 'root',
      name: `f${framework.index}`,
      roles: [`role${framework.index % 10}`],
      failover_timeout: 3600,
      checkpoint: true,
      capabilities: ['MULTI_ROLE', 'PARTITION_AWARE', 'RESERVATION_REFINEMENT'].map((type) => ({ type })),
      ...(framework.id === undefined ? {} : { id: { value: framework.id } }),
    };
    const call = {
      type: 'SUBSCRIBE',
      ...(info.id ? { framework_id: info.id } : {}),
      subscribe: { framework_info: info, ...(framework.sated && { suppressed_roles: info.roles }) },
    };
    framework.socket = openRecords(port, SCHEDULER, call, {
      opened(streamId, status) {
        framework.streamId = streamId;
        if (status !== 200) reject(new Error(`status ${status}`));
      },
      record(bytes) {
        const event = JSON.parse(Buffer.from(bytes).toString('latin1')) as Record<string, unknown>;
        if (event['type'] === 'SUBSCRIBED') {
          framework.id = (event['subscribed'] as { framework_id: { value: string } }).framework_id.value;
          resolve();
        } else onEvent(framework, event);
      },
      closed() {
        framework.streamId = '';
      },
    });
  });
}

function onEvent(framework: Played, event: Readonly<Record<string, unknown>>): void {
  if (event['type'] === 'OFFERS') {
    offerEvents++;
    onOffers(framework, (event['offers'] as { offers: TestOffer[] }).offers);
  }
  if (event['type'] === 'UPDATE') onUpdate(framework, event['update'] as { status: Status });
}

interface Status {
  readonly task_id: { readonly value: string };
  readonly agent_id: { readonly value: string };
  readonly state: string;
  readonly uuid?: string;
  readonly reason?: string;
  readonly message?: string;
}

function onUpdate(framework: Played, { status }: { status: Status }): void {
  if (status.state !== 'TASK_RUNNING') otherStates++;
  else if (status.reason === undefined) {
    running++;
    lastRunning = now();
  }
  if (status.message?.startsWith('sent ')) latencies.push(now() - Number(status.message.slice(5)));
  if (status.uuid === undefined) return;
  const { task_id, agent_id, uuid } = status;
  call(framework, { type: 'ACKNOWLEDGE', acknowledge: { task_id, agent_id, uuid } });
}

function call(framework: Played, body: object): void {
  framework.line.post(SCHEDULER, { framework_id: { value: framework.id }, ...body }, framework.streamId).then(
    ({ status }) => {
      if (status !== 202) failed++;
    },
    () => failed++,
  );
}

function onOffers(framework: Played, some: readonly TestOffer[]): void {
  offers += some.length;
  if (mode.kind === 'decline')
    call(framework, {
      type: 'DECLINE',
      decline: { offer_ids: some.map((o) => o.id), filters: { refuse_seconds: mode.seconds } },
    });
  if (mode.kind === 'launch') for (const offer of some) launch(framework, offer, mode.each);
}

function launch(framework: Played, offer: TestOffer, each: number): void {
  const n = Math.min(each, toLaunch);
  if (n === 0) {
    const decline = { offer_ids: [offer.id], filters: { refuse_seconds: 3600 } };
    return call(framework, { type: 'DECLINE', decline });
  }
  toLaunch -= n;
  launched += n;
  const task_infos = Array.from({ length: n }, () => taskInfo(tasks++, framework.index, offer.agent_id));
  call(framework, {
    type: 'ACCEPT',
    accept: {
      offer_ids: [offer.id],
      operations: [{ type: 'LAUNCH', launch: { task_infos } }],
      filters: { refuse_seconds: 0 },
    },
  });
}

/** The next free port of each agent; tasks do not end. */
const ports = new Map<string, number>();

/** About what Marathon writes for an app with a port, labels and a health check; a hundred tasks an app. */
function taskInfo(n: number, framework: number, agent_id: { value: string }): object {
  const app = `shop-${framework}-${Math.floor(n / 5000)}`;
  const port_ = ports.get(agent_id.value) ?? 31_000;
  ports.set(agent_id.value, port_ + 1);
  return {
    name: `${app}.web`,
    task_id: {
      value: `web_${app}.instance-${n.toString(16).padStart(8, '0')}-5a0e-11ef-9c39-0242ac110002._app.1`,
    },
    agent_id,
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 64 } },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: port_, end: port_ }] } },
    ],
    command: {
      value: './server --listen $PORT0 --config /etc/shop/server.yaml',
      shell: true,
      environment: {
        variables: [
          { name: 'PORT0', value: String(port_) },
          { name: 'MARATHON_APP_ID', value: `/${app}/web` },
          { name: 'MARATHON_APP_VERSION', value: '2026-11-22T10:00:00.000Z' },
          { name: 'DATABASE_URL', value: 'postgres://db.marathon.mesos:5432/shop' },
        ],
      },
    },
    labels: {
      labels: [
        { key: 'HAPROXY_GROUP', value: 'external' },
        { key: 'HAPROXY_0_VHOST', value: `${app}.example.com` },
        { key: 'team', value: 'platform' },
      ],
    },
    discovery: {
      visibility: 'FRAMEWORK',
      name: `web.${app}`,
      ports: { ports: [{ number: port_, name: 'http', protocol: 'tcp' }] },
    },
    health_check: {
      type: 'HTTP',
      http: { port: port_, path: '/health', scheme: 'http' },
      interval_seconds: 10,
      grace_period_seconds: 60,
    },
  };
}

interface Watcher {
  readonly tasks: Set<string>;
  firstByte: number;
  complete: number;
  bytes: number;
  ended: number;
  socket: Socket | undefined;
}
let watchers: Watcher[] = [];
let watched: number[] = [];

function watch(until?: () => void): void {
  const asked = now();
  const watcher: Watcher = {
    tasks: new Set(),
    firstByte: 0,
    complete: 0,
    bytes: 0,
    ended: 0,
    socket: undefined,
  };
  watchers.push(watcher);
  watcher.socket = openRecords(
    port,
    '/api/v1',
    { type: 'SUBSCRIBE' },
    {
      opened() {},
      piece() {
        watcher.firstByte ||= now() - asked;
      },
      record(bytes) {
        if (watcher.complete === 0) {
          watcher.complete = now() - asked;
          watcher.bytes = bytes.length;
        }
        onWatched(watcher, bytes);
        until?.();
      },
      closed() {},
    },
  );
}

function onWatched(watcher: Watcher, bytes: Uint8Array): void {
  const event = JSON.parse(Buffer.from(bytes).toString('latin1')) as Record<string, unknown>;
  const { type } = event as { type: string };
  if (type === 'SUBSCRIBED') {
    const { get_state } = event['subscribed'] as {
      get_state: { get_tasks: { tasks?: { task_id: { value: string } }[] } };
    };
    for (const task of get_state.get_tasks.tasks ?? []) watcher.tasks.add(task.task_id.value);
  }
  if (type === 'TASK_ADDED')
    watcher.tasks.add((event['task_added'] as { task: { task_id: { value: string } } }).task.task_id.value);
  if (type !== 'TASK_UPDATED') return;
  const { status } = event['task_updated'] as { status: Status };
  if (status.state !== 'TASK_RUNNING') watcher.ended++;
  if (status.message?.startsWith('sent ')) watched.push(now() - Number(status.message.slice(5)));
}

serve({
  async join(given: { port: number; count: number }) {
    ({ port } = given);
    for (let index = 0; index < given.count; index++)
      frameworks.push({
        index,
        sated: false,
        id: undefined,
        streamId: '',
        socket: undefined,
        line: new CallLine(port),
      });
    await Promise.all(frameworks.map(subscribe));
  },
  async rejoin() {
    for (const framework of frameworks) {
      framework.socket?.destroy();
      framework.line.end();
      framework.line = new CallLine(port);
    }
    offers = 0;
    offerEvents = 0;
    otherStates = 0;
    await Promise.all(frameworks.map(subscribe));
  },
  /** `launch`: how many tasks in all; it begins anew with everybody reviving. */
  act(given: { mode: typeof mode; launch?: number }) {
    ({ mode } = given);
    if (given.launch !== undefined) toLaunch = given.launch;
    for (const framework of frameworks) call(framework, { type: 'REVIVE' });
  },
  /** All but some want nothing any more, as frameworks do that have no work waiting. */
  suppress(given: { but: number }) {
    mode = { kind: 'decline', seconds: 5 };
    for (const framework of frameworks.slice(given.but)) {
      framework.sated = true;
      call(framework, { type: 'SUPPRESS' });
    }
  },
  async watch(given: { count: number }) {
    for (const { socket } of watchers) socket?.destroy();
    watchers = [];
    await new Promise<void>((resolve) => {
      let left = given.count;
      for (let i = 0; i < given.count; i++) {
        let first = true;
        watch(() => {
          if (first && --left === 0) resolve();
          first = false;
        });
      }
    });
  },
  /** What was seen since the last time. */
  figures() {
    const answer = {
      launched,
      running,
      lastRunning,
      offers,
      offerEvents,
      failed,
      otherStates,
      latencies,
      watched,
      watchers: watchers.map(({ tasks: { size }, firstByte, complete, bytes, ended }) => ({
        tasks: size,
        firstByte,
        complete,
        bytes,
        ended,
      })),
    };
    latencies = [];
    watched = [];
    return answer;
  },
});
