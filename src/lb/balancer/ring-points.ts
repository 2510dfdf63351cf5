import type { Work } from '../../core/slices.ts';
import { hashText, mix } from './hash.ts';

/** So many points are looked at, moved or made at a stretch: a part of a millisecond. */
const A_STRETCH = 1 << 15;

/** Points with the slot of each one's owner; sorted, where nothing else is said. Of equal hashes the lower slot goes first. */
export class Points {
  readonly hashes: Uint32Array<ArrayBuffer>;
  readonly owners: Uint32Array<ArrayBuffer>;

  constructor(size: number) {
    this.hashes = new Uint32Array(size);
    this.owners = new Uint32Array(size);
  }

  get size(): number {
    return this.hashes.length;
  }
}

/** Points that come: `count` of an owner, made of its key. */
export interface Newcomer {
  readonly slot: number;
  readonly key: string;
  readonly count: number;
}

/** Counts what work has done, and says when it may rest. */
class Stretch {
  #done = 0;

  over(points: number): boolean {
    this.#done += points;
    if (this.#done < A_STRETCH) return false;
    this.#done = 0;
    return true;
  }
}

/**
 * `before` without the points of those whose slot is gone (`slots`: by old slot the new one, -1: gone) and with the points of
 * `newcomers`. Points that stay are neither hashed nor sorted again.
 */
export function* pointsWith(before: Points, slots: Int32Array, newcomers: readonly Newcomer[]): Work<Points> {
  const stretch = new Stretch();
  const come = yield* made(newcomers, stretch);
  const sorted = yield* inOrder(come, stretch);
  return yield* merged(before, slots, sorted, stretch);
}

function* made(newcomers: readonly Newcomer[], stretch: Stretch): Work<Points> {
  const points = new Points(newcomers.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const { slot, key, count } of newcomers) {
    const base = hashText(key);
    points.owners.fill(slot, at, at + count);
    for (let i = 0; i < count; i++) points.hashes[at + i] = mix(base + Math.imul(i, 0x9e3779b9));
    at += count;
    if (stretch.over(count)) yield;
  }
  return points;
}

/**
 * In ascending order. Hashes are spread evenly: once each is put where it should be about there is little left to sort, which
 * takes a small part of the time of a sort that knows nothing.
 */
function* inOrder({ hashes, owners }: Points, stretch: Stretch): Work<Points> {
  const n = hashes.length;
  const shift = Math.min(31, Math.clz32(n) + 1);
  const ends = new Uint32Array(2 ** (32 - shift));
  for (let i = 0; i < n; i++) {
    const place = (hashes[i] as number) >>> shift;
    ends[place] = (ends[place] as number) + 1;
  }
  for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] as number) + (ends[i - 1] as number);
  if (stretch.over(n)) yield;
  const out = new Points(n);
  for (let i = 0; i < n; i++) {
    const place = (hashes[i] as number) >>> shift;
    const end = (ends[place] as number) - 1;
    ends[place] = end;
    out.hashes[end] = hashes[i] as number;
    out.owners[end] = owners[i] as number;
    if ((i & 1023) === 1023 && stretch.over(1024)) yield;
  }
  for (let i = 1; i < n; i++) {
    settle(out, i);
    if ((i & 1023) === 1023 && stretch.over(1024)) yield;
  }
  return out;
}

/** Move the point at `from` to the left, to where it belongs. */
function settle({ hashes, owners }: Points, from: number): void {
  const hash = hashes[from] as number;
  const owner = owners[from] as number;
  let at = from;
  for (; at > 0; at--) {
    const before = hashes[at - 1] as number;
    if (before < hash || (before === hash && (owners[at - 1] as number) <= owner)) break;
    hashes[at] = before;
    owners[at] = owners[at - 1] as number;
  }
  hashes[at] = hash;
  owners[at] = owner;
}

/** The old points that stay and those that come as one row. */
function* merged(before: Points, slots: Int32Array, come: Points, stretch: Stretch): Work<Points> {
  let kept = 0;
  for (let i = 0; i < before.size; i++) if ((slots[before.owners[i] as number] as number) >= 0) kept += 1;
  if (stretch.over(before.size)) yield;
  const out = new Points(kept + come.size);
  let next = 0;
  for (let old = 0, at = 0; at < out.size; old++) {
    const hash = old < before.size ? (before.hashes[old] as number) : Number.POSITIVE_INFINITY;
    for (; next < come.size && (come.hashes[next] as number) < hash; next++, at++) {
      out.hashes[at] = come.hashes[next] as number;
      out.owners[at] = come.owners[next] as number;
    }
    const slot = old < before.size ? (slots[before.owners[old] as number] as number) : -1;
    if (slot >= 0) {
      out.hashes[at] = hash;
      out.owners[at] = slot;
      at += 1;
    }
    if ((old & 1023) === 1023 && stretch.over(1024)) yield;
  }
  return out;
}
