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

/** Among those of equal rank, always take the next one from the group that has most left. */
function balanced(sorted: readonly InstanceView[]): InstanceView[] {
  const groupOf = (view: InstanceView): string => view.group ?? '';
  const left = new Map<string, number>();
  for (const v of sorted) left.set(groupOf(v), (left.get(groupOf(v)) ?? 0) + 1);
  const sizeOf = (view: InstanceView): number => left.get(groupOf(view)) ?? 0;
  const rest = [...sorted];
  const out: InstanceView[] = [];
  for (let [first] = rest; first; [first] = rest) {
    let next = first;
    for (const v of rest) {
      if (v.current !== first.current || usefulness(v) !== usefulness(first)) break;
      if (sizeOf(v) > sizeOf(next)) next = v;
    }
    rest.splice(rest.indexOf(next), 1);
    left.set(groupOf(next), sizeOf(next) - 1);
    out.push(next);
  }
  return out;
}
