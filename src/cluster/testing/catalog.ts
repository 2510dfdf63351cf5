import type {
  Catalog,
  CatalogAgent,
  CatalogDiff,
  CatalogFramework,
  CatalogTask,
  CatalogVersion,
  MasterAddress,
  SetDiff,
  Staleness,
} from '../catalog/index.ts';

const NO_DIFF: SetDiff<never> = { added: [], changed: [], removed: [] };

/** A running task of framework `marathon` on agent `…-S1` at 10.0.0.1, unless told otherwise. */
export function task(id: string, more: Partial<CatalogTask> = {}): CatalogTask {
  return {
    key: `fw-1 ${id}`,
    id,
    name: id.replace(/\.[^.]*$/, ''),
    frameworkId: 'fw-1',
    frameworkName: 'marathon',
    agentId: '20240101-000000-1-5050-1-S1',
    agentHostname: 'node-1',
    state: 'TASK_RUNNING',
    healthy: undefined,
    hasHealthCheck: false,
    agentIps: ['10.0.0.1'],
    netinfoIps: [],
    dockerIps: [],
    mesosIps: [],
    networks: [],
    ports: [],
    discovery: undefined,
    labels: new Map(),
    startedAtMs: 0,
    ...more,
  };
}

export function framework(more: Partial<CatalogFramework> = {}): CatalogFramework {
  return {
    id: 'fw-1',
    name: 'marathon',
    host: '10.0.9.1',
    ips: ['10.0.9.1'],
    pidPort: undefined,
    active: true,
    ...more,
  };
}

export function agent(more: Partial<CatalogAgent> = {}): CatalogAgent {
  const id = '20240101-000000-1-5050-1-S1';
  return { id, hostname: 'node-1', ips: ['10.0.0.1'], port: 5051, active: true, ...more };
}

export interface Content {
  readonly agents?: readonly CatalogAgent[];
  readonly frameworks?: readonly CatalogFramework[];
  readonly tasks?: readonly CatalogTask[];
  readonly leader?: MasterAddress;
  readonly masters?: readonly MasterAddress[];
  readonly stale?: Staleness;
}

export function version(n: number, content: Content = {}): CatalogVersion {
  return {
    version: n,
    agents: new Map(content.agents?.map((a) => [a.id, a])),
    frameworks: new Map(content.frameworks?.map((f) => [f.id, f])),
    tasks: new Map(content.tasks?.map((t) => [t.key, t])),
    services: new Map(),
    leader: content.leader,
    masters: content.masters ?? [],
    rejected: new Map(),
    stale: content.stale,
  };
}

/** A catalog that a test writes by hand. */
export class HandCatalog implements Catalog {
  #current: CatalogVersion = version(0);
  readonly #listeners = new Set<(next: CatalogVersion, diff: CatalogDiff) => void>();

  get current(): CatalogVersion {
    return this.#current;
  }

  onChange(f: (next: CatalogVersion, diff: CatalogDiff) => void): () => void {
    this.#listeners.add(f);
    return () => void this.#listeners.delete(f);
  }

  /** Become this content; listeners get the difference. */
  become(content: Content): CatalogDiff {
    const before = this.#current;
    this.#current = version(before.version + 1, content);
    const diff = difference(before, this.#current);
    for (const f of this.#listeners) f(this.#current, diff);
    return diff;
  }
}

export function difference(before: CatalogVersion, after: CatalogVersion): CatalogDiff {
  return {
    agents: mapDiff(before.agents, after.agents),
    frameworks: mapDiff(before.frameworks, after.frameworks),
    tasks: mapDiff(before.tasks, after.tasks),
    services: NO_DIFF,
    mastersChanged: before.leader !== after.leader || before.masters !== after.masters,
    staleChanged: before.stale !== after.stale,
  };
}

function mapDiff<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): SetDiff<T> {
  const added: T[] = [];
  const changed: { before: T; after: T }[] = [];
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old === undefined) added.push(value);
    else if (old !== value) changed.push({ before: old, after: value });
  }
  return { added, changed, removed: [...before].filter(([key]) => !after.has(key)).map(([, v]) => v) };
}
