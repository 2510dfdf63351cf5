import { storeErrors } from './errors.ts';
import type { Change } from './operations.ts';

const KEY = /^[^/]+(\/[^/]+)*$/;

/** So many changes can be made together, at most. */
export const MOST_CHANGES = 16;

/** Throws RangeError when these cannot be made together: each has a key of its own. */
export function checkChanges(changes: readonly Change[]): void {
  const keys = new Set(changes.map(({ key }) => key));
  if (keys.size < changes.length) throw new RangeError('two changes of one key in one write');
  if (changes.length > MOST_CHANGES)
    throw new RangeError(`${changes.length} changes in one write; the most is ${MOST_CHANGES}`);
}

/** Throws STORE_BAD_KEY unless it is one. */
export function checkKey(key: string): void {
  if (!KEY.test(key)) throw storeErrors.STORE_BAD_KEY({ key });
}
