import type { Change, ClusterState, ModelAgent, ModelFramework, ModelTask } from '../model/index.ts';
import { ClusterModel, diffStates, sameValue } from '../model/index.ts';
import { catalogAgent, catalogFramework } from './agent.ts';
import { Declarations } from './declarations.ts';
import { Recorder } from './diff.ts';
import { MultiMap } from './multimap.ts';
import { ServiceTable } from './services.ts';
import { catalogTask } from './task.ts';
import type {
  CatalogAgent,
  CatalogDiff,
  CatalogFramework,
  CatalogTask,
  CatalogVersion,
  MasterAddress,
  Rejected,
  Service,
  Staleness,
} from './types.ts';

export interface CatalogBuilderOptions {
  /** How long a service without instances stays, unless its framework declares what it has. Milliseconds. */
  readonly emptyServiceMs: number;
}

/** What the builder is fed with; `ClusterEvent` of the watch has this shape. */
export type CatalogInput =
  | { readonly kind: 'snapshot'; readonly state: ClusterState }
  | { readonly kind: 'delta'; readonly changes: readonly Change[] }
  | { readonly kind: 'stale'; readonly since: number; readonly reason: string };

export interface CatalogStep {
  readonly version: CatalogVersion;
  readonly diff: CatalogDiff;
}

/**
 * Turns what the watch tells into catalog versions. The work of a step is proportional to what changed: the entities
 * named, the tasks of agents and frameworks among them, and the services of those tasks.
 */
export interface CatalogBuilder {
  readonly current: CatalogVersion;
  /** All that is known, as it is now: a view for whoever wants to keep it. */
  readonly state: ClusterState;
  /** Undefined when the step changes nothing that the catalog shows. */
  apply(input: CatalogInput, nowMs: number): CatalogStep | undefined;
  /** Let services that stayed empty for too long go. */
  tick(nowMs: number): CatalogStep | undefined;
}

export function createCatalogBuilder(options: CatalogBuilderOptions): CatalogBuilder {
  return new Builder(options);
}

/** What one step has touched so far. */
interface Touched {
  readonly agents: Set<string>;
  readonly frameworks: Set<string>;
  readonly tasks: Set<string>;
  readonly services: Set<string>;
}

class Builder implements CatalogBuilder {
  readonly #model = new ClusterModel();
  readonly #tasksByAgent = new MultiMap();
  readonly #tasksByFramework = new MultiMap();
  readonly #agents = new Map<string, CatalogAgent>();
  readonly #frameworks = new Map<string, CatalogFramework>();
  readonly #tasks = new Map<string, CatalogTask>();
  readonly #services = new Map<string, Service>();
  readonly #rejected = new Map<string, Rejected>();
  readonly #declarations = new Declarations();
  readonly #table: ServiceTable;
  #masters: readonly MasterAddress[] = [];
  #stale: Staleness | undefined;
  #version = 0;
  #rejectedChanged = false;
  #current: CatalogVersion;

  constructor(options: CatalogBuilderOptions) {
    this.#table = new ServiceTable(this.#declarations, options.emptyServiceMs);
    this.#current = this.#view();
  }

  get current(): CatalogVersion {
    return this.#current;
  }

  get state(): ClusterState {
    const { agents, frameworks, tasks, rejected, leader } = this.#model;
    return { agents, frameworks, tasks, rejected, leader, masters: this.#masters };
  }

  apply(input: CatalogInput, nowMs: number): CatalogStep | undefined {
    if (input.kind === 'stale') return this.#setStale({ sinceMs: input.since, reason: input.reason });
    const first = input.kind === 'snapshot' && this.#version === 0;
    const changes = input.kind === 'snapshot' ? diffStates(this.#model, input.state) : input.changes;
    const mastersBefore = this.#masters;
    const leaderBefore = this.#model.leader;
    if (input.kind === 'snapshot' && !sameValue(this.#masters, input.state.masters))
      this.#masters = input.state.masters;
    const staleChanged = this.#stale !== undefined;
    this.#stale = undefined;
    const touched = this.#take(changes);
    const mastersChanged = this.#masters !== mastersBefore || !sameValue(leaderBefore, this.#model.leader);
    return this.#step(touched, nowMs, { mastersChanged, staleChanged, force: first });
  }

  tick(nowMs: number): CatalogStep | undefined {
    const services = new Set(this.#table.expired(nowMs));
    if (services.size === 0) return undefined;
    return this.#step({ ...nothing(), services }, nowMs, UNCHANGED);
  }

  #setStale(stale: Staleness): CatalogStep | undefined {
    if (sameValue(this.#stale, stale)) return undefined;
    this.#stale = stale;
    return this.#step(nothing(), stale.sinceMs, { ...UNCHANGED, staleChanged: true });
  }

  /** Bring the changes into the model and its indexes, and note what they touch. */
  #take(changes: readonly Change[]): Touched {
    const touched = nothing();
    for (const change of changes) {
      switch (change.kind) {
        case 'agent':
          touched.agents.add(change.id);
          break;
        case 'framework':
          touched.frameworks.add(change.id);
          break;
        case 'task':
          this.#reindex(this.#model.tasks.get(change.id), change.value);
          touched.tasks.add(change.id);
          break;
        case 'rejected':
          this.#reject(change.id, change.value);
          break;
        case 'masters':
          if (!sameValue(this.#masters, change.value)) this.#masters = change.value;
          break;
        case 'leader':
          break;
      }
      this.#model.apply(change);
    }
    return touched;
  }

  #reindex(before: ModelTask | undefined, after: ModelTask | undefined): void {
    if (before) {
      this.#tasksByAgent.delete(before.agentId, before.key);
      this.#tasksByFramework.delete(before.frameworkId, before.key);
    }
    if (after) {
      this.#tasksByAgent.add(after.agentId, after.key);
      this.#tasksByFramework.add(after.frameworkId, after.key);
    }
  }

  /** Recompute what was touched, in the order of dependence: agents and frameworks, their tasks, their services. */
  #step(
    touched: Touched,
    nowMs: number,
    flags: {
      readonly mastersChanged: boolean;
      readonly staleChanged: boolean;
      readonly force: boolean;
    },
  ): CatalogStep | undefined {
    const agents = new Recorder(this.#agents);
    const frameworks = new Recorder(this.#frameworks);
    const tasks = new Recorder(this.#tasks);
    const services = new Recorder(this.#services);
    for (const id of touched.agents) this.#deriveAgent(id, agents, touched);
    for (const id of touched.frameworks) this.#deriveFramework(id, frameworks, touched);
    for (const key of touched.tasks) this.#deriveTask(key, tasks, touched);
    for (const key of touched.services)
      services.set(key, this.#table.derive(key, this.#services.get(key), nowMs));
    const changed =
      [agents, frameworks, tasks, services].some((r) => r.touched) ||
      flags.mastersChanged ||
      flags.staleChanged ||
      this.#rejectedChanged;
    if (!changed && !flags.force) return undefined;
    this.#rejectedChanged = false;
    // Until the first snapshot there is nothing to have a version of, only a reason why there is none.
    if (this.#version > 0 || flags.force) this.#version++;
    this.#current = this.#view();
    const diff: CatalogDiff = {
      agents: agents.diff(),
      frameworks: frameworks.diff(),
      tasks: tasks.diff(),
      services: services.diff(),
      mastersChanged: flags.mastersChanged,
      staleChanged: flags.staleChanged,
    };
    return { version: this.#current, diff };
  }

  #deriveAgent(id: string, out: Recorder<CatalogAgent>, touched: Touched): void {
    const agent: ModelAgent | undefined = this.#model.agents.get(id);
    const derived = agent && catalogAgent(agent);
    this.#say('agent', id, `agent ${id} address`, derived?.problem);
    if (!out.set(id, derived?.value)) return;
    for (const key of this.#tasksByAgent.get(id)) touched.tasks.add(key);
  }

  #deriveFramework(id: string, out: Recorder<CatalogFramework>, touched: Touched): void {
    const framework: ModelFramework | undefined = this.#model.frameworks.get(id);
    const derived = framework && catalogFramework(framework);
    const before = this.#frameworks.get(id)?.name;
    out.set(id, derived);
    if (before !== derived?.name) for (const key of this.#tasksByFramework.get(id)) touched.tasks.add(key);
    const declared = this.#declarations.set(id, framework);
    for (const key of declared.touched) touched.services.add(key);
    for (const key of this.#table.emptyOf(framework?.name)) touched.services.add(key);
    for (const key of declared.cleared) this.#say('service', key, `service ${key}`, undefined);
    for (const [key, reason] of declared.rejected) this.#say('service', key, `service ${key}`, reason);
  }

  #deriveTask(key: string, out: Recorder<CatalogTask>, touched: Touched): void {
    const task = this.#model.tasks.get(key);
    const agent = task && this.#agents.get(task.agentId);
    const framework = task && this.#frameworks.get(task.frameworkId);
    // A task may be told before its agent or framework; it waits in the model until they are known.
    const value = task && agent && framework ? catalogTask(task, agent, framework.name) : undefined;
    const before = this.#tasks.get(key);
    if (!out.set(key, value)) return;
    for (const service of this.#table.move(key, before, value)) touched.services.add(service);
  }

  #say(kind: Rejected['kind'], id: string, key: string, reason: string | undefined): void {
    this.#reject(key, reason === undefined ? undefined : { kind, id, reason });
  }

  #reject(key: string, value: Rejected | undefined): void {
    if (sameValue(this.#rejected.get(key), value)) return;
    this.#rejectedChanged = true;
    if (value === undefined) this.#rejected.delete(key);
    else this.#rejected.set(key, value);
  }

  #view(): CatalogVersion {
    return {
      version: this.#version,
      agents: this.#agents,
      frameworks: this.#frameworks,
      tasks: this.#tasks,
      services: this.#services,
      leader: this.#model.leader,
      masters: this.#masters,
      rejected: this.#rejected,
      stale: this.#stale,
    };
  }
}

const UNCHANGED = { mastersChanged: false, staleChanged: false, force: false };

function nothing(): Touched {
  return { agents: new Set(), frameworks: new Set(), tasks: new Set(), services: new Set() };
}
