import type { CatalogDiff, CatalogTask, CatalogVersion, Service } from '../../../cluster/index.ts';
import { isLive } from '../records.ts';
import type { RecordType, TaskRecord } from '../records.ts';
import { serviceKeyOf } from './service-key.ts';
import { hasNames, healthPolicyOf } from './service-labels.ts';
import type { HealthPolicy } from './service-labels.ts';
import { SetAsides } from './set-aside.ts';
import type { SetAside } from './set-aside.ts';

/** How a live task is published, where that is not as Mesos-DNS does (whole while TASK_RUNNING, else not at all). */
interface Treatment {
  /** `whole`: all its records; `own`: only those of names that are its own; `weightless`: SRV records get the weight 0. */
  readonly mode: 'whole' | 'own' | 'weightless';
  /** Shared names that no task in service has: they are not to be without an answer, so they stay as they were. */
  readonly kept: readonly string[];
}

/** A task as it is, or was, published. */
export interface Published {
  readonly task: CatalogTask;
  readonly treatment: Treatment | undefined;
}

/** One step of what a task stands for. */
export interface Move {
  readonly before: Published | undefined;
  readonly after: Published | undefined;
}

/** All records of a task, whatever its state and health. */
export type RecordsOf = (task: CatalogTask) => readonly TaskRecord<RecordType>[];

/**
 * Which tasks answer for their service. Health is known per task, but whether an unhealthy one leaves depends on the
 * others: the last ones stay (fail open). So a step looks again at all instances of the services that it touches, and at
 * their records only where one is unhealthy or leaving.
 *
 * What was said of a task follows from the task itself, but for the tasks that are remembered here: those withheld, and
 * those that are being killed and still published.
 */
export class HealthView {
  readonly #otherwise: HealthPolicy;
  readonly #recordsOf: RecordsOf;
  readonly #treatments = new Map<string, Treatment>();
  readonly #setAside = new SetAsides();

  constructor(otherwise: HealthPolicy, recordsOf: RecordsOf) {
    this.#otherwise = otherwise;
    this.#recordsOf = recordsOf;
  }

  /** Labels that cannot be read. */
  setAside(): Iterable<SetAside> {
    return this.#setAside.values();
  }

  /** How many tasks are remembered. */
  get size(): number {
    return this.#treatments.size;
  }

  /** The task as it is published now. */
  published(task: CatalogTask): Published {
    return { task, treatment: this.#treatments.get(task.key) };
  }

  /**
   * Take a step; returns every task that may be published otherwise than before, each once. All is decided now; a list of
   * all tasks is not made, but for those that are treated: the first state of a cluster has a hundred thousand.
   */
  step(next: CatalogVersion, diff: CatalogDiff): Iterable<Move> {
    const was = new Map<string, Treatment | undefined>();
    for (const service of touchedServices(diff, next)) this.#treat(service, next.tasks, was);
    for (const { key } of diff.services.removed) this.#setAside.set(key, 'label', key, undefined);
    if (this.#treatments.size > 0) for (const task of gone(diff)) this.#forget(task.key, was);
    return movesOf(diff, was, this.#treatmentsIn(diff), this.#others(next, diff, was));
  }

  /** How the tasks of a step are treated from now on, where they are. */
  #treatmentsIn({ tasks }: CatalogDiff): Map<string, Treatment> {
    const now = new Map<string, Treatment>();
    if (this.#treatments.size === 0) return now;
    const note = ({ key }: CatalogTask): void => {
      const treatment = this.#treatments.get(key);
      if (treatment) now.set(key, treatment);
    };
    tasks.added.forEach(note);
    for (const { after } of tasks.changed) note(after);
    return now;
  }

  /** Tasks that are as they were, while others of their service are not. */
  #others(next: CatalogVersion, { tasks }: CatalogDiff, was: Map<string, Treatment | undefined>): Move[] {
    if (was.size === 0) return [];
    const named = new Set<string>();
    for (const { after } of tasks.changed) named.add(after.key);
    for (const list of [tasks.added, tasks.removed]) for (const { key } of list) named.add(key);
    const moves: Move[] = [];
    for (const [key, treatment] of was) {
      const task = named.has(key) ? undefined : next.tasks.get(key);
      if (task && !sameTreatment(treatment, this.#treatments.get(key)))
        moves.push({ before: { task, treatment }, after: this.published(task) });
    }
    return moves;
  }

  /** Decide on all instances of a service; notes in `was` how those that have a treatment, or had one, were treated. */
  #treat(
    service: Service,
    tasks: ReadonlyMap<string, CatalogTask>,
    was: Map<string, Treatment | undefined>,
  ): void {
    const policy = healthPolicyOf(service, this.#otherwise);
    this.#setAside.set(service.key, 'label', service.key, hasNames(service) ? policy.problem : undefined);
    const now = this.#decide(service, tasks, policy.value);
    if (now.size === 0 && this.#treatments.size === 0) return;
    for (const { taskKey } of service.instances) {
      const before = this.#treatments.get(taskKey);
      const after = now.get(taskKey);
      if (before === undefined && after === undefined) continue;
      was.set(taskKey, before);
      if (after) this.#treatments.set(taskKey, after);
      else this.#treatments.delete(taskKey);
    }
  }

  #decide(
    service: Service,
    tasks: ReadonlyMap<string, CatalogTask>,
    policy: HealthPolicy,
  ): ReadonlyMap<string, Treatment> {
    if (policy === 'include' || !service.instances.some(isOut)) return NOBODY;
    const serving: CatalogTask[] = [];
    const out: CatalogTask[] = [];
    for (const instance of service.instances) {
      const task = tasks.get(instance.taskKey);
      if (task && isLive(task)) (isOut(instance) ? out : serving).push(task);
    }
    const names = new NamesOf(serving, this.#recordsOf);
    const treatments = new Map<string, Treatment>();
    for (const task of out) {
      const kept = serving.length === 0 ? NO_NAMES : names.missing(this.#recordsOf(task));
      const treatment = serving.length === 0 ? WHOLE : withheld(policy, kept);
      // Running and whole is how tasks are published anyway.
      if (treatment !== WHOLE || task.state === 'TASK_KILLING') treatments.set(task.key, treatment);
    }
    return treatments;
  }

  /** A task that is in no service (any more), as far as this step told. */
  #forget(key: string, was: Map<string, Treatment | undefined>): void {
    const before = this.#treatments.get(key);
    if (before === undefined || was.has(key)) return;
    was.set(key, before);
    this.#treatments.delete(key);
  }
}

/** The records under which a task is published. */
export function recordsAs(
  { task, treatment }: Published,
  recordsOf: RecordsOf,
): readonly TaskRecord<RecordType>[] {
  if (treatment === undefined) return task.state === 'TASK_RUNNING' && isLive(task) ? recordsOf(task) : [];
  if (!isLive(task)) return [];
  const records = recordsOf(task);
  const stays = (r: TaskRecord<RecordType>): boolean => !r.shared || treatment.kept.includes(r.name);
  switch (treatment.mode) {
    case 'whole':
      return records;
    case 'own':
      return records.filter(stays);
    case 'weightless':
      return records.map((r) => (r.type !== 'SRV' || stays(r) ? r : { ...r, weight: 0 }));
  }
}

/** `was` and `now`: treatments of the tasks that have one, before and after the step. */
function* movesOf(
  { tasks }: CatalogDiff,
  was: ReadonlyMap<string, Treatment | undefined>,
  now: ReadonlyMap<string, Treatment>,
  others: readonly Move[],
): Generator<Move> {
  const before = (task: CatalogTask): Published => ({ task, treatment: was.get(task.key) });
  const after = (task: CatalogTask): Published => ({ task, treatment: now.get(task.key) });
  for (const task of tasks.added) yield { before: undefined, after: after(task) };
  for (const c of tasks.changed) yield { before: before(c.before), after: after(c.after) };
  for (const task of tasks.removed) yield { before: before(task), after: undefined };
  yield* others;
}

const NO_NAMES: readonly string[] = [];
const NOBODY: ReadonlyMap<string, Treatment> = new Map();
const WHOLE: Treatment = { mode: 'whole', kept: NO_NAMES };
const OWN: Treatment = { mode: 'own', kept: NO_NAMES };
const WEIGHTLESS: Treatment = { mode: 'weightless', kept: NO_NAMES };

function withheld(policy: 'exclude' | 'only-srv-weight', kept: readonly string[]): Treatment {
  const plain = policy === 'exclude' ? OWN : WEIGHTLESS;
  return kept.length === 0 ? plain : { ...plain, kept };
}

function isOut({ phase, healthy }: Service['instances'][number]): boolean {
  return phase === 'draining' || (phase === 'up' && healthy === false);
}

/** The shared names of some tasks. Usually the first has all names of its service: the others are looked at only if not. */
class NamesOf {
  readonly #tasks: readonly CatalogTask[];
  readonly #recordsOf: RecordsOf;
  readonly #names = new Set<string>();
  #looked = 0;

  constructor(tasks: readonly CatalogTask[], recordsOf: RecordsOf) {
    this.#tasks = tasks;
    this.#recordsOf = recordsOf;
  }

  /** The shared names in `records` that none of the tasks has. */
  missing(records: readonly TaskRecord<RecordType>[]): readonly string[] {
    let names = this.#without(new Set(records.filter((r) => r.shared).map((r) => r.name)));
    while (names.length > 0 && this.#looked < this.#tasks.length) {
      const task = this.#tasks[this.#looked++] as CatalogTask;
      for (const r of this.#recordsOf(task)) if (r.shared) this.#names.add(r.name);
      names = this.#without(names);
    }
    return names.length === 0 ? NO_NAMES : names;
  }

  #without(names: Iterable<string>): string[] {
    return [...names].filter((name) => !this.#names.has(name));
  }
}

/** As they are now, each once. */
function* touchedServices({ services, tasks }: CatalogDiff, next: CatalogVersion): Generator<Service> {
  yield* services.added;
  const keys = new Set<string>();
  for (const { after } of services.changed) keys.add(after.key);
  // A task that comes or goes changes its service; one that changes its networks, say, need not.
  for (const { after } of tasks.changed) keys.add(serviceKeyOf(after));
  if (keys.size > 0) for (const { key } of services.added) keys.delete(key);
  for (const key of keys) {
    const service = next.services.get(key);
    if (service) yield service;
  }
}

function* gone(diff: CatalogDiff): Iterable<CatalogTask> {
  yield* diff.tasks.added;
  for (const { after } of diff.tasks.changed) yield after;
  yield* diff.tasks.removed;
}

function sameTreatment(a: Treatment | undefined, b: Treatment | undefined): boolean {
  if (a === b || !a || !b) return a === b;
  return (
    a.mode === b.mode && a.kept.length === b.kept.length && a.kept.every((name) => b.kept.includes(name))
  );
}
