import type { SetDiff } from '../../../cluster/index.ts';
import type { Change } from '../publisher.ts';
import type { RecordType, ZoneRecord } from '../records.ts';

type Records = readonly ZoneRecord<RecordType>[];

/** The changes of entities whose records follow from each of them alone. */
export function* follow<T>(diff: SetDiff<T>, records: (value: T) => Records): Generator<Change> {
  for (const value of diff.added) yield { before: NONE, after: records(value) };
  for (const c of diff.changed) yield { before: records(c.before), after: records(c.after) };
  for (const value of diff.removed) yield { before: records(value), after: NONE };
}

/** As `follow`, for names that exist also without records. */
export function* followNames<T>(diff: SetDiff<T>, names: (value: T) => readonly string[]): Generator<Change> {
  for (const { before, after } of ends(diff)) {
    const namesBefore = before === undefined ? NO_NAMES : names(before);
    const namesAfter = after === undefined ? NO_NAMES : names(after);
    if (namesBefore.join() !== namesAfter.join())
      yield { before: NONE, after: NONE, namesBefore, namesAfter };
  }
}

function* ends<T>(
  diff: SetDiff<T>,
): Generator<{ readonly before: T | undefined; readonly after: T | undefined }> {
  for (const after of diff.added) yield { before: undefined, after };
  yield* diff.changed;
  for (const before of diff.removed) yield { before, after: undefined };
}

export const NONE: Records = [];
const NO_NAMES: readonly string[] = [];
