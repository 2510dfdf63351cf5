import { seededRandom } from '../../src/core/random.ts';
import type { Random } from '../../src/core/random.ts';

interface Entry {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** How much of the trace is kept unless all of it is asked for. */
const KEPT_LINES = 400;

/** Something that must never be; the text says what, where and when. */
export class Violation extends Error {}

/**
 * Time, chance and the record of what happened. One event at a time: the next one begins only when nothing that the last
 * one has set off waits for a promise any more, so a seed fully decides a run.
 */
export class World {
  readonly seed: number;
  readonly random: Random;
  /** Milliseconds since the begin of the run. */
  now = 0;
  readonly #heap: Entry[] = [];
  #order = 0;
  #hash = FNV_OFFSET;
  readonly #lines: string[] = [];
  readonly #keepAll: boolean;
  events = 0;
  violation: Violation | undefined;

  constructor(seed: number, keepAll = false) {
    this.seed = seed;
    this.random = seededRandom(seed * 2 + 1);
    this.#keepAll = keepAll;
  }

  /** Stands for everything that happened so far, in its order. */
  get hash(): string {
    return this.#hash.toString(16).padStart(8, '0');
  }

  get trace(): readonly string[] {
    return this.#lines;
  }

  say(who: string, what: string): void {
    const line = `${(this.now / 1000).toFixed(3).padStart(9)} ${who}: ${what}`;
    for (let i = 0; i < line.length; i++)
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(i), FNV_PRIME) >>> 0;
    this.#lines.push(line);
    if (!this.#keepAll && this.#lines.length > 2 * KEPT_LINES) this.#lines.splice(0, KEPT_LINES);
  }

  /** The first one counts: what follows from it may be anything. */
  violated(what: string): void {
    this.say('VIOLATION', what);
    this.violation ??= new Violation(`at ${(this.now / 1000).toFixed(3)} s: ${what}`);
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  between(min: number, max: number): number {
    return min + this.random.next() * (max - min);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.random.int(items.length)];
  }

  after(ms: number, run: () => void): { cancel(): void } {
    const entry: Entry = { at: this.now + Math.max(0, ms), order: this.#order++, run };
    this.#push(entry);
    return { cancel: () => void (entry.run = undefined) };
  }

  /** Go on until `end` (milliseconds), or until something is violated. */
  async runUntil(end: number, afterEach: () => void = () => {}): Promise<void> {
    for (let next = this.#heap[0]; next && next.at <= end && !this.violation; next = this.#heap[0]) {
      this.#pop();
      const { run } = next;
      if (!run) continue;
      this.now = Math.max(this.now, next.at);
      this.events++;
      run();
      await settled();
      afterEach();
    }
    this.now = Math.max(this.now, end);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent])) break;
      heap[i] = heap[parent] as Entry;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[i] = heap[child] as Entry;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Entry | undefined, b: Entry | undefined): boolean {
  if (!a || !b) return a !== undefined;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Nothing waits for a promise any more: the event loop comes round only then. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
