import type { Clock } from '../../../core/clock.ts';

/** So long new requests are begun with before all else has its turn, milliseconds. */
const SLICE_MS = 4;
/** The least that clocks can wait. */
const REST_MS = 1;

/** Who has requests that wait to be begun with. */
export interface Starter {
  /** It is in line; for `Starts` to say. */
  waits: boolean;
  /** Begin with the first of them. False: that was the last. */
  startNext(): boolean;
}

/**
 * Begins with the requests of all HTTP/2 connections of a thread, in slices. A connection brings a hundred requests in one read, each
 * of which may open a connection to an instance: while more wait than fit into a slice, the connections take turns, one
 * request each, and everything else goes on in between. What is reset while it waits costs no instance anything.
 */
export class Starts {
  readonly #clock: Clock;
  readonly #stopwatch: () => number;
  readonly #waiting: Starter[] = [];
  #resting = false;
  /** Milliseconds that beginning took since the last rest. */
  #spent = 0;

  /** `stopwatch`: milliseconds, which also go on within a turn of the engine. */
  constructor(clock: Clock, stopwatch: () => number) {
    this.#clock = clock;
    this.#stopwatch = stopwatch;
  }

  /** New requests have to `wait`. */
  get resting(): boolean {
    return this.#resting;
  }

  /** Begin with a request. */
  run(begin: () => void): void {
    const began = this.#stopwatch();
    begin();
    this.#spent += this.#stopwatch() - began;
    if (this.#spent < SLICE_MS || this.#resting) return;
    this.#resting = true;
    this.#clock.after(REST_MS, () => {
      this.#resting = false;
      this.#spent = 0;
      this.#goOn();
    });
  }

  /** After the rest `startNext` is called, once in each round. */
  wait(starter: Starter): void {
    if (starter.waits) return;
    starter.waits = true;
    this.#waiting.push(starter);
  }

  /** The one before has its next turn behind all others. */
  #goOn(): void {
    while (!this.#resting) {
      const starter = this.#waiting.shift();
      if (starter === undefined) return;
      starter.waits = false;
      if (starter.startNext()) this.wait(starter);
    }
  }
}
