import type { Work } from './slices.ts';

/** So many items are sorted, or put together, in one go. */
const RUN = 512;

/** As `toSorted`, stable too, of what may be too many items for one go. */
export function* sortedInSlices<T>(items: readonly T[], compare: (a: T, b: T) => number): Work<readonly T[]> {
  let sorted: readonly T[] = items;
  for (let width = RUN; ; width *= 2) {
    const next: T[] = [];
    for (let start = 0; start < sorted.length; start += width) {
      if (width === RUN) {
        for (const item of sorted.slice(start, start + RUN).sort(compare)) next.push(item);
        yield;
      } else yield* merge(sorted, start, width, compare, next);
    }
    sorted = next;
    if (width >= items.length) return sorted;
  }
}

/** Puts two runs that stand one after the other together. */
function* merge<T>(
  items: readonly T[],
  start: number,
  width: number,
  compare: (a: T, b: T) => number,
  into: T[],
): Work<void> {
  const middle = Math.min(start + width / 2, items.length);
  const end = Math.min(start + width, items.length);
  let left = start;
  let right = middle;
  while (left < middle || right < end) {
    const fromLeft = right === end || (left < middle && compare(items[left] as T, items[right] as T) <= 0);
    into.push(items[fromLeft ? left++ : right++] as T);
    if (into.length % RUN === 0) yield;
  }
}
