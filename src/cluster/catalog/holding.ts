import type { Work } from '../../core/slices.ts';
import { Keyed, ReadMap } from '../model/index.ts';
import type {
  ClusterState,
  ModelAgent,
  ModelFramework,
  ModelTask,
  Rejection,
  Writable,
} from '../model/index.ts';
import type { LiveService } from './live-service.ts';
import type { LiveTask } from './live-task.ts';
import type { CatalogAgent, CatalogFramework, Rejected } from './types.ts';

/** As many entries are copied between two points where the work may rest. */
const PER_STEP = 512;

/** What a version of the catalog consists of, with what is known of the model besides. */
export class Holding {
  readonly agents = new Map<string, CatalogAgent>();
  readonly frameworks = new Map<string, CatalogFramework>();
  readonly tasks = new Keyed<LiveTask>();
  readonly services = new Keyed<LiveService>();
  readonly rejected = new Map<string, Rejected>();
  readonly modelAgents = new Map<string, ModelAgent>();
  readonly modelFrameworks = new Map<string, ModelFramework>();
  readonly modelRejected = new Map<string, Rejection>();
  /** Tasks whose agent or framework is not known: they may be told before those. */
  readonly waiting = new Map<string, ModelTask>();
  /** The tasks of the model: those of the catalog, and those that wait. */
  readonly modelTasks = new TasksOf(this);

  get isEmpty(): boolean {
    return (
      this.modelAgents.size + this.modelFrameworks.size + this.modelTasks.size + this.modelRejected.size === 0
    );
  }

  /** The model that this stands for. */
  state(more: Pick<ClusterState, 'leader' | 'masters'>): ClusterState {
    return {
      agents: this.modelAgents,
      frameworks: this.modelFrameworks,
      tasks: this.modelTasks,
      rejected: this.modelRejected,
      ...more,
    };
  }

  /** Another one to be changed while this one is still in use. */
  *copy(): Work<Holding> {
    const to = new Holding();
    yield* copyMap(this.agents, to.agents);
    yield* copyMap(this.frameworks, to.frameworks);
    yield* copyMap(this.tasks, to.tasks);
    yield* copyMap(this.services, to.services);
    yield* copyMap(this.rejected, to.rejected);
    yield* copyMap(this.modelAgents, to.modelAgents);
    yield* copyMap(this.modelFrameworks, to.modelFrameworks);
    yield* copyMap(this.modelRejected, to.modelRejected);
    yield* copyMap(this.waiting, to.waiting);
    return to;
  }
}

function* copyMap<T>(from: ReadonlyMap<string, T>, to: Writable<T>): Work<void> {
  for (const [key, value] of from) {
    to.set(key, value);
    if (to.size % PER_STEP === 0) yield;
  }
}

class TasksOf extends ReadMap<string, ModelTask> {
  readonly #holding: Holding;

  constructor(holding: Holding) {
    super();
    this.#holding = holding;
  }

  get size(): number {
    return this.#holding.tasks.size + this.#holding.waiting.size;
  }
  get(key: string): ModelTask | undefined {
    return this.#holding.tasks.get(key)?.model ?? this.#holding.waiting.get(key);
  }
  has(key: string): boolean {
    return this.#holding.tasks.has(key) || this.#holding.waiting.has(key);
  }
  override *keys(): Generator<string, undefined> {
    yield* this.#holding.tasks.keys();
    yield* this.#holding.waiting.keys();
  }
  override *values(): Generator<ModelTask, undefined> {
    for (const task of this.#holding.tasks.values()) yield task.model;
    yield* this.#holding.waiting.values();
  }
  *entries(): Generator<[string, ModelTask], undefined> {
    for (const task of this.values()) yield [task.key, task];
  }
}
