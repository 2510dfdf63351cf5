import type { AgentNode } from './nodes.ts';
import type { Cluster } from './cluster.ts';
import { at } from './step.ts';
import type { Kind, Step } from './step.ts';

const APPS = ['/web', '/api', '/job'];
const appAt = (step: Step): string => APPS[step.who % APPS.length] ?? '/web';

/** Which agent, as the master calls it; undefined: it has not registered. */
function agentAt(c: Cluster, { who }: Step): { readonly agent: AgentNode; readonly id: string } | undefined {
  const agent = at(c.agents, who);
  const id = agent?.disk.agent?.agentId;
  return agent && id !== undefined ? { agent, id } : undefined;
}

/** What people want: users of Marathon, and operators. */
export const ORDERS: Readonly<Record<string, Kind>> = {
  gone: {
    calm: 0,
    wild: 1,
    ms: [1_000, 60_000],
    run(c, s) {
      const { agent, id } = agentAt(c, s) ?? {};
      if (!agent || id === undefined) return;
      c.operator.order({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: id } } });
      // it stays there refused, for people to see; one of them starts it again
      c.world.after(s.ms, () => {
        agent.crash();
        agent.start();
      });
    },
  },
  teardown: {
    calm: 0,
    wild: 0.5,
    ms: [0, 0],
    run(c) {
      const { frameworkId } = c.marathon.marathon?.scheduler.driver ?? {};
      if (frameworkId === undefined) return;
      c.judge.tornDown(frameworkId);
      c.operator.order({ type: 'TEARDOWN', teardown: { framework_id: { value: frameworkId } } });
    },
  },
  drain: {
    calm: 0,
    wild: 2,
    ms: [1_000, 90_000],
    run(c, s) {
      const { id } = agentAt(c, s) ?? {};
      if (id === undefined) return;
      c.judge.emptied(id);
      const agent_id = { value: id };
      const max_grace_period = { seconds: Math.floor(s.share * 10) };
      const drain_agent = { agent_id, max_grace_period, mark_gone: s.share < 0.25 };
      c.operator.order({ type: 'DRAIN_AGENT', drain_agent });
      c.world.after(s.ms, () =>
        c.operator.order({ type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id } }),
      );
    },
  },
  deactivate: {
    calm: 2,
    wild: 1,
    ms: [1_000, 90_000],
    run(c, s) {
      const { id } = agentAt(c, s) ?? {};
      if (id === undefined) return;
      const agent_id = { value: id };
      c.operator.order({ type: 'DEACTIVATE_AGENT', deactivate_agent: { agent_id } });
      c.world.after(s.ms, () =>
        c.operator.order({ type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id } }),
      );
    },
  },
  maintenance: {
    calm: 0,
    wild: 1,
    ms: [5_000, 120_000],
    run(c, s) {
      const { agent, id } = agentAt(c, s) ?? {};
      if (!agent || id === undefined) return;
      const machines = [agent.machine];
      const unavailability = { start: { nanoseconds: agent.nowMs * 1e6 } };
      const windows = [{ machine_ids: machines, unavailability }];
      c.operator.order({
        type: 'UPDATE_MAINTENANCE_SCHEDULE',
        update_maintenance_schedule: { schedule: { windows } },
      });
      c.world.after(s.ms * s.share, () => {
        for (const one of [id, agent.disk.agent?.agentId]) if (one !== undefined) c.judge.emptied(one);
        c.operator.order({ type: 'START_MAINTENANCE', start_maintenance: { machines } });
      });
      c.world.after(s.ms, () => {
        c.operator.order({ type: 'STOP_MAINTENANCE', stop_maintenance: { machines } });
        agent.crash();
        agent.start();
      });
    },
  },
  quota: {
    calm: 1,
    wild: 1,
    ms: [5_000, 90_000],
    run(c, s) {
      const limits = { cpus: { value: Math.floor(s.share * 5) }, mem: { value: 256 } };
      c.operator.quota(s.share < 0.8 ? { limits } : { guarantees: limits, limits });
      c.world.after(s.ms, () => c.operator.quota({}));
    },
  },
  weights: {
    calm: 1,
    wild: 1,
    ms: [0, 0],
    run: (c, s) => c.operator.weigh(0.5 + s.share),
  },
  grow: { calm: 2, wild: 3, ms: [0, 0], run: (c, s) => c.user.grow(appAt(s)) },
  'end-wish': {
    calm: 0,
    wild: 2,
    ms: [0, 0],
    run(c, s) {
      const wish = at(['solo', 'pair', 'own'], s.who) ?? '';
      c.judge.reduced(`/${wish}`);
      c.batch.program?.kill(wish);
    },
  },
  scale: {
    calm: 0,
    wild: 3,
    ms: [0, 0],
    run: (c, s) => c.user.size(appAt(s), Math.floor(s.share * 5), s.who % 7 === 0),
  },
  restart: { calm: 0, wild: 2, ms: [0, 0], run: (c, s) => c.user.restart(appAt(s)) },
  remove: { calm: 0, wild: 1, ms: [0, 0], run: (c, s) => c.user.remove(appAt(s)) },
};
