import type { ReturnAddress } from '../../net/index.ts';

/** A query that a worker cannot answer at once, on its way to the main thread, which replies by itself. */
export interface ColdQuery {
  readonly bytes: Uint8Array;
  readonly from: ReturnAddress;
}

const LINE_WORDS = 16;
const WAITING = 0;
const DROPPED = 1;

/**
 * How many cold queries wait for the main thread, in shared memory: on a line of the cache for each worker, how many it
 * has sent that are not taken yet, and how many it gave up. So a flood of them cannot fill the memory, and what a worker
 * that died had sent is not counted for ever.
 */
export class ColdQueries {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  static forWorkers(workers: number): ColdQueries {
    return new ColdQueries(new SharedArrayBuffer(workers * LINE_WORDS * 4));
  }

  #sum(of: number): number {
    let sum = 0;
    for (let at = of; at < this.#words.length; at += LINE_WORDS) sum += Atomics.load(this.#words, at);
    return sum;
  }

  get waiting(): number {
    return this.#sum(WAITING);
  }

  /** How many were given up, because too many waited. */
  get dropped(): number {
    return this.#sum(DROPPED);
  }

  /** For worker `worker`: one more on its way, or, where `max` wait already, one given up (false). */
  admit(worker: number, max: number): boolean {
    const at = worker * LINE_WORDS;
    // Workers that ask at the same time may exceed the limit by one each, which does no harm.
    if (this.waiting >= max) {
      Atomics.add(this.#words, at + DROPPED, 1);
      return false;
    }
    Atomics.add(this.#words, at + WAITING, 1);
    return true;
  }

  /** The main thread has taken `count` of `worker`'s. */
  taken(worker: number, count: number): void {
    Atomics.sub(this.#words, worker * LINE_WORDS + WAITING, count);
  }

  /** The worker is gone, and with it what it had on the way. */
  forget(worker: number): void {
    Atomics.store(this.#words, worker * LINE_WORDS + WAITING, 0);
  }
}
