import type { Range } from '../types.ts';

/** Sort, and join what overlaps or touches. Bounds are inclusive. */
export function normalizeRanges(ranges: readonly Range[]): Range[] {
  const sorted = ranges.filter((r) => r.begin <= r.end).sort((a, b) => a.begin - b.begin);
  const out: { begin: number; end: number }[] = [];
  for (const r of sorted) {
    const last = out.at(-1);
    if (last && r.begin <= last.end + 1) last.end = Math.max(last.end, r.end);
    else out.push({ begin: r.begin, end: r.end });
  }
  return out;
}

/** `a` without `b`. */
export function subtractRanges(a: readonly Range[], b: readonly Range[]): Range[] {
  let left = normalizeRanges(a);
  for (const cut of normalizeRanges(b)) left = left.flatMap((r) => without(r, cut));
  return left;
}

function without(r: Range, cut: Range): Range[] {
  if (cut.end < r.begin || cut.begin > r.end) return [r];
  const out: Range[] = [];
  if (cut.begin > r.begin) out.push({ begin: r.begin, end: cut.begin - 1 });
  if (cut.end < r.end) out.push({ begin: cut.end + 1, end: r.end });
  return out;
}

/** Whether every number of `part` is in `whole`. */
export function containsRanges(whole: readonly Range[], part: readonly Range[]): boolean {
  const covers = normalizeRanges(whole);
  return normalizeRanges(part).every((p) => covers.some((w) => w.begin <= p.begin && p.end <= w.end));
}

/** How many numbers the ranges hold. */
export function sizeOfRanges(ranges: readonly Range[]): number {
  return normalizeRanges(ranges).reduce((n, r) => n + (r.end - r.begin + 1), 0);
}

/** The v0 text form: `[31000-31002, 31005-31005]`. */
export function rangesText(ranges: readonly Range[]): string {
  return `[${ranges.map((r) => `${r.begin}-${r.end}`).join(', ')}]`;
}
