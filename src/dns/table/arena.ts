import { CONTROL, FIRST_UNIT, MAX_READERS, UNIT_BYTES, readerWord } from './layout.ts';

/** Blocks of up to this many units have a class of their own size; larger ones come in sixteen sizes per doubling. */
const EXACT_UNITS = 64;
const STEPS_LOG2 = 4;
const STEPS = 2 ** STEPS_LOG2;
/** More than there can be. */
const MAX_CLASSES = 1024;
/** Beside the class of what is retired. */
const OUTGROWN = 2048;

/** The class of blocks that hold `units`. */
export function sizeClass(units: number): number {
  if (units <= EXACT_UNITS) return units;
  const doubling = 31 - Math.clz32(units - 1);
  const step = Math.ceil((units - 2 ** doubling) / 2 ** (doubling - STEPS_LOG2));
  return EXACT_UNITS + (doubling - 6) * STEPS + step;
}

/** How many units a block of a class has. */
export function unitsOfClass(code: number): number {
  if (code <= EXACT_UNITS) return code;
  const over = code - EXACT_UNITS - 1;
  const doubling = 6 + Math.floor(over / STEPS);
  return 2 ** doubling + ((over % STEPS) + 1) * 2 ** (doubling - STEPS_LOG2);
}

/** The largest class whose blocks have at most `units`. */
function classWithin(units: number): number {
  const code = sizeClass(units);
  return unitsOfClass(code) > units ? code - 1 : code;
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
  #touched = FIRST_UNIT;
  #idle = 0;
  /** Units that became free since free neighbours were last put together. */
  #loose = 0;
  /** Large blocks that nobody will want again as they are: first unit and number of units of each. */
  readonly #outgrown: number[] = [];
  /** What is left of the one that blocks are cut from, one right behind the other. */
  #cutting = 0;
  #cuttingEnd = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#limit = Math.floor(memory.byteLength / UNIT_BYTES);
    if (this.#words[CONTROL.EPOCH] === 0) this.#words[CONTROL.EPOCH] = 1;
  }

  /** Bytes that were touched so far: what the table costs. */
  get touchedBytes(): number {
    return this.#touched * UNIT_BYTES;
  }

  /** Bytes of those that hold nothing now. */
  get idleBytes(): number {
    return (this.#idle + this.#touched - this.#next) * UNIT_BYTES;
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
    if (this.#cutting !== this.#cuttingEnd || this.#outgrown.length > 0) {
      block = this.#cutOutgrown(units);
      if (block !== undefined) return block;
    }
    if (this.#next + units > this.#limit) return this.#cut(code);
    block = this.#next;
    this.#next += units;
    this.#touched = Math.max(this.#touched, this.#next);
    return block;
  }

  /** Memory that was touched before goes first: undefined when a piece that is large enough is not left there. */
  #cutOutgrown(units: number): number | undefined {
    while (this.#cuttingEnd - this.#cutting < units) {
      const size = this.#outgrown.at(-1);
      // Slots do not grow into what smaller ones left.
      if (size === undefined || size < units) return undefined;
      this.#put(this.#cutting, this.#cuttingEnd - this.#cutting);
      this.#cutting = this.#outgrown.at(-2) as number;
      this.#cuttingEnd = this.#cutting + size;
      this.#outgrown.length -= 2;
    }
    const block = this.#cutting;
    this.#cutting += units;
    this.#idle -= units;
    return block;
  }

  /** There is not enough that was never used, and no block of this class is free: part of a larger one. */
  #cut(code: number): number | undefined {
    const block = this.#cutLarger(code);
    return block === undefined && this.#joinNeighbours() ? this.take(code) : block;
  }

  #cutLarger(code: number): number | undefined {
    for (let larger = code + 1; larger < this.#free.length; larger++) {
      const block = this.#free[larger]?.pop();
      if (block === undefined) continue;
      const units = unitsOfClass(code);
      this.#idle -= units;
      this.#put(block + units, unitsOfClass(larger) - units);
      return block;
    }
    return undefined;
  }

  /** So many free units from `start` on, in blocks as large as can be. */
  #put(start: number, units: number): void {
    for (let at = start, left = units; left > 0;) {
      const code = classWithin(left);
      (this.#free[code] ??= []).push(at);
      at += unitsOfClass(code);
      left -= unitsOfClass(code);
    }
  }

  /** False when too little became free since the last time for this to be worth the work. */
  #joinNeighbours(): boolean {
    this.reclaim();
    this.#giveUpCutting();
    if (this.#loose === 0 || this.#loose * 8 < this.#idle) return false;
    this.#loose = 0;
    const blocks: number[] = [];
    for (const [code, list] of this.#free.entries()) {
      for (const block of list ?? []) blocks.push(block * MAX_CLASSES + code);
      if (list) list.length = 0;
    }
    let start = 0;
    let end = 0;
    for (const packed of Float64Array.from(blocks).sort()) {
      const block = Math.floor(packed / MAX_CLASSES);
      if (block !== end) {
        this.#put(start, end - start);
        start = block;
      }
      end = block + unitsOfClass(packed % MAX_CLASSES);
    }
    if (end === this.#next) {
      this.#next = start;
      this.#idle -= end - start;
    } else this.#put(start, end - start);
    return true;
  }

  /** What is cut from, and what would be, become free blocks like others. */
  #giveUpCutting(): void {
    this.#put(this.#cutting, this.#cuttingEnd - this.#cutting);
    this.#loose += this.#cuttingEnd - this.#cutting;
    this.#cutting = this.#cuttingEnd;
    for (let i = 0; i < this.#outgrown.length; i += 2) {
      this.#put(this.#outgrown[i] as number, this.#outgrown[i + 1] as number);
      this.#loose += this.#outgrown[i + 1] as number;
    }
    this.#outgrown.length = 0;
  }

  /** Give a block back that no word leads to any more. */
  retire(block: number, code: number): void {
    this.#retired.push(block, code, this.#words[CONTROL.EPOCH] as number);
    this.#idle += unitsOfClass(code);
  }

  /** The same for a large one of a size that will not be wanted again: it becomes many small ones, before new memory does. */
  retireOutgrown(block: number, code: number): void {
    this.#retired.push(block, code | OUTGROWN, this.#words[CONTROL.EPOCH] as number);
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
      const block = retired[this.#head] as number;
      this.#head += 3;
      if ((code & OUTGROWN) !== 0) {
        this.#outgrown.push(block, unitsOfClass(code & ~OUTGROWN));
        continue;
      }
      (this.#free[code] ??= []).push(block);
      this.#loose += unitsOfClass(code);
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
