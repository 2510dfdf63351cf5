import type { InstanceView, KillSelection } from './types.ts';

/** Lower goes first. */
function usefulness(view: InstanceView): number {
  if (view.phase === 'unreachable') return 0;
  if (view.phase === 'launching') return 1;
  if (view.health === 'bad') return 2;
  return view.health === 'unknown' ? 3 : 4;
}

/**
 * Instances in the order in which they should go: outdated before current ones, then by usefulness, then from the
 * fullest spreading group, then by age as the app wants it.
 */
export function killOrder(views: readonly InstanceView[], selection: KillSelection): InstanceView[] {
  const youngestFirst = selection === 'YOUNGEST_FIRST' ? -1 : 1;
  const sorted = [...views].sort(
    (a, b) =>
      Number(a.current) - Number(b.current) ||
      usefulness(a) - usefulness(b) ||
      (a.startedAtMs - b.startedAtMs) * youngestFirst ||
      (a.id < b.id ? -1 : 1),
  );
  return sorted.some((v) => v.group !== undefined) ? balanced(sorted) : sorted;
}

/** Within stretches of equal rank, always take the next one from the group that has most left. */
function balanced(sorted: readonly InstanceView[]): InstanceView[] {
  const left = new Map<string, number>();
  for (const v of sorted) left.set(v.group ?? '', (left.get(v.group ?? '') ?? 0) + 1);
  const rest = [...sorted];
  const out: InstanceView[] = [];
  while (rest.length > 0) {
    const first = rest[0];
    if (!first) break;
    let best = 0;
    for (const [i, v] of rest.entries()) {
      if (v.current !== first.current || usefulness(v) !== usefulness(first)) break;
      if ((left.get(v.group ?? '') ?? 0) > (left.get(rest[best]?.group ?? '') ?? 0)) best = i;
    }
    const [taken] = rest.splice(best, 1);
    if (!taken) break;
    left.set(taken.group ?? '', (left.get(taken.group ?? '') ?? 1) - 1);
    out.push(taken);
  }
  return out;
}
