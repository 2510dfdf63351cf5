import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  agentInfo,
  getJson,
  operate,
  startMaster,
  task,
  TestAgent,
  TestScheduler,
  watchOperator,
} from '../../src/master/testing/peers.ts';
import type { Event, EventStream, RunningMaster } from '../../src/master/testing/peers.ts';
import { replay } from '../../src/master/testing/raw-exchange.ts';
import type { Exchange } from '../../src/master/testing/raw-exchange.ts';
import { shape, shapeDifferences } from '../../src/master/testing/shape.ts';
import { withExecutors } from '../support/recorded-executors.ts';
import { decodeProtobuf } from '../../src/mesos/proto/index.ts';
import { parseAttributes, parseResources } from '../../src/mesos/index.ts';

// Our master's answers beside those of a real Apache Mesos: the same status and text for the same bad request, the
// same field names and types in comparable situations. What differs on purpose stands in the tables of
// docs/reference/mesos-compatibility.md and nowhere else: this test reads them, and refuses rows that are not needed.
type Json = Readonly<Record<string, unknown>>;
const FIXTURES = new URL('../fixtures/golden-master/', import.meta.url);
const lines = <T>(file: string): T[] =>
  readFileSync(new URL(file, FIXTURES), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

const DOCUMENT = readFileSync(
  new URL('../../docs/reference/mesos-compatibility.md', import.meta.url),
  'utf8',
);
function table(heading: string): Map<string, string> {
  const section = DOCUMENT.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = new Map<string, string>();
  for (const [, keys = '', what = ''] of section.matchAll(/^\| (`.+?) \| (.+?) \|/gm))
    for (const [, key = ''] of keys.matchAll(/`([^`]+)`/g)) rows.set(key, what);
  return rows;
}
const ANSWERS = table('Answers that differ');
const FIELDS = table('Fields that differ');
const usedRows = new Set<string>();

describe('exchanges recorded from Apache Mesos', () => {
  let master: RunningMaster;
  let scheduler: TestScheduler;
  beforeAll(async () => {
    master = await startMaster();
    // Quota is checked against what there is.
    await TestAgent.subscribe(master);
    scheduler = await TestScheduler.subscribe(master);
  });
  afterAll(() => master.stop());

  it.each(lines<Exchange>('exchanges.jsonl'))('$name', async (exchange) => {
    const translate = (text: string): string =>
      text
        .replaceAll('73a9fad9-41e3-4bf8-b1a5-a80ce5eb9a60-0003', scheduler.id)
        .replaceAll('9bb1fa9f-a1fa-4e51-aa59-89e47e04d866', scheduler.stream.streamId);
    const ours = await replay(master.master.address.port, exchange, translate);
    const status = Number(exchange.response.status.split(' ')[1]);
    const row = ANSWERS.get(exchange.name);
    if (row !== undefined) {
      usedRows.add(exchange.name);
      expect(row).toContain(String(ours.status));
      const same = ours.status === status && ours.body === exchange.response.body;
      expect(same, 'the row in the table is not needed').toBe(false);
      return;
    }
    expect(ours.status).toBe(status);
    for (const header of exchange.response.headers) {
      const name = header.split(':')[0] ?? '';
      const exact = /^(Content-Type|Location|Allow):/.test(header) || header === 'Content-Length: 0';
      expect(ours.headers.toLowerCase()).toContain(exact ? header.toLowerCase() : `${name.toLowerCase()}:`);
    }
    compareBodies(exchange, ours.body, translate);
  });
});

function compareBodies(exchange: Exchange, ours: string, translate: (text: string) => string): void {
  const theirs = exchange.response.body;
  if (exchange.request.line.startsWith('HEAD')) return;
  if (theirs === null) expect(ours).toBe('');
  else if (isBinary(theirs)) expect(shapeOfBinary(ours)).toEqual(shapeOfBinary(theirs.base64, 'base64'));
  else if (typeof theirs !== 'string') expect(JSON.parse(ours)).toBeTypeOf('object');
  else if (/^\d+\n/.test(theirs)) expect(ours).toBe(theirs);
  else if (/^[0-9a-f]+\r\n/.test(theirs)) expect(ours).toContain('"type":"SUBSCRIBED"');
  else if (theirs.startsWith('(')) expect(JSON.parse(ours)).toBeTypeOf('object');
  else expect(ours).toBe(translate(theirs));
}

const isBinary = (body: unknown): body is { base64: string } =>
  typeof body === 'object' && body !== null && Object.hasOwn(body, 'base64');

/** The fields of a response in protobuf that is written down as text, but those that are documented. */
function shapeOfBinary(text: string, encoding: 'latin1' | 'base64' = 'latin1'): string[] {
  const read = decodeProtobuf('master.Response', Buffer.from(text, encoding));
  return [...shape(read).keys()].filter((field) => !documented(field)).sort();
}

// ---- shapes ----

/** The documented difference that covers this one: a row covers its path and all below; `*.` stands for any start. */
function documented(difference: string): boolean {
  const path = (difference.split(' ')[0] ?? '').replaceAll('[]', '');
  for (const row of FIELDS.keys()) {
    const covers = row.startsWith('*.')
      ? `.${path}.`.includes(`${row.slice(1)}.`)
      : `${path}.`.startsWith(`${row}.`);
    if (!covers) continue;
    usedRows.add(row);
    return true;
  }
  return false;
}

const undocumented = (theirs: unknown, ours: unknown): string[] =>
  shapeDifferences(theirs, ours).filter((d) => !documented(d));

interface Answer {
  readonly situation: string;
  readonly name: string;
  readonly line: string;
  readonly body: Json;
}
const RECORDED = lines<Answer>('answers.jsonl');
const situation = (name: string): Answer[] => RECORDED.filter((a) => a.situation === name);

async function ask(master: RunningMaster, answer: Answer): Promise<unknown> {
  if (!answer.name.startsWith('v1_')) {
    return getJson(master, answer.line.split(' ')[1] ?? '');
  }
  return operate(master, { type: answer.name.slice(3) });
}

const MARATHON = {
  name: 'marathon',
  roles: ['web', 'infra'],
  checkpoint: true,
  failover_timeout: 604_800,
  hostname: 'sched.example.com',
  principal: 'marathon',
  webui_url: 'http://127.0.0.1:8080',
  capabilities: ['MULTI_ROLE', 'PARTITION_AWARE', 'TASK_KILLING_STATE', 'RESERVATION_REFINEMENT'].map(
    (type) => ({
      type,
    }),
  ),
  labels: { labels: [{ key: 'team', value: 'core' }] },
};
const labels = { labels: [{ key: 'app', value: 'web' }] };
const port = { number: 31000, name: 'http', protocol: 'tcp', visibility: 'EXTERNAL', labels };
const RICH = {
  resources: [
    { name: 'cpus', type: 'SCALAR', scalar: { value: 0.2 } },
    { name: 'mem', type: 'SCALAR', scalar: { value: 64 } },
    { name: 'disk', type: 'SCALAR', scalar: { value: 16 } },
    { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 31001 }] } },
  ],
  labels,
  discovery: {
    visibility: 'EXTERNAL',
    name: 'web',
    environment: 'prod',
    location: 'us-east',
    version: '1.0',
    ports: { ports: [port] },
    labels,
  },
  container: { type: 'MESOS' },
  kill_policy: { grace_period: { nanoseconds: 3_000_000_000 } },
};
const HEALTH = {
  delay_seconds: 1,
  interval_seconds: 1,
  timeout_seconds: 5,
  consecutive_failures: 30,
  grace_period_seconds: 0,
  type: 'COMMAND',
  command: { shell: true, value: 'test -e ok' },
};

interface Cluster {
  readonly master: RunningMaster;
  readonly operator: EventStream;
  readonly agent: TestAgent;
  readonly second: TestAgent;
  readonly marathon: TestScheduler;
  readonly chronos: TestScheduler;
}

/** Two agents and two frameworks with running, finished and failed tasks, as where the answers were recorded. */
async function populate(): Promise<Cluster> {
  const master = await startMaster({ config: { cluster: 'golden', domain: { region: 'us', zone: 'us-0' } } });
  const operator = await watchOperator(master);
  const parsed = parseAttributes('rack:r1;level:3;rng:[1-5]');
  const attributes = parsed.ok ? parsed.value : [];
  const agent = await TestAgent.subscribe(master, { info: agentInfo({ attributes }) });
  const reserved = parseResources('cpus:4;mem:4096;disk:10240;ports:[31000-32000];cpus(web):2;mem(web):1024');
  const resources = reserved.ok ? reserved.value : [];
  const domain = { fault_domain: { region: { name: 'us' }, zone: { name: 'us-1' } } };
  const second = await TestAgent.subscribe(master, {
    info: agentInfo({ hostname: '127.0.0.1', port: 5052, resources, attributes, domain }),
    port: 5052,
  });
  const marathon = await TestScheduler.subscribe(master, MARATHON);
  master.clock.advance(1);
  for (const offer of await marathon.offers()) {
    const on = offer.agent_id.value;
    const all = [task('web.1', on, RICH), task('hc.1', on, { health_check: HEALTH }), task('finish.1', on)];
    const launch = {
      type: 'LAUNCH',
      launch: { task_infos: on === agent.id ? all : [task('web.2', on, RICH)] },
    };
    await marathon.call('ACCEPT', {
      offer_ids: [offer.id],
      operations: on === agent.id ? [launch, ...withExecutors(on, marathon.id)] : [launch],
      filters: { refuse_seconds: 0 },
    });
  }
  const chronos = await TestScheduler.subscribe(master, { name: 'chronos' });
  await runTasks(master, marathon, agent, second);
  return { master, operator, agent, second, marathon, chronos };
}

async function runTasks(
  master: RunningMaster,
  marathon: TestScheduler,
  agent: TestAgent,
  second: TestAgent,
): Promise<void> {
  const acked = async (
    on: TestAgent,
    id: string,
    state: Parameters<TestAgent['update']>[2],
    more: Json = {},
  ) => {
    const uuid = await on.update(marathon.id, id, state, more);
    await marathon.call('ACKNOWLEDGE', { agent_id: { value: on.id }, task_id: { value: id }, uuid });
  };
  const network = { ip_addresses: [{ protocol: 'IPv4', ip_address: '10.9.8.7' }], name: 'net1', labels };
  const rich = {
    labels,
    message: 'hello',
    data: 'aGVsbG8=',
    container_status: { container_id: { value: 'c' }, network_infos: [network], executor_pid: 1 },
    check_status: { type: 'COMMAND', command: { exit_code: 7 } },
  };
  const { check_status, ...unchecked } = rich;
  const healthy = { healthy: true, reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED' };
  for (const id of ['web.1', 'hc.1', 'finish.1']) await acked(agent, id, 'TASK_STARTING');
  await acked(second, 'web.2', 'TASK_RUNNING');
  await acked(agent, 'web.1', 'TASK_RUNNING', { ...rich, reason: 'REASON_TASK_CHECK_STATUS_UPDATED' });
  await acked(agent, 'hc.1', 'TASK_RUNNING', healthy);
  await acked(agent, 'finish.1', 'TASK_RUNNING', unchecked);
  await acked(agent, 'finish.1', 'TASK_FINISHED', unchecked);
  const ofExecutor = { ...unchecked, executor_id: { value: 'pyexec-1' } };
  await acked(agent, 'px.1', 'TASK_RUNNING', ofExecutor);
  await acked(agent, 'px.once', 'TASK_RUNNING', ofExecutor);
  await acked(agent, 'px.once', 'TASK_FINISHED', ofExecutor);
  const container_id = { value: 'inner', parent: { value: 'outer' } };
  const nested = {
    container_status: { ...rich.container_status, container_id },
    executor_id: { value: 'de-1' },
  };
  for (const id of ['pod.a', 'pod.b']) await acked(agent, id, 'TASK_RUNNING', nested);
  master.clock.advance(1000);
}

/** The second agent stops to answer pings until it is given up. */
async function loseSecond(master: RunningMaster, agent: TestAgent, second: TestAgent): Promise<void> {
  for (let i = 0; i < 6; i++) {
    master.clock.advance(15_000);
    await agent.stream.next('PING');
    await agent.call({ type: 'PONG' });
  }
  await second.stream.end();
}

describe('answers in the situations that were recorded', () => {
  it('an empty cluster', async () => {
    const master = await startMaster({
      config: { cluster: 'golden', domain: { region: 'us', zone: 'us-0' } },
    });
    for (const answer of situation('master-empty'))
      expect(undocumented(answer.body, await ask(master, answer)), answer.name).toEqual([]);
    await master.stop();
  });

  it('a busy cluster', async () => {
    const { master, marathon, chronos } = await populate();
    await chronos.offer();
    for (const answer of situation('master-running')) {
      if (answer.name === 'GET_metrics_snapshot') continue;
      expect(undocumented(answer.body, await ask(master, answer)), answer.name).toEqual([]);
    }
    const metrics = await getJson(master, '/metrics/snapshot');
    const known = situation('master-running').find((a) => a.name === 'GET_metrics_snapshot')?.body ?? {};
    const task = /^master\/task_/; // only those that have happened are listed
    expect(Object.keys(metrics).filter((name) => !task.test(name) && !Object.hasOwn(known, name))).toEqual(
      [],
    );
    marathon.stream.close();
    await master.stop();
  });

  it('an agent that is unreachable', async () => {
    const { master, agent, second, marathon } = await populate();
    await loseSecond(master, agent, second);
    await marathon.stream.next('FAILURE');
    for (const answer of situation('master-agent2-unreachable')) {
      const ours = (await ask(master, answer)) as Json;
      const state = 'unreachable_tasks[].statuses[].state';
      expect(shape(ours).size).toBeGreaterThan(10);
      if (answer.name === 'v1_GET_TASKS')
        expect(shape(ours).has(`get_tasks.${state}`)).toBe(shape(answer.body).has(`get_tasks.${state}`));
      else expect(ours).toMatchObject({ activated_slaves: 1, deactivated_slaves: 0, unreachable_slaves: 1 });
    }
    await master.stop();
  });

  it('a master that was restarted, before its agents are back', async () => {
    const before = await startMaster();
    const lost = await TestAgent.subscribe(before);
    await before.stop();
    const master = await startMaster({ store: before.store, seed: 2 });
    for (const answer of situation('restart').filter((a) => a.name.endsWith('recovered-agents'))) {
      const ours = (await ask(master, answer)) as Json;
      expect(undocumented(answer.body['recovered_slaves'], ours['recovered_slaves']), answer.name).toEqual(
        [],
      );
      expect(ours['recovered_slaves']).toMatchObject([{ id: lost.id }]);
    }
    await master.stop();
  });

  it('events of the operator and scheduler streams', async () => {
    const { master, operator, agent, second, marathon, chronos } = await populate();
    await chronos.offer();
    await marathon.call('RECONCILE', { tasks: [] });
    await loseSecond(master, agent, second);
    await chronos.stream.next('FAILURE');
    await agent.call({ type: 'UNREGISTER' });
    await operator.next('AGENT_REMOVED');
    await marathon.call('TEARDOWN');
    await operator.next('FRAMEWORK_REMOVED');
    const types = ['SUBSCRIBED', 'HEARTBEAT', 'OFFERS', 'RESCIND', 'FAILURE'];
    eventShapes(lines<Event>('scheduler-stream.jsonl'), chronos.stream.seen, types);
    const ofOperators = ['SUBSCRIBED', 'HEARTBEAT', 'AGENT_ADDED', 'AGENT_REMOVED', 'FRAMEWORK_ADDED'];
    eventShapes(lines<Event>('operator-stream.jsonl'), operator.seen, [
      ...ofOperators,
      'FRAMEWORK_REMOVED',
      'TASK_ADDED',
      'TASK_UPDATED',
    ]);
    await master.stop();
  });

  it('every row of the tables is needed', () => {
    expect([...ANSWERS.keys(), ...FIELDS.keys()].filter((row) => !usedRows.has(row))).toEqual([]);
  });
});

function eventShapes(theirs: readonly Event[], ours: readonly Event[], types: readonly string[]): void {
  for (const type of types) {
    const recorded = theirs.filter((e) => e.type === type);
    const sent = ours.filter((e) => e.type === type);
    expect([recorded.length > 0, sent.length > 0], type).toEqual([true, true]);
    expect(undocumented({ events: recorded }, { events: sent }), type).toEqual([]);
  }
}
