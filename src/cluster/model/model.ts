import { runAtOnce } from '../../core/slices.ts';
import type { Work } from '../../core/slices.ts';
import { sameValue } from './equal.ts';
import { Keyed } from './keyed.ts';
import type { Writable } from './keyed.ts';
import { taskWith } from './task-value.ts';
import type {
  Change,
  ClusterState,
  MasterEndpoint,
  ModelAgent,
  ModelFramework,
  ModelTask,
  Read,
  Rejection,
} from './types.ts';

/** A state that is being built or followed: the same shape, with maps that can be changed. */
export class ClusterModel implements ClusterState {
  readonly agents = new Map<string, ModelAgent>();
  readonly frameworks = new Map<string, ModelFramework>();
  readonly tasks = new Keyed<ModelTask>();
  readonly rejected = new Map<string, Rejection>();
  leader: MasterEndpoint | undefined;
  masters: readonly MasterEndpoint[];

  constructor(masters: readonly MasterEndpoint[] = []) {
    this.masters = masters;
  }

  /** The reducer: take one step. */
  apply(change: Change): void {
    switch (change.kind) {
      case 'agent':
        put(this.agents, change.id, change.value);
        break;
      case 'framework':
        put(this.frameworks, change.id, change.value);
        break;
      case 'task':
        put(this.tasks, change.id, change.value);
        break;
      case 'rejected':
        put(this.rejected, change.id, change.value);
        break;
      case 'leader':
        this.leader = change.value;
        break;
      case 'masters':
        this.masters = change.value;
        break;
    }
  }

  /** A model that starts as `state` is; later changes here do not touch it. Entities are shared; they are immutable. */
  static of(state: ClusterState): ClusterModel {
    return runAtOnce(copyOf(state));
  }
}

function put<T>(map: Writable<T>, id: string, value: T | undefined): void {
  if (value === undefined) map.delete(id);
  else map.set(id, value);
}

/** The changes which an entity that was just read makes to `state`: its value, and what is to be said about it. */
export function changesOfRead(
  state: ClusterState,
  kind: Rejection['kind'],
  read: Read<ModelAgent | ModelFramework | ModelTask>,
): Change[] {
  const changes: Change[] = [];
  const before = mapOf(state, kind).get(read.id);
  if (!sameValue(before, read.value)) changes.push({ kind, id: read.id, value: read.value } as Change);
  const key = `${kind} ${read.id}`;
  const reason = reasonOf(read.problems);
  const rejection = reason === '' ? undefined : { kind, id: read.id, reason };
  if (!sameValue(state.rejected.get(key), rejection))
    changes.push({ kind: 'rejected', id: key, value: rejection });
  return changes;
}

const MAX_PROBLEMS = 5;

function reasonOf(problems: readonly string[]): string {
  const more = problems.length - MAX_PROBLEMS;
  const said = problems.slice(0, MAX_PROBLEMS).join('; ');
  return more > 0 ? `${said}; and ${more} more` : said;
}

/** The changes that remove an entity and what was said about it. */
export function changesOfRemoval(state: ClusterState, kind: Rejection['kind'], id: string): Change[] {
  return changesOfRead(state, kind, { id, value: undefined, problems: [] });
}

function mapOf(state: ClusterState, kind: Rejection['kind']): ReadonlyMap<string, unknown> {
  if (kind === 'agent') return state.agents;
  return kind === 'framework' ? state.frameworks : state.tasks;
}

/** What is known of a cluster, as far as the step to its next state needs it. */
export interface Known extends Omit<ClusterState, 'tasks' | 'masters'> {
  readonly tasks: Pick<ReadonlyMap<string, ModelTask>, 'get' | 'keys'>;
}

/**
 * The steps from `before` to `after`, agents and frameworks first. A running task keeps the start that `before` knew:
 * masters replace a TASK_RUNNING status by the next one (health updates), and with it the only trace of the first.
 */
export function diffStates(before: Known, after: ClusterState): Change[] {
  return runAtOnce(stepsBetween(before, after));
}

/** As many tasks are compared or copied in between two points where the work may rest. */
const PER_STEP = 512;

/** As `diffStates`, with rests; neither state may change meanwhile. */
export function* stepsBetween(before: Known, after: ClusterState): Work<Change[]> {
  const changes: Change[] = [];
  diffMap(before.agents, after.agents, (id, value) => changes.push({ kind: 'agent', id, value }));
  diffMap(before.frameworks, after.frameworks, (id, value) => changes.push({ kind: 'framework', id, value }));
  let seen = 0;
  for (const [id, task] of after.tasks) {
    const known = before.tasks.get(id);
    if (known !== task) {
      const value = keepStart(known, task);
      if (!sameValue(known, value)) changes.push({ kind: 'task', id, value });
    }
    if (++seen % PER_STEP === 0) yield;
  }
  for (const id of before.tasks.keys()) {
    if (!after.tasks.has(id)) changes.push({ kind: 'task', id, value: undefined });
    if (++seen % PER_STEP === 0) yield;
  }
  diffMap(before.rejected, after.rejected, (id, value) => changes.push({ kind: 'rejected', id, value }));
  if (!sameValue(before.leader, after.leader)) changes.push({ kind: 'leader', value: after.leader });
  return changes;
}

/** A copy for somebody else to keep, with rests; `state` may not change meanwhile. */
export function* copyOf(state: ClusterState): Work<ClusterModel> {
  const model = new ClusterModel(state.masters);
  for (const [id, v] of state.agents) model.agents.set(id, v);
  for (const [id, v] of state.frameworks) model.frameworks.set(id, v);
  for (const [id, v] of state.tasks) {
    model.tasks.set(id, v);
    if (model.tasks.size % PER_STEP === 0) yield;
  }
  for (const [id, v] of state.rejected) model.rejected.set(id, v);
  model.leader = state.leader;
  return model;
}

function diffMap<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  emit: (id: string, value: T | undefined) => void,
): void {
  for (const [id, value] of after) if (!sameValue(before.get(id), value)) emit(id, value);
  for (const id of before.keys()) if (!after.has(id)) emit(id, undefined);
}

/** `task` with the earlier of the two known starts. */
export function keepStart(before: ModelTask | undefined, task: ModelTask): ModelTask {
  if (!before || before.startedAtMs === 0) return task;
  if (task.startedAtMs !== 0 && task.startedAtMs <= before.startedAtMs) return task;
  return taskWith(task, { startedAtMs: before.startedAtMs });
}
