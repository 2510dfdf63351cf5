import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpResponse } from '../core/http/client.ts';
import { RecordDecoder } from '../mesos/index.ts';
import { decodeProtobuf, encodeDocument } from '../mesos/proto/index.ts';
import { operate, startMaster, task, TestAgent, TestScheduler, watchOperator } from './testing/peers.ts';
import type { Event, RunningMaster } from './testing/peers.ts';

type Json = Readonly<Record<string, unknown>>;
const PROTOBUF = 'application/x-protobuf';

describe('the APIs of the master in protobuf', () => {
  let master: RunningMaster;
  beforeEach(async () => {
    master = await startMaster();
  });
  afterEach(() => master.stop());

  const post = (
    path: string,
    message: string,
    call: Json,
    headers: Record<string, string> = {},
  ): Promise<HttpResponse> =>
    master.http.request({
      method: 'POST',
      url: master.url + path,
      headers: { 'content-type': PROTOBUF, accept: PROTOBUF, ...headers },
      body: Buffer.from(encodeDocument(PROTOBUF, message, call)),
      timeoutMs: 0,
    });

  const answerOf = async (type: string): Promise<unknown> => {
    const response = await post('/api/v1', 'master.Call', { type, get_metrics: {} });
    expect(response.headers['content-type']).toBe(PROTOBUF);
    return decodeProtobuf('master.Response', await bytesOf(response));
  };

  it('an operator sees the same in both forms, answers and events', async () => {
    const inJson = await watchOperator(master);
    const stream = new Records(await post('/api/v1', 'master.Call', { type: 'SUBSCRIBE' }), 'master.Event');
    const scheduler = await busy(master);
    for (const type of READS) {
      const json = await operate(master, { type, get_metrics: {} });
      if (type !== 'GET_METRICS') expect(await answerOf(type), type).toEqual(withoutEmpty(json));
      else expect(Object.keys((await answerOf(type)) as object)).toEqual(Object.keys(json));
    }
    await scheduler.call('TEARDOWN');
    await inJson.next('FRAMEWORK_REMOVED');
    expect(await stream.until('FRAMEWORK_REMOVED')).toEqual(inJson.seen.map(withoutEmpty));
    expect(new Set(inJson.seen.map((e) => e.type)).size).toBeGreaterThan(6);
    inJson.close();
    stream.close();
  });

  it('a scheduler lives on protobuf alone', async () => {
    const agent = await TestAgent.subscribe(master);
    const framework_info = { user: 'root', name: 'binary', failover_timeout: 10 };
    const response = await post('/api/v1/scheduler', 'scheduler.Call', {
      type: 'SUBSCRIBE',
      subscribe: { framework_info },
    });
    expect(response.headers['content-type']).toBe(PROTOBUF);
    const stream = new Records(response, 'scheduler.Event');
    const call = async (type: string, payload: Json = {}): Promise<number> => {
      const body = { type, framework_id, [type.toLowerCase()]: payload };
      const headers = { 'mesos-stream-id': response.headers['mesos-stream-id'] ?? '' };
      return (await post('/api/v1/scheduler', 'scheduler.Call', body, headers)).status;
    };
    const [subscribed, heartbeat] = await stream.until('HEARTBEAT');
    const { framework_id } = subscribed!['subscribed'] as { framework_id: Json };
    expect(heartbeat).toEqual({ type: 'HEARTBEAT' });
    master.clock.advance(1);
    const { offers } = (await stream.until('OFFERS')).at(-1)!['offers'] as { offers: { id: Json }[] };
    const launch = { task_infos: [task('t', agent.id)] };
    const operations = [{ type: 'LAUNCH', launch }];
    expect(await call('ACCEPT', { offer_ids: [offers[0]!.id], operations })).toBe(202);
    expect(await agent.stream.next('RUN_TASK')).toMatchObject({ run_task: { task: launch.task_infos[0]! } });
    const uuid = await agent.update((framework_id as { value: string }).value, 't', 'TASK_RUNNING');
    const { status } = (await stream.until('UPDATE')).at(-1)!['update'] as { status: Json };
    expect(status).toMatchObject({ state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid });
    const task_id = { value: 't' };
    expect(await call('ACKNOWLEDGE', { agent_id: { value: agent.id }, task_id, uuid })).toBe(202);
    await agent.stream.next('ACKNOWLEDGE');
    expect(await call('KILL', { task_id })).toBe(202);
    await agent.stream.next('KILL_TASK');
    expect(await call('TEARDOWN')).toBe(202);
    await stream.end();
  });

  it('forms may be mixed, and what is refused is refused in text', async () => {
    const ask = async (call: Json, headers: Record<string, string>) => {
      const response = await post('/api/v1', 'master.Call', call, headers);
      return [response.status, response.headers['content-type'], await response.text()] as const;
    };
    const [status, type, body] = await ask({ type: 'GET_HEALTH' }, { accept: 'application/json' });
    expect([status, type, JSON.parse(body)]).toEqual([
      200,
      'application/json',
      { type: 'GET_HEALTH', get_health: { healthy: true } },
    ]);
    expect(await ask({ type: 'GET_HEALTH' }, { accept: 'text/html' })).toEqual([
      406,
      'text/plain; charset=utf-8',
      "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    ]);
    expect((await ask({ type: 'DRAIN_AGENT', drain_agent: { agent_id: { value: 'x' } } }, {}))[0]).toBe(400);
    // the link of our own agents has one form
    const link = await post('/api/v1/agent', 'master.Call', {});
    expect(link.status).toBe(415);
  });
});

const READS = [
  'GET_HEALTH',
  'GET_FLAGS',
  'GET_VERSION',
  'GET_METRICS',
  'GET_LOGGING_LEVEL',
  'GET_STATE',
  'GET_AGENTS',
  'GET_FRAMEWORKS',
  'GET_EXECUTORS',
  'GET_OPERATIONS',
  'GET_TASKS',
  'GET_ROLES',
  'GET_WEIGHTS',
  'GET_MASTER',
  'GET_MAINTENANCE_STATUS',
  'GET_MAINTENANCE_SCHEDULE',
  'GET_QUOTA',
];

/** A cluster with something of everything that an operator can see. */
async function busy(master: RunningMaster): Promise<TestScheduler> {
  const agent = await TestAgent.subscribe(master);
  await operate(master, {
    type: 'UPDATE_QUOTA',
    update_quota: { force: true, quota_configs: [{ role: 'web', limits: { cpus: { value: 3 } } }] },
  });
  await operate(master, {
    type: 'UPDATE_WEIGHTS',
    update_weights: { weight_infos: [{ role: 'web', weight: 2 }] },
  });
  const start = { nanoseconds: 1e18 };
  const windows = [
    { machine_ids: [{ hostname: 'other' }], unavailability: { start, duration: { nanoseconds: 1e9 } } },
  ];
  await operate(master, {
    type: 'UPDATE_MAINTENANCE_SCHEDULE',
    update_maintenance_schedule: { schedule: { windows } },
  });
  const scheduler = await TestScheduler.subscribe(master, {
    roles: ['web'],
    checkpoint: true,
    failover_timeout: 60.5,
    capabilities: [{ type: 'MULTI_ROLE' }, { type: 'RESERVATION_REFINEMENT' }],
    labels: { labels: [{ key: 'é', value: '😀' }] },
  });
  master.clock.advance(1);
  const offer = await scheduler.offer();
  const executor = {
    executor_id: { value: 'e' },
    type: 'CUSTOM',
    command: { value: 'run', uris: [{ value: 'u' }] },
    data: 'AAEC',
  };
  const { command, ...bare } = task('of-executor', agent.id, { executor });
  const container = {
    type: 'DOCKER',
    docker: { image: 'i', network: 'BRIDGE', port_mappings: [{ host_port: 31000, container_port: 80 }] },
  };
  const rich = {
    container,
    labels: { labels: [{ key: 'only' }] },
    limits: { cpus: { value: 'Infinity' } },
    health_check: { type: 'HTTP', http: { port: 80, path: '/' }, grace_period_seconds: 0 },
    discovery: { visibility: 'EXTERNAL', name: 'd', ports: { ports: [{ number: 80, protocol: 'tcp' }] } },
  };
  await scheduler.call('ACCEPT', {
    offer_ids: [offer.id],
    operations: [{ type: 'LAUNCH', launch: { task_infos: [task('rich', agent.id, rich), bare] } }],
    filters: { refuse_seconds: 1 },
  });
  const uuid = await agent.update(scheduler.id, 'rich', 'TASK_RUNNING', { data: 'aGk=', healthy: false });
  await scheduler.call('ACKNOWLEDGE', { agent_id: { value: agent.id }, task_id: { value: 'rich' }, uuid });
  await agent.update(scheduler.id, 'of-executor', 'TASK_FAILED', { message: 'ü' });
  await scheduler.stream.next('UPDATE');
  await scheduler.stream.next('UPDATE');
  return scheduler;
}

/** Protobuf has no empty lists, no nulls, and numbers where JSON needs text. */
function withoutEmpty(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutEmpty);
  if (json === 'Infinity') return Infinity;
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json)
      .filter(([, value]) => !(Array.isArray(value) && value.length === 0))
      .map(([key, value]) => [key, withoutEmpty(value)]),
  );
}

async function bytesOf(response: HttpResponse): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of response.body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The events of a stream of protobuf records. */
class Records {
  readonly #response: HttpResponse;
  readonly #events: AsyncGenerator<Event, void>;

  constructor(response: HttpResponse, message: string) {
    this.#response = response;
    this.#events = eventsOf(response, message);
  }

  /** All events up to one of this type. */
  async until(type: string): Promise<Event[]> {
    const seen: Event[] = [];
    for (;;) {
      const next = await this.#events.next();
      if (next.done === true) throw new Error(`the stream ended before ${type}`);
      seen.push(next.value);
      if (next.value.type === type) return seen;
    }
  }

  async end(): Promise<void> {
    while ((await this.#events.next()).done !== true);
  }

  close(): void {
    this.#response.cancel();
  }
}

async function* eventsOf(response: HttpResponse, message: string): AsyncGenerator<Event, void> {
  const decoder = new RecordDecoder();
  for await (const piece of response.body)
    for (const record of decoder.push(piece)) {
      const event = decodeProtobuf(message, record);
      if (!event) throw new Error(`not a ${message}: ${Buffer.from(record).toString('hex')}`);
      yield event as Event;
    }
}
