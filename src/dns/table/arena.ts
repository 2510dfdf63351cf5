import { CONTROL, FIRST_UNIT, MAX_READERS, UNIT_BYTES, readerWord } from './layout.ts';

/** Blocks of up to this many units have a class of their own size; larger ones come in four sizes per doubling. */
const EXACT_UNITS = 64;
const STEPS = 4;

/** The class of blocks that hold `units`. */
export function sizeClass(units: number): number {
  if (units <= EXACT_UNITS) return units;
  const doubling = 31 - Math.clz32(units - 1);
  const step = Math.ceil((units - 2 ** doubling) / 2 ** (doubling - 2));
  return EXACT_UNITS + (doubling - 6) * STEPS + step;
}

/** How many units a block of a class has. */
export function unitsOfClass(code: number): number {
  if (code <= EXACT_UNITS) return code;
  const over = code - EXACT_UNITS - 1;
  const doubling = 6 + Math.floor(over / STEPS);
  return 2 ** doubling + ((over % STEPS) + 1) * 2 ** (doubling - 2);
}

/**
 * Hands out blocks of shared memory to the one writer. What is retired is handed out again only when no reader can
 * still look at it: each reader notes the epoch in which it began its batch, and a block is free when all of them are
 * idle or began in a later epoch than the one it was retired in.
 */
export class Arena {
  readonly #words: Int32Array;
  readonly #limit: number;
  readonly #free: number[][] = [];
  /** Retired blocks in order: block, class, epoch; those before `#head` are free again. */
  readonly #retired: number[] = [];
  #head = 0;
  #next = FIRST_UNIT;
  #idle = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#limit = Math.floor(memory.byteLength / UNIT_BYTES);
    if (this.#words[CONTROL.EPOCH] === 0) this.#words[CONTROL.EPOCH] = 1;
  }

  /** Bytes that were touched so far: what the table costs. */
  get touchedBytes(): number {
    return this.#next * UNIT_BYTES;
  }

  /** Bytes of those that hold nothing now. */
  get idleBytes(): number {
    return this.#idle * UNIT_BYTES;
  }

  /** Whether so many units can be had that were never used. */
  hasRoom(units: number): boolean {
    return this.#next + units <= this.#limit;
  }

  /** A block of a class; its content is whatever was there. Undefined when the memory is full. */
  take(code: number): number | undefined {
    const list = this.#free[code];
    let block = list?.pop();
    if (block === undefined && this.#retired.length - this.#head > 3 * 256) {
      this.reclaim();
      block = this.#free[code]?.pop();
    }
    const units = unitsOfClass(code);
    if (block !== undefined) {
      this.#idle -= units;
      return block;
    }
    if (this.#next + units > this.#limit) return undefined;
    block = this.#next;
    this.#next += units;
    return block;
  }

  /** Give a block back that no word leads to any more. */
  retire(block: number, code: number): void {
    this.#retired.push(block, code, this.#words[CONTROL.EPOCH] as number);
    this.#idle += unitsOfClass(code);
  }

  /** End of a step of changes: batches that begin from here on see none of what was retired before. */
  nextEpoch(): void {
    if (Atomics.add(this.#words, CONTROL.EPOCH, 1) === -1) Atomics.add(this.#words, CONTROL.EPOCH, 1);
    this.reclaim();
  }

  /** Make retired blocks free as far as the readers allow. */
  reclaim(): void {
    const oldest = this.#oldestReader();
    const retired = this.#retired;
    while (this.#head < retired.length) {
      const epoch = retired[this.#head + 2] as number;
      if (((oldest - epoch) | 0) <= 0) break;
      const code = retired[this.#head + 1] as number;
      (this.#free[code] ??= []).push(retired[this.#head] as number);
      this.#head += 3;
    }
    if (this.#head > 30_000 || this.#head === retired.length) {
      retired.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** The epoch in which the slowest reader began, or the current one when all are idle. */
  #oldestReader(): number {
    let oldest = Atomics.load(this.#words, CONTROL.EPOCH);
    for (let r = 0; r < MAX_READERS; r++) {
      const epoch = Atomics.load(this.#words, readerWord(r));
      if (epoch !== 0 && ((epoch - oldest) | 0) < 0) oldest = epoch;
    }
    return oldest;
  }
}
