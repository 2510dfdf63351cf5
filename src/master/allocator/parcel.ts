import type { Range, Resource, Summand } from '../../mesos/index.ts';
import {
  allocateTo,
  fromMillis,
  normalizeResources,
  resourceIdentity,
  subtractResources,
  summandsOf,
  toMillis,
} from '../../mesos/index.ts';
import type { Amounts } from './amounts.ts';
import { amountsOf } from './amounts.ts';

/** A list of resources with all that the allocator asks of it over and over. It is made once and never changed. */
export interface Parcel {
  /** Without allocation roles. */
  readonly resources: readonly Resource[];
  readonly amounts: Amounts;
  /** Nothing in it is reserved, revocable or shared: whoever may have any of it may have all. */
  readonly plain: boolean;
  readonly kinds: ReadonlyMap<string, Resource>;
}

export function parcelOf(resources: readonly Resource[]): Parcel {
  const kinds = new Map<string, Resource>();
  for (const r of resources) kinds.set(resourceIdentity(r), r);
  if (kinds.size < resources.length) return parcelOf(normalizeResources(resources));
  return {
    resources,
    amounts: amountsOf(resources),
    plain: resources.every(isPlain),
    kinds,
  };
}

/**
 * A parcel as a role is offered it. It lives as long as its offer: to make it takes less than a microsecond, and those that were offered once, kept, would be more than all else
 * that is known of an agent.
 */
export interface Lot {
  readonly parcel: Parcel;
  /** Internal format, allocated to the role. */
  readonly resources: readonly Resource[];
  readonly summands: readonly Summand[];
}

export function lotOf(parcel: Parcel, role: string): Lot {
  const resources = allocateTo(parcel.resources, role);
  return { parcel, resources, summands: summandsOf(resources) };
}

export const EMPTY: Parcel = parcelOf([]);

export function isEmptyParcel(parcel: Parcel): boolean {
  return parcel.resources.length === 0;
}

function isPlain(r: Resource): boolean {
  return isUnreserved(r) && r.shared === undefined;
}

/** What anybody may be given and quota counts: neither reserved nor to be taken back at will. */
export function isUnreserved(r: Resource): boolean {
  return (r.role ?? '*') === '*' && r.revocable === undefined;
}

/** Whether every resource of `part` is in `whole`: thousandths for scalars, ranges and sets as sets. */
export function covers(whole: Parcel, part: Parcel): boolean {
  if (whole === part) return true;
  for (const [kind, wanted] of part.kinds) {
    const have = whole.kinds.get(kind);
    if (have === undefined || !coversOne(have, wanted)) return false;
  }
  return true;
}

function coversOne(have: Resource, wanted: Resource): boolean {
  if (have === wanted) return true;
  if (wanted.type === 'SCALAR')
    return toMillis(have.scalar?.value ?? 0) >= toMillis(wanted.scalar?.value ?? 0);
  if (wanted.type === 'RANGES') return coversRanges(have.ranges?.range ?? [], wanted.ranges?.range ?? []);
  const items = have.set?.item ?? [];
  return (wanted.set?.item ?? []).every((item) => items.includes(item));
}

/** Both are sorted and joined. */
function coversRanges(whole: readonly Range[], part: readonly Range[]): boolean {
  let i = 0;
  for (const { begin, end } of part) {
    while (i < whole.length && (whole[i]?.end ?? 0) < begin) i++;
    const at = whole[i];
    if (at === undefined || at.begin > begin || at.end < end) return false;
  }
  return true;
}

/** The parcel itself where all of it is kept. */
export function keep(parcel: Parcel, kept: (r: Resource) => boolean): Parcel {
  const resources = parcel.resources.filter(kept);
  if (resources.length === parcel.resources.length) return parcel;
  return resources.length === 0 ? EMPTY : parcelOf(resources);
}

/** What is left of a parcel when this is taken out of it. */
export function without(parcel: Parcel, taken: Parcel): Parcel {
  if (taken === parcel) return EMPTY;
  const gone = new Set(taken.resources);
  const left = parcel.resources.filter((r) => !gone.has(r));
  if (left.length + gone.size === parcel.resources.length) return left.length === 0 ? EMPTY : parcelOf(left);
  return parcelOf(subtractResources(parcel.resources, taken.resources));
}

/**
 * At most this much of what is unreserved, by name; what is not named is not limited. GPUs are given whole, disks of their
 * own (MOUNT, BLOCK) wholly or not at all.
 */
export function atMost(parcel: Parcel, limits: Amounts): Parcel {
  if (limits.size === 0) return parcel;
  const left = new Map(limits);
  let changed = false;
  const resources: Resource[] = [];
  for (const r of parcel.resources) {
    const limit = r.type === 'SCALAR' && isUnreserved(r) ? left.get(r.name) : undefined;
    const millis = toMillis(r.scalar?.value ?? 0);
    const given = limit === undefined ? millis : shrunk(r, millis, Math.max(0, limit));
    if (limit !== undefined) left.set(r.name, limit - given);
    if (limit === undefined || given === millis) resources.push(r);
    else {
      changed = true;
      if (given > 0) resources.push({ ...r, scalar: { value: fromMillis(given) } });
    }
  }
  if (!changed) return parcel;
  return resources.length === 0 ? EMPTY : parcelOf(resources);
}

function shrunk(r: Resource, millis: number, limit: number): number {
  if (millis <= limit) return millis;
  if (r.name === 'gpus') return Math.floor(limit / 1000) * 1000;
  const source = (r.disk as { readonly source?: { readonly type?: string } } | undefined)?.source?.type;
  return source === 'MOUNT' || source === 'BLOCK' ? 0 : limit;
}
