import { describe, expect, it, onTestFinished } from 'vitest';
import type { MachineId } from '../mesos/index.ts';
import { agentInfo, getJson, operate, TestAgent, TestScheduler } from './testing/peers.ts';
import type { RunningMaster } from './testing/peers.ts';
import { answerOf, starter, withTask } from './testing/stage.ts';

const start = starter(onTestFinished);

const MACHINE = { hostname: 'agent1.example.com', ip: '127.0.0.1' };
const WHEN = { start: { nanoseconds: 5_000_000_000 }, duration: { nanoseconds: 3_600_000_000_000 } };

const status = (master: RunningMaster, call: object): Promise<string> => answerOf(master, '/api/v1', call);
const schedule = (master: RunningMaster, ...machine_ids: MachineId[]): Promise<string> =>
  status(master, {
    type: 'UPDATE_MAINTENANCE_SCHEDULE',
    update_maintenance_schedule: {
      schedule: { windows: machine_ids.length === 0 ? [] : [{ machine_ids, unavailability: WHEN }] },
    },
  });
const move = (master: RunningMaster, to: 'START' | 'STOP', ...machines: MachineId[]): Promise<string> =>
  status(master, { type: `${to}_MAINTENANCE`, [`${to.toLowerCase()}_maintenance`]: { machines } });

interface Inverse {
  readonly id: { readonly value: string };
}
async function inverseOffer(scheduler: TestScheduler): Promise<Inverse> {
  const { inverse_offers } = await scheduler.stream.next('INVERSE_OFFERS');
  const [first] = (inverse_offers as { inverse_offers: Inverse[] }).inverse_offers;
  if (!first) throw new Error('an INVERSE_OFFERS event without any');
  return first;
}

describe('planned maintenance', () => {
  it('is told with offers and asked for with inverse offers; what frameworks answer is told to operators', async () => {
    const master = await start();
    const { agent, scheduler, first } = await withTask(master);
    expect(first['unavailability']).toBeUndefined();
    expect(await schedule(master, MACHINE)).toBe('200 ');
    await scheduler.stream.next('RESCIND');
    master.clock.advance(1);
    expect(await scheduler.offer()).toMatchObject({ agent_id: { value: agent.id }, unavailability: WHEN });
    const asked = await inverseOffer(scheduler);
    expect(asked).toEqual({
      id: { value: expect.stringMatching(/-O\d+$/) },
      url: {
        scheme: 'http',
        address: { hostname: MACHINE.hostname, ip: '127.0.0.1', port: 5051 },
        path: '/slave(1)',
      },
      framework_id: { value: scheduler.id },
      agent_id: { value: agent.id },
      unavailability: WHEN,
    });
    const frameworks = await operate(master, { type: 'GET_FRAMEWORKS' });
    expect(frameworks['get_frameworks']).toMatchObject({
      frameworks: [{ inverse_offers: [{ id: asked.id }] }],
    });

    const answered = { inverse_offer_ids: [asked.id], filters: { refuse_seconds: 5 } };
    expect((await scheduler.call('DECLINE_INVERSE_OFFERS', answered)).status).toBe(202);
    const said = async (): Promise<unknown> => {
      const reply = await operate(master, { type: 'GET_MAINTENANCE_STATUS' });
      expect(await getJson(master, '/maintenance/status')).toEqual(
        (reply['get_maintenance_status'] as { status: unknown }).status,
      );
      return reply['get_maintenance_status'];
    };
    const framework_id = { value: scheduler.id };
    const timestamp = { nanoseconds: master.clock.now() * 1e6 };
    expect(await said()).toEqual({
      status: {
        draining_machines: [{ id: MACHINE, statuses: [{ status: 'DECLINE', framework_id, timestamp }] }],
      },
    });
    master.clock.advance(4000);
    expect(scheduler.stream.seen.filter((e) => e.type === 'INVERSE_OFFERS')).toHaveLength(1);
    master.clock.advance(2000);
    const again = await inverseOffer(scheduler);
    expect(again.id).not.toEqual(asked.id);
    await scheduler.call('ACCEPT_INVERSE_OFFERS', { inverse_offer_ids: [again.id, asked.id] });
    expect(await said()).toMatchObject({
      status: { draining_machines: [{ statuses: [{ status: 'ACCEPT', framework_id }] }] },
    });
    master.clock.advance(6000);
    const third = await inverseOffer(scheduler);

    expect(await schedule(master)).toBe('200 ');
    expect((await scheduler.stream.next('RESCIND_INVERSE_OFFER'))['rescind_inverse_offer']).toEqual({
      inverse_offer_id: third.id,
    });
    master.clock.advance(1);
    expect((await scheduler.offer())['unavailability']).toBeUndefined();
    expect(await said()).toEqual({ status: {} });
  });

  it('DOWN ends the agents of the machine and keeps them out, also after a failover; UP lets them in', async () => {
    const master = await start();
    const { agent, scheduler } = await withTask(master);
    expect(await move(master, 'START', MACHINE)).toBe(
      `400 Machine '${JSON.stringify(MACHINE)}' is not in DRAINING mode and cannot be brought down`,
    );
    await schedule(master, { ...MACHINE, hostname: 'Agent1.EXAMPLE.com' });
    expect(await move(master, 'START', MACHINE)).toBe('200 ');
    expect((await agent.stream.next('SHUTDOWN')).shutdown.message).toBe('Operator brought the machine down');
    await agent.stream.end();
    expect(await scheduler.status()).toMatchObject({
      state: 'TASK_LOST',
      reason: 'REASON_AGENT_REMOVED',
      message: `Agent ${MACHINE.hostname} removed: operator brought the machine down`,
    });
    await scheduler.stream.next('FAILURE');
    expect(await getJson(master, '/maintenance/status')).toMatchObject({
      down_machines: [{ ip: MACHINE.ip }],
    });
    expect(await schedule(master)).toContain('is deactivated and cannot be removed from the schedule');

    await master.stop();
    const next = await start({ store: master.store, seed: 2 });
    for (const id of [undefined, { value: agent.id }]) {
      const refused = await TestAgent.open(next, { info: agentInfo(id && { id }) });
      expect(await refused.next()).toEqual({
        type: 'SHUTDOWN',
        shutdown: { message: 'Machine is in DOWN mode' },
      });
      await refused.end();
    }
    expect(await getJson(next, '/slaves')).toEqual({ slaves: [], recovered_slaves: [] });
    expect(await move(next, 'STOP', MACHINE)).toBe('200 ');
    expect(await getJson(next, '/maintenance/schedule')).toEqual({});
    await TestAgent.subscribe(next);
  });

  it('is not asked about after a scheduler has gone, an answer to a stranger is ignored', async () => {
    const master = await start();
    const { agent, scheduler } = await withTask(master);
    const other = await TestScheduler.subscribe(master);
    await schedule(master, MACHINE);
    master.clock.advance(1);
    const asked = await inverseOffer(scheduler);
    await other.call('ACCEPT_INVERSE_OFFERS', { inverse_offer_ids: [asked.id, { value: 'none' }] });
    expect(await getJson(master, '/maintenance/status')).toEqual({ draining_machines: [{ id: MACHINE }] });
    agent.stream.close();
    await scheduler.stream.next('RESCIND_INVERSE_OFFER');
    master.clock.advance(2000);
    expect(scheduler.stream.seen.filter((e) => e.type === 'INVERSE_OFFERS')).toHaveLength(1);
  });

  it('expires with the offers', async () => {
    const master = await start({ config: { offerTimeoutSeconds: 30 } });
    const { scheduler } = await withTask(master);
    await schedule(master, MACHINE);
    master.clock.advance(1);
    const asked = await inverseOffer(scheduler);
    master.clock.advance(31_000);
    const rescinded = await scheduler.stream.next('RESCIND_INVERSE_OFFER');
    expect(rescinded['rescind_inverse_offer']).toEqual({ inverse_offer_id: asked.id });
    await inverseOffer(scheduler);
  });

  it('v0 says what is wrong as Apache Mesos does', async () => {
    const master = await start();
    const ask = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: string): Promise<string> => {
      const reply = await master.http.request({
        method,
        url: master.url + path,
        ...(body === undefined ? {} : { body }),
      });
      return `${reply.status} ${await reply.text()}`;
    };
    expect(await ask('PUT', '/maintenance/schedule')).toBe(
      "405 405 Method Not Allowed. Expecting one of { 'GET', 'POST' }, but received 'PUT'.",
    );
    expect(await ask('POST', '/maintenance/status')).toContain(
      "405 405 Method Not Allowed. Expecting one of { 'GET' }",
    );
    expect(await ask('GET', '/master/machine/up')).toContain(
      "Expecting one of { 'POST' }, but received 'GET'",
    );
    expect(await ask('POST', '/machine/down', '{')).toContain('400 syntax error at line 1');
    expect(await ask('POST', '/machine/down', '[]')).toBe('400 List of machines is empty');
    expect(await ask('POST', '/machine/down', '{"hostname":"x"}')).toContain(
      '400 Not expecting a JSON string',
    );
    expect(await ask('POST', '/machine/up', '[3]')).toContain(
      "400 Not expecting a JSON number for field 'machines'",
    );
    const unsaid = '{"windows":[{"machine_ids":[{"hostname":"x"}],"unavailability":{}}]}';
    expect(await ask('POST', '/maintenance/schedule', unsaid)).toContain('Missing required fields');
    expect(
      await ask(
        'POST',
        '/maintenance/schedule',
        '{"windows":[{"unavailability":{"start":{"nanoseconds":1}}}]}',
      ),
    ).toBe('400 List of machines in the maintenance window is empty');
    expect(await ask('GET', '/maintenance/schedule?jsonp=f')).toBe('200 f({})');
  });

  it('is not changed when the registry cannot be written', async () => {
    const master = await start();
    master.store.put = () => Promise.reject(new Error('disk full'));
    expect(await schedule(master, MACHINE)).toBe('503 The registry cannot be written');
    expect(await getJson(master, '/maintenance/schedule')).toEqual({});
  });
});
