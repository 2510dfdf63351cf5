import type { Work } from '../../core/slices.ts';
import type { Change, ClusterState, ModelTask } from '../model/index.ts';
import { sameValue } from '../model/index.ts';
import { catalogAgent, catalogFramework } from './agent.ts';
import type { Declarations } from './declarations.ts';
import { Recorder } from './diff.ts';
import type { Holding } from './holding.ts';
import { sameService } from './live-service.ts';
import { JudgedTask, LiveTask, sameTask } from './live-task.ts';
import type { OutsideNews } from './outside.ts';
import type { ServiceTable } from './services.ts';
import type { CatalogAgent, CatalogDiff, Rejected } from './types.ts';

/** As many tasks or services are derived between two points where the work may rest. */
const PER_STEP = 64;

/**
 * One step of the catalog: notes what changes touch, then derives that again in the order of dependence: agents and
 * frameworks, their tasks, their services.
 */
export class Step {
  readonly #to: Holding;
  readonly #declarations: Declarations;
  readonly #table: ServiceTable;
  readonly #agents;
  readonly #frameworks;
  readonly #tasks;
  readonly #services;
  readonly #touchedAgents = new Set<string>();
  readonly #touchedFrameworks = new Set<string>();
  /** With what the model says of them now. */
  readonly #touchedTasks = new Map<string, ModelTask | undefined>();
  /** All tasks that there are, when all of them are new. */
  #loaded: ReadonlyMap<string, ModelTask> | undefined;
  /** Agents and frameworks that show something else to the tasks that were theirs before. */
  readonly #moved = { agents: new Set<string>(), frameworks: new Set<string>() };
  #rejectedChanged = false;

  constructor(to: Holding, declarations: Declarations, table: ServiceTable) {
    this.#to = to;
    this.#declarations = declarations;
    this.#table = table;
    this.#agents = new Recorder(to.agents);
    this.#frameworks = new Recorder(to.frameworks);
    this.#tasks = new Recorder(to.tasks, {
      same: sameTask,
      adopt: (before, after) => before.adopt(after.model),
    });
    this.#services = new Recorder(to.services, {
      same: sameService,
      adopt: (before, after) => before.adopt(after),
    });
  }

  take(change: Change): void {
    switch (change.kind) {
      case 'agent':
        put(this.#to.modelAgents, change.id, change.value);
        this.#touchedAgents.add(change.id);
        break;
      case 'framework':
        put(this.#to.modelFrameworks, change.id, change.value);
        this.#touchedFrameworks.add(change.id);
        break;
      case 'task':
        this.#touchedTasks.set(change.id, change.value);
        break;
      case 'rejected':
        put(this.#to.modelRejected, change.id, change.value);
        this.#reject(change.id, change.value);
        break;
      case 'masters':
      case 'leader':
        break;
    }
  }

  /** What a scheduler told by another way than the master. */
  takeOutside(news: OutsideNews): void {
    const touched = this.#declarations.outside.take(news);
    for (const key of touched.services) this.#table.touch(key);
    for (const key of touched.tasks) this.#touchTask(key);
    for (const [id, reason] of news.rejected) {
      const where = `${news.frameworkName}${id}`;
      this.#say('service', where, `app ${where}`, reason);
    }
  }

  #touchTask(key: string): void {
    const task = this.#to.modelTasks.get(key);
    if (task !== undefined && !this.#touchedTasks.has(key)) this.#touchedTasks.set(key, task);
  }

  /** Take all of `state` where nothing was before. It may not change until all is derived. */
  load({ agents, frameworks, tasks, rejected }: ClusterState): void {
    for (const [id, value] of agents) this.take({ kind: 'agent', id, value });
    for (const [id, value] of frameworks) this.take({ kind: 'framework', id, value });
    for (const [id, value] of rejected) this.take({ kind: 'rejected', id, value });
    this.#loaded = tasks;
    this.#to.tasks.expect(tasks.size);
  }

  /** `rests`: whether there may be any, because nobody sees what this works on. */
  *derive(nowMs: number, rests: boolean): Work<void> {
    for (const id of this.#touchedAgents) this.#deriveAgent(id);
    for (const id of this.#touchedFrameworks) this.#deriveFramework(id);
    this.#touchMoved();
    let derived = 0;
    for (const [key, task] of this.#loaded ?? this.#touchedTasks) {
      this.#deriveTask(key, task);
      if (rests && ++derived % PER_STEP === 0) yield;
    }
    if (this.#loaded) this.#to.services.expect(this.#table.touchedCount);
    for (const [key, moves] of this.#table.touched) {
      this.#services.set(key, this.#table.derive(key, moves, this.#to.services.get(key), nowMs));
      if (rests && ++derived % PER_STEP === 0) yield;
    }
  }

  get changed(): boolean {
    const recorders = [this.#agents, this.#frameworks, this.#tasks, this.#services];
    return this.#rejectedChanged || recorders.some((r) => r.touched);
  }

  diff(flags: { readonly mastersChanged: boolean; readonly staleChanged: boolean }): CatalogDiff {
    return {
      agents: this.#agents.diff(),
      frameworks: this.#frameworks.diff(),
      tasks: this.#tasks.diff(),
      services: this.#services.diff(),
      ...flags,
    };
  }

  #deriveAgent(id: string): void {
    const agent = this.#to.modelAgents.get(id);
    const before = this.#to.agents.get(id);
    const derived = agent && catalogAgent(agent);
    this.#say('agent', id, `agent ${id} address`, derived?.problem);
    if (!this.#agents.set(id, derived?.value)) return;
    const after = derived?.value;
    const moved = before?.hostname !== after?.hostname || before?.zone !== after?.zone;
    if (moved || !sameValue(before?.ips, after?.ips)) this.#moved.agents.add(id);
  }

  #deriveFramework(id: string): void {
    const framework = this.#to.modelFrameworks.get(id);
    const before = this.#to.frameworks.get(id)?.name;
    const derived = framework && catalogFramework(framework);
    this.#frameworks.set(id, derived);
    if (before !== derived?.name) this.#moved.frameworks.add(id);
    const declared = this.#declarations.set(id, framework);
    for (const key of declared.touched) this.#table.touch(key);
    for (const key of declared.tasks) this.#touchTask(key);
    for (const key of this.#table.emptyOf(framework?.name)) this.#table.touch(key);
    for (const key of declared.cleared) this.#say('service', key, `service ${key}`, undefined);
    for (const [key, reason] of declared.rejected) this.#say('service', key, `service ${key}`, reason);
  }

  /**
   * The tasks of agents and frameworks that came, went or moved. Looking through all of them takes milliseconds, and it
   * is rare: an index of them would cost memory all the time.
   */
  #touchMoved(): void {
    const { agents, frameworks } = this.#moved;
    if (agents.size + frameworks.size === 0) return;
    const touch = (task: ModelTask): void => {
      if ((agents.has(task.agentId) || frameworks.has(task.frameworkId)) && !this.#touchedTasks.has(task.key))
        this.#touchedTasks.set(task.key, task);
    };
    for (const task of this.#to.waiting.values()) touch(task);
    for (const task of this.#to.tasks.values()) touch(task.model);
  }

  #deriveTask(key: string, task: ModelTask | undefined): void {
    const agent = task && this.#to.agents.get(task.agentId);
    const framework = task && this.#to.frameworks.get(task.frameworkId);
    const value = task && agent && framework ? this.#liveTask(task, agent, framework.name) : undefined;
    // A task may be told before its agent or framework; it waits until they are known.
    if (task && !value) this.#to.waiting.set(key, task);
    else if (this.#to.waiting.size > 0) this.#to.waiting.delete(key);
    const before = this.#to.tasks.get(key);
    if (this.#tasks.set(key, value)) this.#table.move(before, value);
  }

  #liveTask(task: ModelTask, agent: CatalogAgent, name: string): LiveTask {
    const alive = this.#declarations.alive(task.frameworkId, task.key);
    return alive === undefined
      ? new LiveTask(task, agent, name)
      : new JudgedTask(task, agent, { name, alive });
  }

  #say(kind: Rejected['kind'], id: string, key: string, reason: string | undefined): void {
    this.#reject(key, reason === undefined ? undefined : { kind, id, reason });
  }

  #reject(key: string, value: Rejected | undefined): void {
    if (sameValue(this.#to.rejected.get(key), value)) return;
    this.#rejectedChanged = true;
    put(this.#to.rejected, key, value);
  }
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
