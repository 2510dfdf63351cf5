import type { Range, Resource } from '../types.ts';
import { containsRanges, normalizeRanges, subtractRanges } from './ranges.ts';
import { fromMillis, toMillis } from './scalar.ts';

/**
 * Sums and differences of resource lists. Two resources can be merged when all that makes them special is equal: name,
 * type, role, reservations, disk, revocability, sharing and the role they are allocated to (mesos-api.md §1.8).
 */
type Bucket =
  | { readonly type: 'SCALAR'; readonly like: Resource; millis: number }
  | { readonly type: 'RANGES'; readonly like: Resource; ranges: readonly Range[] }
  | { readonly type: 'SET'; readonly like: Resource; items: ReadonlySet<string> };

/** What must be equal for two resources to be of one kind, as text. */
export function resourceIdentity(r: Resource): string {
  const plain =
    r.reservation === undefined &&
    r.reservations === undefined &&
    r.disk === undefined &&
    r.revocable === undefined &&
    r.shared === undefined;
  const base = `${r.name} ${r.type} ${r.role ?? '*'} ${r.allocation_info?.role ?? ''}`;
  if (plain) return base;
  return base + JSON.stringify([r.reservation, r.reservations, r.disk, r.revocable, r.shared]);
}

function bucketOf(r: Resource): Bucket {
  switch (r.type) {
    case 'SCALAR':
      return { type: 'SCALAR', like: r, millis: toMillis(r.scalar?.value ?? 0) };
    case 'RANGES':
      return { type: 'RANGES', like: r, ranges: normalizeRanges(r.ranges?.range ?? []) };
    case 'SET':
      return { type: 'SET', like: r, items: new Set(r.set?.item) };
  }
}

function collect(resources: readonly Resource[]): Map<string, Bucket> {
  const buckets = new Map<string, Bucket>();
  for (const r of resources) {
    const key = resourceIdentity(r);
    const have = buckets.get(key);
    const more = bucketOf(r);
    if (!have) buckets.set(key, more);
    else merge(have, more);
  }
  return buckets;
}

function merge(into: Bucket, more: Bucket): void {
  if (into.type === 'SCALAR' && more.type === 'SCALAR') into.millis += more.millis;
  if (into.type === 'RANGES' && more.type === 'RANGES')
    into.ranges = normalizeRanges([...into.ranges, ...more.ranges]);
  if (into.type === 'SET' && more.type === 'SET') into.items = into.items.union(more.items);
}

function remove(from: Bucket, less: Bucket): void {
  if (from.type === 'SCALAR' && less.type === 'SCALAR') from.millis = Math.max(0, from.millis - less.millis);
  if (from.type === 'RANGES' && less.type === 'RANGES')
    from.ranges = subtractRanges(from.ranges, less.ranges);
  if (from.type === 'SET' && less.type === 'SET') from.items = from.items.difference(less.items);
}

function covers(whole: Bucket, part: Bucket): boolean {
  if (whole.type === 'SCALAR' && part.type === 'SCALAR') return whole.millis >= part.millis;
  if (whole.type === 'RANGES' && part.type === 'RANGES') return containsRanges(whole.ranges, part.ranges);
  return whole.type === 'SET' && part.type === 'SET' && part.items.isSubsetOf(whole.items);
}

function isEmpty(b: Bucket): boolean {
  if (b.type === 'SCALAR') return b.millis <= 0;
  return b.type === 'RANGES' ? b.ranges.length === 0 : b.items.size === 0;
}

function toResource(b: Bucket): Resource {
  if (b.type === 'SCALAR') return { ...b.like, scalar: { value: fromMillis(b.millis) } };
  if (b.type === 'RANGES') return { ...b.like, ranges: { range: b.ranges } };
  return { ...b.like, set: { item: [...b.items].sort() } };
}

function fromBuckets(buckets: Map<string, Bucket>): Resource[] {
  return [...buckets.values()].filter((b) => !isEmpty(b)).map(toResource);
}

/** One entry per kind, empties dropped, ranges sorted and joined, scalars with three decimals. */
export function normalizeResources(resources: readonly Resource[]): Resource[] {
  return fromBuckets(collect(resources));
}

export function addResources(a: readonly Resource[], b: readonly Resource[]): Resource[] {
  return fromBuckets(collect([...a, ...b]));
}

/** `a` without `b`; what `a` does not have is not missed (scalars stop at 0). */
export function subtractResources(a: readonly Resource[], b: readonly Resource[]): Resource[] {
  const left = collect(a);
  for (const [key, less] of collect(b)) {
    const have = left.get(key);
    if (have) remove(have, less);
  }
  return fromBuckets(left);
}

/** Whether `whole` covers every resource in `part`. */
export function containsResources(whole: readonly Resource[], part: readonly Resource[]): boolean {
  const have = collect(whole);
  for (const [key, wanted] of collect(part)) {
    if (isEmpty(wanted)) continue;
    const bucket = have.get(key);
    if (!bucket || !covers(bucket, wanted)) return false;
  }
  return true;
}

export function isEmptyResources(resources: readonly Resource[]): boolean {
  return resources.every((r) => isEmpty(bucketOf(r)));
}

/** Set the role that resources are allocated to. */
export function allocateTo(resources: readonly Resource[], role: string): Resource[] {
  const allocation_info = { role };
  return resources.map((r) => ({ ...r, allocation_info }));
}

/** Strip the role that resources are allocated to. */
export function unallocated(resources: readonly Resource[]): Resource[] {
  return resources.map(({ allocation_info, ...rest }) => rest);
}
