import type { CatalogDiff, CatalogVersion, SetDiff } from '../../cluster/index.ts';
import type { Change, Publisher } from './publisher.ts';
import {
  agentRecords,
  frameworkRecords,
  listenerRecords,
  masterRecords,
  serviceNames,
  taskRecords,
} from './records.ts';
import type { ZoneRecord, ZoneSettings } from './records.ts';

const NONE: readonly never[] = [];

/** The names of Mesos-DNS. */
export class MesosPublisher implements Publisher {
  readonly name = 'mesos';
  readonly #settings: ZoneSettings;
  #masters: readonly ZoneRecord[] | undefined;

  constructor(settings: ZoneSettings) {
    this.#settings = settings;
  }

  *step(next: CatalogVersion, diff: CatalogDiff): Iterable<Change> {
    const settings = this.#settings;
    if (!this.#masters) {
      this.#masters = NONE;
      yield { before: NONE, after: listenerRecords(settings.mname, settings.listenerIps) };
    }
    yield* changes(diff.frameworks, (f) => frameworkRecords(f, settings));
    yield* changes(diff.agents, (a) => agentRecords(a, settings));
    if (diff.mastersChanged) {
      const masters = masterRecords(next.leader, next.masters, settings);
      yield { before: this.#masters, after: masters };
      this.#masters = masters;
    }
    for (const { before, after } of changes(diff.services, (s) => serviceNames(s, settings)))
      yield { before: NONE, after: NONE, namesBefore: before, namesAfter: after };
    yield* changes(diff.tasks, (t) => taskRecords(t, settings));
  }
}

function* changes<T, R>(
  diff: SetDiff<T>,
  of: (value: T) => readonly R[],
): Generator<{ readonly before: readonly R[]; readonly after: readonly R[] }> {
  for (const value of diff.added) yield { before: NONE, after: of(value) };
  for (const { before, after } of diff.changed) yield { before: of(before), after: of(after) };
  for (const value of diff.removed) yield { before: of(value), after: NONE };
}
