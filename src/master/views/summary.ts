import { longList } from '../../core/json/long-list.ts';
import type { Work } from '../../core/slices.ts';
import type { MasterState, TaskEntry } from '../state/model.ts';
import { agentNow } from './pictures.ts';
import { agentV0, frameworkHeadV0 } from './v0.ts';

type Json = Readonly<Record<string, unknown>>;

const COUNTED = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_KILLED',
  'TASK_FAILED',
  'TASK_LOST',
  'TASK_ERROR',
  'TASK_UNREACHABLE',
] as const;

/** How many tasks an agent or a framework has in which state, and with whom. */
class Tally {
  readonly counts: Record<string, number> = Object.fromEntries(COUNTED.map((state) => [state, 0]));
  readonly others = new Set<string>();

  add(state: string, other: string): void {
    if (Object.hasOwn(this.counts, state)) this.counts[state] = (this.counts[state] ?? 0) + 1;
    this.others.add(other);
  }
}

class Tallies {
  readonly #all = new Map<string, Tally>();

  of(id: string): Tally {
    let own = this.#all.get(id);
    if (!own) this.#all.set(id, (own = new Tally()));
    return own;
  }
}

/** /state-summary: agents and frameworks with how many tasks they have in which state, as it is at the call. */
export function stateSummary(state: MasterState, cluster: string | undefined): Work<Json> {
  const tasks: TaskEntry[] = [];
  for (const f of [...state.frameworks.values(), ...state.completedFrameworks.values()])
    for (const list of [f.tasks, f.unreachableTasks, f.completedTasks])
      for (const task of list.values()) tasks.push(task);
  const states = tasks.map((task) => task.state);
  const agents = Array.from(state.agents.values(), (agent) => ({ id: agent.id, now: agentNow(agent) }));
  const frameworks = Array.from(state.frameworks.values(), (f) => ({ ...f }));
  const head = { hostname: state.info.hostname, ...(cluster === undefined ? {} : { cluster }) };
  return (function* () {
    const [byAgent, byFramework] = [new Tallies(), new Tallies()];
    for (const [i, { agentId, frameworkId }] of tasks.entries()) {
      const taskState = states[i] ?? '';
      byAgent.of(agentId).add(taskState, frameworkId);
      byFramework.of(frameworkId).add(taskState, agentId);
      if (i % 64 === 0) yield;
    }
    return {
      ...head,
      slaves: longList(agents, ({ id, now }) => {
        const { counts, others } = byAgent.of(id);
        return { ...agentV0(now), ...counts, framework_ids: [...others] };
      }),
      frameworks: longList(frameworks, (framework) => {
        const { counts, others } = byFramework.of(framework.id);
        return { ...frameworkHeadV0(framework), ...counts, slave_ids: [...others] };
      }),
    };
  })();
}
