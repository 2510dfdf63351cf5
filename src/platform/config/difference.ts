import { isRaw } from './overrides.ts';

/**
 * The keys in which two configurations differ, such as `dns.port`, in order. Lists are one value, and so are objects whose keys are not ours
 * to know but differ on one side only.
 */
export function differentKeys(before: unknown, after: unknown, path = ''): string[] {
  if (isRaw(before) && isRaw(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted((a, b) =>
      a < b ? -1 : 1,
    );
    return keys.flatMap((key) =>
      differentKeys(before[key], after[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return isSame(before, after) ? [] : [path];
}

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  if (isRaw(a) && isRaw(b)) return differentKeys(a, b).length === 0;
  return Object.is(a, b);
}
