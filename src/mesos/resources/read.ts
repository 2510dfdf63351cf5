import type { Range, Resource } from '../types.ts';
import { normalizeRanges, rangesText } from './ranges.ts';
import { fromMillis, toMillis } from './scalar.ts';

/** Sum of a scalar over all roles; 0 when there is none. */
export function scalarOf(resources: readonly Resource[], name: string): number {
  let millis = 0;
  for (const r of resources)
    if (r.name === name && r.type === 'SCALAR') millis += toMillis(r.scalar?.value ?? 0);
  return fromMillis(millis);
}

/** The joined ranges of a name over all roles, sorted. */
export function rangesOf(resources: readonly Resource[], name: string): Range[] {
  return normalizeRanges(
    resources.flatMap((r) => (r.name === name && r.type === 'RANGES' ? (r.ranges?.range ?? []) : [])),
  );
}

/**
 * The flattened v0 form: `cpus`, `mem`, `disk`, `gpus` always, other scalars by name, `<name>_revocable`, ranges and
 * sets as text only when there are any (mesos-api.md §3.5).
 */
export function summarizeResources(resources: readonly Resource[]): Record<string, number | string> {
  const out: Record<string, number | string> = { disk: 0, mem: 0, gpus: 0, cpus: 0 };
  const scalars = new Map<string, number>();
  const names = new Set<string>();
  for (const r of resources) {
    const name = r.revocable === undefined ? r.name : `${r.name}_revocable`;
    if (r.type === 'SCALAR') scalars.set(name, (scalars.get(name) ?? 0) + toMillis(r.scalar?.value ?? 0));
    else names.add(r.name);
  }
  for (const [name, millis] of scalars) out[name] = fromMillis(millis);
  for (const name of names) {
    const ranges = rangesOf(resources, name);
    const items = resources.flatMap((r) => (r.name === name ? (r.set?.item ?? []) : []));
    if (ranges.length > 0) out[name] = rangesText(ranges);
    else if (items.length > 0) out[name] = `{${[...new Set(items)].join(', ')}}`;
  }
  return out;
}
