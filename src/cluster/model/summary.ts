import { readFramework } from './framework.ts';
import { asBoolean, asId, asList, member } from './json.ts';
import type { Change, ClusterState, ModelAgent, ModelFramework } from './types.ts';

/** What was known when a summary was asked for. */
export interface AskedAt {
  readonly agents: ReadonlyMap<string, ModelAgent>;
  readonly frameworks: ReadonlyMap<string, ModelFramework>;
  /** Agents that are yet to register with this leader, which does not list them. */
  readonly recovering: ReadonlySet<string>;
}

export function askedAt(state: ClusterState, recovering: Iterable<string> = []): AskedAt {
  return {
    agents: new Map(state.agents),
    frameworks: new Map(state.frameworks),
    recovering: new Set(recovering),
  };
}

/**
 * What a v0 `/state-summary` knows and the event stream does not tell: agents that went without a word (unreachable or
 * marked gone while they ran nothing), agents that lost their connection or have it again, the pids of frameworks on the
 * driver, and frameworks that disconnected. The
 * answer is older than the events that arrived while it was on its way, so it counts only for entities that did not
 * change since `asked`.
 */
export function changesOfSummary(state: ClusterState, asked: AskedAt, summary: unknown): Change[] {
  const agents = member(summary, 'slaves');
  const frameworks = member(summary, 'frameworks');
  if (!Array.isArray(agents) || !Array.isArray(frameworks)) return [];
  const changes: Change[] = [];
  const present = new Map(asList(agents).map((a) => [asId(member(a, 'id')), a]));
  for (const [id, agent] of state.agents) {
    if (asked.agents.get(id) !== agent) continue;
    const active = asBoolean(member(present.get(id), 'active')) ?? agent.active;
    if (!present.has(id)) {
      if (!asked.recovering.has(id)) changes.push({ kind: 'agent', id, value: undefined });
    } else if (active !== agent.active) changes.push({ kind: 'agent', id, value: { ...agent, active } });
  }
  for (const json of asList(frameworks)) {
    const id = asId(member(json, 'id')) ?? '';
    const known = state.frameworks.get(id);
    if (!known || asked.frameworks.get(id) !== known) continue;
    const value = withSummary(known, json);
    if (value !== known) changes.push({ kind: 'framework', id, value });
  }
  const listed = new Set(asList(frameworks).map((f) => asId(member(f, 'id'))));
  const needed = new Set([...state.tasks.values()].map((t) => t.frameworkId));
  for (const [id, framework] of state.frameworks) {
    const silent = !listed.has(id) && !needed.has(id) && asked.frameworks.get(id) === framework;
    if (silent) changes.push({ kind: 'framework', id, value: undefined });
  }
  return changes;
}

function withSummary(known: ModelFramework, json: unknown): ModelFramework {
  const pid = readFramework(json, '').value?.pid;
  const active = asBoolean(member(json, 'active')) ?? known.active;
  const samePid = pid?.host === known.pid?.host && pid?.port === known.pid?.port;
  return samePid && active === known.active ? known : { ...known, pid, active };
}

/** `framework` with the pid that was known of it, where a v1 document (which never shows one) made it. */
export function keepPid(before: ModelFramework | undefined, framework: ModelFramework): ModelFramework {
  return framework.pid === undefined && before?.pid ? { ...framework, pid: before.pid } : framework;
}
