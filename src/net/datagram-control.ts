export interface DatagramCounts {
  /** All that arrived. */
  readonly received: number;
  /** Replies that the kernel took, late ones not counted. */
  readonly sent: number;
  /** Dropped without asking a handler: larger than a request may be, or without a port to answer to. */
  readonly refused: number;
  /** Replies that the kernel did not take. */
  readonly unsent: number;
  /** Datagrams without an answer because a handler failed. */
  readonly faults: number;
}

const LINE_BYTES = 64;
const STOP = 0;
const COUNTERS = ['received', 'sent', 'refused', 'unsent', 'faults'] as const;

/**
 * What the opener of sockets and its workers share: one word that says stop, and the counters of each worker on a cache
 * line of its own. Every counter has one writer, so plain numbers do; a reader sees them a moment late.
 */
export class DatagramControl {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, 1);
  }

  static forWorkers(workers: number): DatagramControl {
    return new DatagramControl(new SharedArrayBuffer(LINE_BYTES * (workers + 1)));
  }

  get stopped(): boolean {
    return Atomics.load(this.#words, STOP) !== 0;
  }

  stop(): void {
    Atomics.store(this.#words, STOP, 1);
  }

  counters(worker: number): WorkerCounters {
    return new WorkerCounters(this.memory, worker);
  }

  counts(): DatagramCounts {
    const sum = { received: 0, sent: 0, refused: 0, unsent: 0, faults: 0 };
    for (let worker = 0; worker < this.memory.byteLength / LINE_BYTES - 1; worker++) {
      const counters = this.counters(worker);
      for (const name of COUNTERS) sum[name] += counters[name];
    }
    return sum;
  }
}

/** The counters of one worker; it alone adds to them. A successor counts on. */
export class WorkerCounters {
  readonly #numbers: Float64Array;

  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#numbers = new Float64Array(memory, LINE_BYTES * (worker + 1), COUNTERS.length);
  }

  get received(): number {
    return this.#numbers[0] as number;
  }
  set received(value: number) {
    this.#numbers[0] = value;
  }
  get sent(): number {
    return this.#numbers[1] as number;
  }
  set sent(value: number) {
    this.#numbers[1] = value;
  }
  get refused(): number {
    return this.#numbers[2] as number;
  }
  set refused(value: number) {
    this.#numbers[2] = value;
  }
  get unsent(): number {
    return this.#numbers[3] as number;
  }
  set unsent(value: number) {
    this.#numbers[3] = value;
  }
  get faults(): number {
    return this.#numbers[4] as number;
  }
  set faults(value: number) {
    this.#numbers[4] = value;
  }
}
