import type { CatalogDiff, CatalogTask, CatalogVersion } from '../../../cluster/index.ts';
import type { Change, Publisher } from '../publisher.ts';
import {
  agentRecords,
  frameworkRecords,
  isLive,
  listenerRecords,
  masterRecords,
  namesOfTask,
  serviceNames,
} from '../records.ts';
import type { NamingSettings, RecordType, TaskRecord, ZoneRecord } from '../records.ts';
import { ServiceCollisions, TaskCollisions } from './collisions.ts';
import { NONE, follow, followNames } from './follow.ts';
import { HealthView, recordsAs } from './health.ts';
import type { Move, RecordsOf } from './health.ts';
import { networkRecords } from './networks.ts';
import { taskPointers } from './reverse.ts';
import { weightProblem } from './service-labels.ts';
import type { HealthPolicy } from './service-labels.ts';
import { SetAsides } from './set-aside.ts';
import type { SetAside } from './set-aside.ts';

export interface MesosNamesSettings extends NamingSettings {
  /** Absolute name of this server in the SOA record, and the addresses it gets. */
  readonly mname: string;
  readonly listenerIps: readonly string[];
  readonly health: HealthPolicy;
  /** Names of tasks on named networks, and reverse names of tasks with an address of their own. */
  readonly networkNames: boolean;
  readonly ptr: boolean;
}

/**
 * The names of Mesos-DNS: frameworks, agents, masters, this server, tasks and declared services. For healthy running tasks exactly its
 * records; what tasks get beyond them (networks, reverse names) comes and goes with them.
 */
export class MesosNames implements Publisher {
  readonly name = 'mesos';
  readonly #settings: MesosNamesSettings;
  readonly #recordsOf: RecordsOf;
  readonly #health: HealthView;
  readonly #services: ServiceCollisions;
  readonly #tasks: TaskCollisions;
  readonly #weights = new SetAsides();
  readonly #ports = new SetAsides();
  #started = false;
  #masters: readonly ZoneRecord[] = NONE as readonly ZoneRecord[];

  constructor(settings: MesosNamesSettings) {
    this.#settings = settings;
    this.#recordsOf = recordsMaker(settings);
    this.#health = new HealthView(settings.health, this.#recordsOf);
    this.#services = new ServiceCollisions(settings);
    this.#tasks = new TaskCollisions(settings);
  }

  /** Everything is decided now, while the catalog is what `next` says; the records are made as they are asked for. */
  step(next: CatalogVersion, diff: CatalogDiff): Iterable<Change> {
    this.#services.step(next, diff);
    this.#tasks.step(next, diff);
    this.#judgeTasks(diff);
    return this.#changes(diff, this.#ownAndMasters(next, diff), this.#health.step(next, diff));
  }

  /** Names that are shared by accident, and labels and ports that cannot be published as they are. */
  *setAside(): Iterable<SetAside> {
    yield* this.#services.setAside();
    yield* this.#tasks.setAside();
    yield* this.#health.setAside();
    yield* this.#weights.values();
    yield* this.#ports.values();
  }

  /** How many tasks are not published as Mesos-DNS would, and so are remembered. */
  get withheld(): number {
    return this.#health.size;
  }

  /** The records under which a task of the present catalog is published. */
  recordsOf(task: CatalogTask): readonly TaskRecord<RecordType>[] {
    return recordsAs(this.#health.published(task), this.#recordsOf);
  }

  /** All of a task's records, whatever its state and health. */
  everyRecordOf(task: CatalogTask): readonly TaskRecord<RecordType>[] {
    return this.#recordsOf(task);
  }

  *#changes(diff: CatalogDiff, first: readonly Change[], moves: Iterable<Move>): Generator<Change> {
    const settings = this.#settings;
    yield* first;
    yield* follow(diff.frameworks, (f) => frameworkRecords(f, settings));
    yield* follow(diff.agents, (a) => agentRecords(a, settings));
    yield* followNames(diff.services, (s) => serviceNames(s, settings));
    for (const { before, after } of moves) {
      const change = {
        before: before ? recordsAs(before, this.#recordsOf) : NONE,
        after: after ? recordsAs(after, this.#recordsOf) : NONE,
      };
      if (change.before.length > 0 || change.after.length > 0) yield change;
    }
  }

  #ownAndMasters(next: CatalogVersion, diff: CatalogDiff): Change[] {
    const changes: Change[] = [];
    const { mname, listenerIps } = this.#settings;
    if (!this.#started) changes.push({ before: NONE, after: listenerRecords(mname, listenerIps) });
    this.#started = true;
    if (diff.mastersChanged) {
      const masters = masterRecords(next.leader, next.masters, this.#settings);
      changes.push({ before: this.#masters, after: masters });
      this.#masters = masters;
    }
    return changes;
  }

  #judgeTasks({ tasks }: CatalogDiff): void {
    for (const task of tasks.added) this.#judge(task);
    for (const { after } of tasks.changed) this.#judge(after);
    for (const { key } of tasks.removed) this.#say(key, undefined, undefined);
  }

  #judge(task: CatalogTask): void {
    if (isLive(task)) this.#say(task.key, weightProblem(task), portProblem(task));
    else this.#say(task.key, undefined, undefined);
  }

  #say(key: string, weight: string | undefined, port: string | undefined): void {
    this.#weights.set(key, 'label', key, weight);
    this.#ports.set(key, 'task', key, port);
  }
}

function recordsMaker(settings: MesosNamesSettings): RecordsOf {
  const { networkNames, ptr } = settings;
  if (!networkNames && !ptr) return (task) => namesOfTask(task, settings);
  return (task) => {
    const records: TaskRecord<RecordType>[] = namesOfTask(task, settings);
    if (networkNames) records.push(...networkRecords(task, settings));
    if (ptr) records.push(...taskPointers(task, settings));
    return records;
  };
}

function portProblem(task: CatalogTask): string | undefined {
  if (!task.discovery?.name) return undefined;
  const bad = task.discovery.ports.find((p) => p.number < 0 || p.number > 65_535);
  if (bad === undefined) return undefined;
  return `discovery says port ${bad.number}; SRV records have its lowest 16 bits, ${bad.number & 0xffff}`;
}
