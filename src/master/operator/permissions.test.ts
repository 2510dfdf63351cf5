import { afterEach, describe, expect, it } from 'vitest';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import type { Rule } from '../../core/policy/types.ts';
import { getJson, operate, post, startMaster, TestAgent } from '../testing/peers.ts';
import type { RunningMaster } from '../testing/peers.ts';

const running: RunningMaster[] = [];
afterEach(async () => {
  for (const master of running.splice(0)) await master.stop();
});

/** A master for which everybody is `ops`, who may do everything but this. */
async function start(...denied: (readonly [action: string, on?: string])[]): Promise<RunningMaster> {
  const rules: Rule[] = denied.map(([action, on]) => ({
    name: action,
    effect: 'deny',
    who: ['principal:ops'],
    may: [action],
    ...(on !== undefined && { on: [on] }),
  }));
  const subject = { kind: 'principal', name: 'ops', groups: [] } as const;
  const master = await startMaster({
    access: {
      authenticator: { authenticate: async () => ({ kind: 'subject', subject }) },
      authorizer: new CompiledPolicy({ version: 1, default: 'allow', rules }),
    },
  });
  running.push(master);
  return master;
}

async function status(master: RunningMaster, path: string, body: unknown): Promise<string> {
  const reply = await post(master, path, body);
  return `${reply.status} ${await reply.text()}`.trim();
}

const FORBIDDEN = '403 403 Forbidden.';
const [MINE, YOURS] = [{ hostname: 'Mine' }, { hostname: 'yours', ip: '10.0.0.1' }];
const scheduled = (...machine_ids: unknown[]): unknown => ({
  windows: [{ machine_ids, unavailability: { start: { nanoseconds: 1 } } }],
});

describe('operators ask the policy', () => {
  it('what they may do with agents', async () => {
    const actions = ['mark_agents_gone', 'drain_agents', 'deactivate_agents', 'reactivate_agents'];
    const master = await start(...actions.map((action) => [action] as const));
    const agent = await TestAgent.subscribe(master);
    for (const type of ['MARK_AGENT_GONE', 'DRAIN_AGENT', 'DEACTIVATE_AGENT', 'REACTIVATE_AGENT']) {
      const call = { type, [type.toLowerCase()]: { agent_id: { value: agent.id } } };
      expect([type, await status(master, '/api/v1', call)]).toEqual([type, FORBIDDEN]);
    }
    expect(await getJson(master, '/slaves')).toMatchObject({
      slaves: [{ active: true, deactivated: false }],
    });
  });

  it('which machines they may schedule: those of the old and of the new schedule', async () => {
    const master = await start(['update_maintenance_schedules', 'yours']);
    expect(await status(master, '/maintenance/schedule', scheduled(MINE, YOURS))).toBe(FORBIDDEN);
    expect(await status(master, '/maintenance/schedule', scheduled(MINE))).toBe('200');
    const call = {
      type: 'UPDATE_MAINTENANCE_SCHEDULE',
      update_maintenance_schedule: { schedule: scheduled(YOURS) },
    };
    expect(await status(master, '/api/v1', call)).toBe(FORBIDDEN);
    const none = await start(['update_maintenance_schedules']);
    expect(await status(none, '/maintenance/schedule', {})).toBe(FORBIDDEN);
  });

  it('which they may bring down and up', async () => {
    const master = await start(['start_maintenances', 'mine'], ['stop_maintenances', 'yours']);
    await status(master, '/maintenance/schedule', scheduled(MINE, YOURS));
    expect(await status(master, '/machine/down', [MINE])).toBe(FORBIDDEN);
    expect(await status(master, '/machine/down', [YOURS])).toBe('200');
    expect(await status(master, '/machine/up', [YOURS])).toBe(FORBIDDEN);
    const call = { type: 'STOP_MAINTENANCE', stop_maintenance: { machines: [YOURS] } };
    expect(await status(master, '/api/v1', call)).toBe(FORBIDDEN);
  });

  it('of which they may know', async () => {
    const master = await start(['get_maintenance_schedules', 'mine'], ['get_maintenance_statuses', 'yours']);
    await status(master, '/maintenance/schedule', scheduled(MINE, YOURS));
    expect(await getJson(master, '/maintenance/schedule')).toEqual(scheduled(YOURS));
    expect(await operate(master, { type: 'GET_MAINTENANCE_STATUS' })).toMatchObject({
      get_maintenance_status: { status: { draining_machines: [{ id: MINE }] } },
    });
  });
});
