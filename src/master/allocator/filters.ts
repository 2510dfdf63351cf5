import type { Resource } from '../../mesos/index.ts';
import { containsResources } from '../../mesos/index.ts';

const DEFAULT_REFUSE_SECONDS = 5;
const MAX_REFUSE_SECONDS = 365 * 24 * 3600;

interface Filter {
  readonly resources: readonly Resource[];
  /** Monotonic milliseconds. */
  readonly until: number;
}

/** How long a refusal holds (mesos-api.md §1.7): 5 s when unsaid or invalid, at most a year; 0 means not at all. */
export function refuseMs(refuseSeconds: number | undefined): number {
  if (refuseSeconds === undefined || Number.isNaN(refuseSeconds) || refuseSeconds < 0)
    return DEFAULT_REFUSE_SECONDS * 1000;
  return Math.min(refuseSeconds, MAX_REFUSE_SECONDS) * 1000;
}

/**
 * What frameworks have refused. A filter blocks later offers of the same agent to the same framework and role as long
 * as they hold no more than what was refused; once the agent has more free, it is offered again.
 */
export class RefusalFilters {
  readonly #filters = new Map<string, Map<string, Filter[]>>();

  refuse(
    frameworkId: string,
    role: string,
    agentId: string,
    resources: readonly Resource[],
    until: number,
  ): void {
    const key = clientKey(frameworkId, role);
    const agents = this.#filters.get(key) ?? new Map<string, Filter[]>();
    this.#filters.set(key, agents);
    agents.set(agentId, [...(agents.get(agentId) ?? []), { resources, until }]);
  }

  blocks(
    frameworkId: string,
    role: string,
    agentId: string,
    resources: readonly Resource[],
    now: number,
  ): boolean {
    const filters = this.#filters.get(clientKey(frameworkId, role))?.get(agentId) ?? [];
    return filters.some((f) => f.until > now && containsResources(f.resources, resources));
  }

  /** Forget the refusals of a framework, in one role or in all. */
  clear(frameworkId: string, role?: string): void {
    if (role !== undefined) {
      this.#filters.delete(clientKey(frameworkId, role));
      return;
    }
    for (const key of this.#filters.keys()) if (key.startsWith(`${frameworkId}\n`)) this.#filters.delete(key);
  }

  forgetAgent(agentId: string): void {
    for (const agents of this.#filters.values()) agents.delete(agentId);
  }

  /** Drop what has expired. */
  prune(now: number): void {
    for (const [key, agents] of this.#filters) {
      for (const [agentId, filters] of agents) {
        const live = filters.filter((f) => f.until > now);
        if (live.length === 0) agents.delete(agentId);
        else if (live.length < filters.length) agents.set(agentId, live);
      }
      if (agents.size === 0) this.#filters.delete(key);
    }
  }

  get size(): number {
    let n = 0;
    for (const agents of this.#filters.values()) for (const filters of agents.values()) n += filters.length;
    return n;
  }
}

function clientKey(frameworkId: string, role: string): string {
  return `${frameworkId}\n${role}`;
}
