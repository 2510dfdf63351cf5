import { runAtOnce } from '../../core/slices.ts';
import type { Work } from '../../core/slices.ts';
import type { Entry, Scene } from './entry.ts';
import { Points, pointsWith } from './ring-points.ts';
import type { Newcomer } from './ring-points.ts';

/** Points of one endpoint of full weight, from the finest to the coarsest. */
const POINTS = [1024, 256, 64, 16] as const;
/** The number of points is kept while the whole ring has between these: changing it moves most keys. */
const FEWEST = 8_192;
const MOST = 131_072;
/** A first ring of so many endpoints is made at once: until there is one, chance decides. */
const FIRST_AT_ONCE = 512;
/** So many stretches of work are done at once, which is all there is to do for a change of a ring that is not large. */
const BEGIN_WITH = 4;
/** No endpoint gets more than this times its share of the running requests: the surplus goes on along the ring. */
const LOAD_BOUND = 1.25;
const LONGEST_WALK = 512;

/**
 * A hash ring with bounded load (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded Loads). A key stays
 * with its endpoint while others come and go. Finding it takes a binary search; a change of the endpoints takes one pass
 * over the points, without hashing or sorting those that stay. A large one is made in slices, beside the old one, which serves
 * meanwhile without those who are gone.
 */
export class Ring {
  /** Runs a function when traffic has had its turn. */
  readonly #later: (f: () => void) => void;
  #points = new Points(0);
  /** Owners of the points, by slot. */
  #slots: readonly Entry[] = [];
  #fine: number = POINTS[0];
  /** Those who shall be on it. */
  #wanted: readonly Entry[] = [];
  /** The ring that is being made is not, or not only, for them. */
  #changed = false;
  #working = false;

  constructor(later: (f: () => void) => void) {
    this.#later = later;
  }

  /** The endpoints as they are now, with the weight each has when it does not start slowly. They have no other ring. */
  update(entries: readonly Entry[]): void {
    for (const entry of this.#wanted) entry.onRing = false;
    for (const entry of entries) entry.onRing = true;
    this.#wanted = entries;
    this.#changed = true;
    if (this.#working) return;
    if (this.#points.size === 0 && entries.length <= FIRST_AT_ONCE) runAtOnce(this.#work());
    else this.#go(this.#work(), BEGIN_WITH);
  }

  #go(work: Work<void>, stretches: number): void {
    this.#working = true;
    for (let i = 0; i < stretches && this.#working; i++) this.#working = work.next().done !== true;
    if (this.#working) this.#later(() => this.#go(work, 1));
  }

  /** Until the ring is as it shall be. */
  *#work(): Work<void> {
    while (this.#changed) {
      this.#changed = false;
      yield* this.#build(this.#wanted);
    }
  }

  *#build(entries: readonly Entry[]): Work<void> {
    this.#fine = fineness(entries.length, this.#fine);
    let heaviest = 0;
    for (const { endpoint } of entries) heaviest = Math.max(heaviest, endpoint.weight ?? 1);
    const slots = new Int32Array(this.#slots.length).fill(-1);
    const counts = new Uint16Array(entries.length);
    const newcomers: Newcomer[] = [];
    for (const [slot, entry] of entries.entries()) {
      const { key, weight = 1 } = entry.endpoint;
      const count = Math.max(1, Math.round((this.#fine * weight) / heaviest));
      counts[slot] = count;
      if (entry.slot >= 0 && entry.points === count) slots[entry.slot] = slot;
      else newcomers.push({ slot, key, count });
    }
    if (newcomers.length === 0 && entries.length === this.#slots.length) return;
    const points = yield* pointsWith(this.#points, slots, newcomers);
    for (const entry of this.#slots) entry.slot = -1;
    for (const [slot, entry] of entries.entries()) {
      entry.slot = slot;
      entry.points = counts[slot] as number;
    }
    this.#points = points;
    this.#slots = entries;
  }

  /** The endpoint of a key. `running` is the number of requests on all of them, `total` the sum of their weights. */
  find(key: number, scene: Scene, running: number, total: number): Entry | undefined {
    const { hashes, owners, size: n } = this.#points;
    if (n === 0) return undefined;
    const each = (LOAD_BOUND * (running + 1)) / total;
    let at = firstFrom(hashes, key);
    let last: Entry | undefined;
    for (let step = Math.min(n, LONGEST_WALK); step > 0; step--) {
      if (at === n) at = 0;
      const entry = this.#slots[owners[at] as number] as Entry;
      at += 1;
      if (entry === last || !entry.onRing) continue;
      last = entry;
      if (entry.inFlight + 1 <= Math.ceil(each * entry.share) && scene.usable(entry)) return entry;
    }
    return undefined;
  }
}

function fineness(n: number, now: number): number {
  const coarsest = POINTS[POINTS.length - 1] as number;
  const fits = (points: number): boolean =>
    (n * points <= MOST || points === coarsest) && (n * points >= FEWEST || points === POINTS[0]);
  return fits(now) ? now : (POINTS.find(fits) ?? coarsest);
}

/** Index of the first point that is not before `value`. */
function firstFrom(points: Uint32Array, value: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
