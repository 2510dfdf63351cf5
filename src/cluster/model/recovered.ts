import { asId, asList, member } from './json.ts';
import type { ClusterModel } from './model.ts';
import type { ClusterState } from './types.ts';

/**
 * After a fail-over the new leader knows the agents of its registry by id only, and none of their tasks, until each of
 * them registers again. These tasks run on. Until its agent is back (or given up), what was known of it still holds;
 * otherwise every change of leader would empty the whole catalog for a while.
 */
export function carryOver(
  before: ClusterState,
  next: ClusterModel,
  recovered: ReadonlySet<string>,
): Map<string, Set<string>> {
  const carried = new Map<string, Set<string>>();
  for (const id of recovered) {
    const agent = before.agents.get(id);
    if (!agent || next.agents.has(id)) continue;
    next.agents.set(id, agent);
    carried.set(id, new Set());
  }
  if (carried.size === 0) return carried;
  for (const [key, task] of before.tasks) {
    const keys = carried.get(task.agentId);
    if (!keys || next.tasks.has(key)) continue;
    next.tasks.set(key, task);
    keys.add(key);
    const framework = before.frameworks.get(task.frameworkId);
    if (framework && !next.frameworks.has(framework.id))
      next.frameworks.set(framework.id, { ...framework, active: false });
  }
  return carried;
}

/** Ids out of `recovered_agents` (v1) or `recovered_slaves` (v0). */
export function recoveredIds(list: unknown): ReadonlySet<string> {
  return new Set(
    asList(list)
      .map((a) => asId(member(a, 'id')))
      .filter((id) => id !== undefined),
  );
}
