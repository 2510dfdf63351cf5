import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  getJson,
  operate,
  post,
  startMaster,
  task,
  TestAgent,
  TestScheduler,
  watchOperator,
} from '../../src/master/testing/peers.ts';
import type { Event, RunningMaster } from '../../src/master/testing/peers.ts';
import { replay } from '../../src/master/testing/raw-exchange.ts';
import type { Exchange } from '../../src/master/testing/raw-exchange.ts';
import { shapeDifferences } from '../../src/master/testing/shape.ts';

// Maintenance and draining beside what Apache Mesos answered and said when its agents were drained: the same fields with the
// same types, and the same answers to the same requests.

type Json = Readonly<Record<string, unknown>>;
const FIXTURES = new URL('../fixtures/golden-maintenance/', import.meta.url);
const lines = <T>(file: string): T[] =>
  readFileSync(new URL(file, FIXTURES), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
const ANSWERS = lines<{ readonly name: string; readonly body: Json }>('answers.jsonl');
const EVENTS = lines<Event>('events.jsonl');

const recorded = (name: string): Json => {
  const found = ANSWERS.find((a) => a.name === name);
  if (!found) throw new Error(`${name} is not among the recordings`);
  return found.body;
};

describe('requests that change nothing', () => {
  let master: RunningMaster;
  beforeAll(async () => {
    master = await startMaster();
  });
  afterAll(() => master.stop());

  it.each(lines<Exchange>('exchanges.jsonl'))('$name', async (exchange) => {
    const ours = await replay(master.master.address.port, exchange, (text) => text);
    const { status, body } = exchange.response;
    expect(ours.status).toBe(Number(status.split(' ')[1]));
    if (body === null) expect(ours.body).toBe('');
    else if (typeof body === 'string') expect(ours.body).toBe(body);
    else expect(JSON.parse(ours.body)).toEqual(body);
  });
});

/** Of an agent what operators have ordered of it. */
function ordered(agent: Json): Json {
  const kept = /^(active|deactivated|drain_info|estimated_drain_start_time(_seconds)?)$/;
  return Object.fromEntries(Object.entries(agent).filter(([key]) => kept.test(key)));
}
const agentsIn = (body: Json): readonly Json[] =>
  ((body['get_agents'] as { agents: Json[] } | undefined)?.agents ?? body['slaves']) as readonly Json[];
const deactivatedIn = (body: Json): Json =>
  ordered(agentsIn(body).find((a) => a['deactivated'] === true) ?? {});

const WHEN = {
  start: { nanoseconds: 1_795_309_857_320_807_000 },
  duration: { nanoseconds: 3_600_000_000_000 },
};
const MACHINE = { hostname: 'agent1.example.com', ip: '127.0.0.1' };

async function write(master: RunningMaster, type: string, payload: Json): Promise<void> {
  const reply = await post(master, '/api/v1', { type, [type.toLowerCase()]: payload });
  expect([type, reply.status, await reply.text()]).toEqual([type, 200, '']);
}

describe('as it was recorded', () => {
  let master: RunningMaster;
  let agent: TestAgent;
  let scheduler: TestScheduler;
  beforeAll(async () => {
    master = await startMaster();
    agent = await TestAgent.subscribe(master);
    scheduler = await TestScheduler.subscribe(master, {
      failover_timeout: 60,
      checkpoint: true,
      capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }],
    });
    master.clock.advance(1);
    const offer = await scheduler.offer();
    const launch = { task_infos: [task('t1', agent.id)] };
    const operations = [{ type: 'LAUNCH', launch }];
    await scheduler.call('ACCEPT', { offer_ids: [offer.id], operations, filters: { refuse_seconds: 0 } });
    await agent.update(scheduler.id, 't1', 'TASK_RUNNING');
  });
  afterAll(() => master.stop());

  it('maintenance is planned, asked for, accepted and cancelled', async () => {
    const windows = [{ machine_ids: [MACHINE], unavailability: WHEN }];
    await write(master, 'UPDATE_MAINTENANCE_SCHEDULE', { schedule: { windows } });
    master.clock.advance(1);
    const asked = await scheduler.stream.next('INVERSE_OFFERS');
    const { inverse_offers } = asked['inverse_offers'] as { inverse_offers: { id: Json }[] };
    await scheduler.call('ACCEPT_INVERSE_OFFERS', { inverse_offer_ids: inverse_offers.map(({ id }) => id) });
    for (const name of ['GET_MAINTENANCE_SCHEDULE', 'GET_MAINTENANCE_STATUS'])
      expect(
        shapeDifferences(recorded(`${name}-after`), await operate(master, { type: name })),
        name,
      ).toEqual([]);
    for (const name of ['schedule', 'status'])
      expect(
        shapeDifferences(
          recorded(`GET_maintenance_${name}-after`),
          await getJson(master, `/maintenance/${name}`),
        ),
        name,
      ).toEqual([]);
    master.clock.advance(6000);
    await scheduler.stream.next('INVERSE_OFFERS');
    await write(master, 'UPDATE_MAINTENANCE_SCHEDULE', { schedule: { windows: [] } });
    await scheduler.stream.next('RESCIND_INVERSE_OFFER');
    for (const type of ['INVERSE_OFFERS', 'RESCIND_INVERSE_OFFER']) {
      const of = (events: readonly Event[]): Json => ({ events: events.filter((e) => e.type === type) });
      expect(shapeDifferences(of(EVENTS), of(scheduler.stream.seen)), type).toEqual([]);
    }
    const unavailabilities = (events: readonly Event[]): unknown[] =>
      events.flatMap((e) =>
        e.type === 'OFFERS'
          ? (e['offers'] as { offers: Json[] }).offers.flatMap((o) => o['unavailability'] ?? [])
          : [],
      );
    const [theirs, ours] = [unavailabilities(EVENTS), unavailabilities(scheduler.stream.seen)];
    expect([theirs.length > 0, ours.length > 0]).toEqual([true, true]);
    expect(shapeDifferences(theirs[0], ours[0])).toEqual([]);
  });

  it('an agent is deactivated, then drained', async () => {
    const compare = async (situation: string): Promise<void> => {
      const ours = [await operate(master, { type: 'GET_AGENTS' }), await getJson(master, '/slaves')];
      for (const [i, name] of [`GET_AGENTS-${situation}`, `GET_slaves-${situation}`].entries())
        expect(shapeDifferences(deactivatedIn(recorded(name)), deactivatedIn(ours[i] ?? {})), name).toEqual(
          [],
        );
    };
    const operator = await watchOperator(master);
    await write(master, 'DEACTIVATE_AGENT', { agent_id: { value: agent.id } });
    await compare('deactivated');
    await write(master, 'DRAIN_AGENT', { agent_id: { value: agent.id }, max_grace_period: { seconds: '5' } });
    const reason = { reason: 'REASON_AGENT_DRAINING' };
    await agent.update(scheduler.id, 't1', 'TASK_KILLING', reason);
    await operator.next('TASK_UPDATED');
    const message = 'Command terminated with signal Terminated';
    const uuid = await agent.update(scheduler.id, 't1', 'TASK_KILLED', { ...reason, message });
    await operator.next('TASK_UPDATED');
    await scheduler.call('ACKNOWLEDGE', { agent_id: { value: agent.id }, task_id: { value: 't1' }, uuid });
    await write(master, 'DEACTIVATE_AGENT', { agent_id: { value: agent.id } }); // is written after the end of the drain
    await compare('draining');
    expect(deactivatedIn(await getJson(master, '/slaves'))).toMatchObject({
      drain_info: deactivatedIn(recorded('GET_slaves-draining'))['drain_info'],
    });
    const updates = (events: readonly Event[]): Json => ({
      events: events.filter(
        (e) => JSON.stringify(e).includes('REASON_AGENT_DRAINING') && e.type === 'TASK_UPDATED',
      ),
    });
    expect(shapeDifferences(updates(EVENTS), updates(operator.seen))).toEqual([]);
  });
});
