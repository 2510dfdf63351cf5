import type { Timer } from '../../../core/clock.ts';

const LEVELS = 6;
const SLOTS = 64;
/** Where timers wait that are due right now. */
const FIRING = LEVELS * SLOTS;
/** About a year; longer waits end then. Half a turn of the last wheel, so that no slot means two times. */
const LONGEST = 2 ** 35;
/** Ticks that one slot of each level stands for. */
const SPAN = Array.from({ length: LEVELS + 1 }, (_, level) => SLOTS ** level);

class WheelTimer implements Timer {
  readonly run: () => void;
  readonly period: number;
  readonly #wheel: TimerWheel;
  due = 0;
  /** The list it is in; -1 for none. */
  list = -1;
  before: WheelTimer | undefined;
  after: WheelTimer | undefined;

  constructor(wheel: TimerWheel, period: number, run: () => void) {
    this.#wheel = wheel;
    this.period = period;
    this.run = run;
  }

  cancel(): void {
    this.#wheel.remove(this);
  }
}

/**
 * Timers by the tick (1 ms) they are due at: setting and cancelling one is a few assignments, however many there are. They
 * fire in order of time, ties in the order they were set, never early. A wheel of 64 slots for the coming ticks, one for the
 * coming 64s of ticks, and so on; a slot's timers move down a wheel when its time begins.
 */
export class TimerWheel {
  readonly #first: (WheelTimer | undefined)[] = Array.from({ length: FIRING + 1 });
  readonly #last: (WheelTimer | undefined)[] = Array.from({ length: FIRING + 1 });
  /** Which slots have timers: two words of bits per level. */
  readonly #taken = new Int32Array(LEVELS * 2);
  readonly #onFault: (error: unknown) => void;
  #tick: number;
  /** Where the running `advance` goes. */
  #to: number;
  #count = 0;

  constructor(tick: number, onFault: (error: unknown) => void) {
    this.#tick = tick;
    this.#to = tick;
    this.#onFault = onFault;
  }

  /** How many wait. */
  get pending(): number {
    return this.#count;
  }

  /** Run `f` at tick `due` (the next one at the earliest), and with `period` > 0 again after every so many ticks. */
  add(due: number, period: number, f: () => void): Timer {
    const timer = new WheelTimer(this, period, f);
    this.#insert(timer, due);
    this.#count++;
    return timer;
  }

  remove(timer: WheelTimer): void {
    if (timer.list < 0) return;
    this.#unlink(timer);
    this.#count--;
  }

  /** The tick at which there is something to do next; infinite when nothing waits. Never too late, sometimes early. */
  next(): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    for (let level = 0; level < LEVELS; level++) {
      const here = Math.floor(this.#tick / (SPAN[level] as number));
      const turn = here - (here % SLOTS);
      const slot = this.#takenAfter(level, here - turn);
      if (slot >= 0) return (turn + slot) * (SPAN[level] as number);
      if (level < LEVELS - 1) continue;
      const wrapped = this.#takenAfter(level, -1);
      if (wrapped >= 0) return (turn + SLOTS + wrapped) * (SPAN[level] as number);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Time has come to tick `to`: run what was due until then, what repeats once. */
  advance(to: number): void {
    if (to <= this.#tick) return;
    this.#to = to;
    for (let next = this.next(); next <= to; next = this.next()) {
      this.#tick = next;
      for (let level = LEVELS - 1; level > 0; level--) {
        const span = SPAN[level] as number;
        if (next % span === 0) this.#cascade(level * SLOTS + (Math.floor(next / span) % SLOTS));
      }
      this.#fire(next % SLOTS);
    }
    this.#tick = to;
  }

  #insert(timer: WheelTimer, due: number): void {
    timer.due = Math.max(this.#tick + 1, Math.min(due, this.#tick + LONGEST));
    this.#place(timer);
  }

  #place(timer: WheelTimer): void {
    let level = 0;
    while (level < LEVELS - 1) {
      const turn = SPAN[level + 1] as number;
      if (Math.floor(timer.due / turn) === Math.floor(this.#tick / turn)) break;
      level++;
    }
    this.#append(level * SLOTS + (Math.floor(timer.due / (SPAN[level] as number)) % SLOTS), timer);
  }

  /** The timers of a slot move to where they belong now, in their order. */
  #cascade(list: number): void {
    let timer = this.#first[list];
    this.#first[list] = undefined;
    this.#last[list] = undefined;
    this.#mark(list, false);
    while (timer) {
      const { after } = timer;
      this.#place(timer);
      timer = after;
    }
  }

  #fire(list: number): void {
    for (let timer = this.#first[list]; timer; timer = this.#first[list]) {
      this.#unlink(timer);
      this.#append(FIRING, timer);
    }
    for (let timer = this.#first[FIRING]; timer; timer = this.#first[FIRING]) {
      this.#unlink(timer);
      if (timer.period > 0) this.#insert(timer, Math.max(timer.due + timer.period, this.#to + 1));
      else this.#count--;
      try {
        timer.run();
      } catch (error) {
        this.#onFault(error);
      }
    }
  }

  #append(list: number, timer: WheelTimer): void {
    const last = this.#last[list];
    timer.list = list;
    timer.before = last;
    timer.after = undefined;
    if (last) last.after = timer;
    else {
      this.#first[list] = timer;
      this.#mark(list, true);
    }
    this.#last[list] = timer;
  }

  #unlink(timer: WheelTimer): void {
    const { list, before, after } = timer;
    if (before) before.after = after;
    else this.#first[list] = after;
    if (after) after.before = before;
    else this.#last[list] = before;
    if (!before && !after) this.#mark(list, false);
    timer.list = -1;
    timer.before = undefined;
    timer.after = undefined;
  }

  #mark(list: number, taken: boolean): void {
    if (list === FIRING) return;
    const bit = 1 << (list & 31);
    const word = list >> 5;
    if (taken) this.#taken[word] = (this.#taken[word] as number) | bit;
    else this.#taken[word] = (this.#taken[word] as number) & ~bit;
  }

  /** The first slot with timers behind slot `position` of a level; -1 when there is none. */
  #takenAfter(level: number, position: number): number {
    for (let half = position < 31 ? 0 : 1; half < 2; half++) {
      const from = Math.max(0, position + 1 - half * 32);
      if (from > 31) continue;
      const bits = (this.#taken[level * 2 + half] as number) & (-1 << from);
      if (bits !== 0) return half * 32 + 31 - Math.clz32(bits & -bits);
    }
    return -1;
  }
}
