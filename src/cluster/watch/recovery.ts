import { at, idOf, recoveredIds, taskKey } from '../model/index.ts';
import type { Change } from '../model/index.ts';

/** Agents that the leader has yet to see again, with the tasks that are only remembered (`carryOver`). */
export class Recovery {
  readonly #carried: Map<string, Set<string>>;

  constructor(carried: Map<string, Set<string>>) {
    this.#carried = carried;
  }

  get agents(): ReadonlyMap<string, unknown> {
    return this.#carried;
  }

  /** What else an event means: with an agent that is back, those of its tasks go which it did not bring along. */
  after(event: unknown): Change[] {
    if (this.#carried.size === 0) return [];
    const task = at(event, 'task_added', 'task');
    const framework = idOf(at(task, 'framework_id')) ?? idOf(at(event, 'task_updated', 'framework_id'));
    const id = idOf(at(task, 'task_id')) ?? idOf(at(event, 'task_updated', 'status', 'task_id'));
    if (framework !== undefined && id !== undefined)
      for (const keys of this.#carried.values()) keys.delete(taskKey(framework, id));
    const agent =
      idOf(at(event, 'agent_added', 'agent', 'agent_info', 'id')) ??
      idOf(at(event, 'agent_removed', 'agent_id'));
    return agent === undefined ? [] : this.#forget(agent);
  }

  /** What a GET_AGENTS answer means, unless the master began with an empty registry just now: agents in neither of its lists were given up. */
  reconcile(getAgents: unknown): Change[] {
    const present = new Set(recoveredIds(at(getAgents, 'recovered_agents')));
    const agents: unknown = at(getAgents, 'agents');
    if (!Array.isArray(agents)) return [];
    for (const agent of agents as unknown[]) present.add(idOf(at(agent, 'agent_info', 'id')) ?? '');
    const changes: Change[] = [];
    for (const id of this.#carried.keys())
      if (!present.has(id)) changes.push(...this.#forget(id), { kind: 'agent', id, value: undefined });
    return changes;
  }

  #forget(agent: string): Change[] {
    const keys = this.#carried.get(agent) ?? new Set<string>();
    this.#carried.delete(agent);
    return [...keys].map((id) => ({ kind: 'task', id, value: undefined }));
  }
}
