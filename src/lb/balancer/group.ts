import type { Entry, Scene } from './entry.ts';

/** So many draws may miss before the turn decides: with half of the endpoints usable one in 65,536 gets there. */
const MOST_DRAWS = 16;
const MOST_ROUNDS = 4;
/** Spreads those with the same weight over the rounds in which they have their turn. */
const GOLDEN = 0.6180339887498949;

/** Where the rotation of a group stands. */
export interface Turn {
  readonly cursor: number;
  readonly round: number;
}

/**
 * Endpoints that requests are spread over by weight, each pick in constant time: whoever is not usable is skipped where
 * it is met, never searched for. (At least half are usable, or the balancer takes whoever is up.)
 */
export class Group {
  readonly members: readonly Entry[];
  /** Largest and summed weight; set by `weigh`. */
  max = 1;
  total = 0;
  #even = true;
  #cursor = 0;
  #round = 0;

  constructor(members: readonly Entry[], cursor = 0) {
    this.members = members;
    this.#cursor = members.length === 0 ? 0 : cursor % members.length;
    this.weigh();
  }

  get turn(): Turn {
    return { cursor: this.#cursor, round: this.#round };
  }

  set turn(to: Turn) {
    this.#cursor = to.cursor;
    this.#round = to.round;
  }

  /** Where among `next` the rotation goes on: at the first that stays of those whose turn it would be. */
  resume(next: readonly Entry[], stays: (entry: Entry) => boolean): number {
    const n = this.members.length;
    for (let i = 0; i < n; i++) {
      const entry = this.members[(this.#cursor + i) % n] as Entry;
      if (stays(entry)) return next.indexOf(entry);
    }
    return 0;
  }

  /** Weights have changed. */
  weigh(): void {
    let max = 0;
    let total = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const { share } of this.members) {
      max = Math.max(max, share);
      least = Math.min(least, share);
      total += share;
    }
    this.max = max;
    this.total = total;
    this.#even = least === max;
  }

  /**
   * The next in turn. In every round an endpoint comes by once and is due as often as its weight is a part of the
   * largest: with even weights a plain rotation, with others spread out, and exact over the rounds.
   */
  next(scene: Scene): Entry | undefined {
    const { members } = this;
    const n = members.length;
    let cursor = this.#cursor;
    let round = this.#round;
    const most = this.#even ? n : n * MOST_ROUNDS;
    // After that whoever is usable, due or not: the heaviest are all out.
    for (let step = 0; step < most + n; step++) {
      if (cursor >= n) {
        cursor = 0;
        round += 1;
      }
      const entry = members[cursor] as Entry;
      const isDue = this.#even || step >= most || this.#due(entry.share / this.max, cursor, round);
      cursor += 1;
      if (!isDue || !scene.usable(entry)) continue;
      this.#cursor = cursor;
      this.#round = round;
      return entry;
    }
    return undefined;
  }

  #due(part: number, index: number, round: number): boolean {
    const at = part * round + index * GOLDEN;
    return at - Math.floor(at) >= 1 - part;
  }

  /** One by chance, as likely as its weight. */
  draw(scene: Scene): Entry | undefined {
    if (this.members.length === 0) return undefined;
    for (let i = 0; i < MOST_DRAWS; i++) {
      const entry = this.drawOnce(scene);
      if (entry !== undefined) return entry;
    }
    return this.next(scene);
  }

  /** One draw, which may miss. */
  drawOnce(scene: Scene): Entry | undefined {
    const { dice } = scene;
    const entry = this.members[dice.below(this.members.length)];
    if (entry === undefined) return undefined;
    if (!this.#even && dice.next() * this.max >= entry.share) return undefined;
    return scene.usable(entry) ? entry : undefined;
  }
}
