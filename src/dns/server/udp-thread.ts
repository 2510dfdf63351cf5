import { Worker } from 'node:worker_threads';
import { Backoff } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { LentSocket } from '../../net/index.ts';
import { workerEnvironment } from '../../core/worker-modules.ts';
import type { UdpWorkerMessage, UdpWorkerOrder, UdpWorkerSetup } from './udp-messages.ts';

const BACKOFF = { firstMs: 50, maxMs: 5_000, jitter: 0.2 };
/** What answers makes next to no garbage: the usual room for it would be two megabytes for each worker. */
const LIMITS = { maxYoungGenerationSizeMb: 1 };
/** A worker that lived as long was well. */
const WELL_MS = 10_000;

export interface UdpThreadParts {
  readonly worker: number;
  /** The module that the thread runs. */
  readonly entry: URL;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly lend: () => LentSocket;
  readonly setup: () => UdpWorkerSetup;
  readonly onMessage: (message: UdpWorkerMessage) => void;
  /** The thread is gone; nothing comes from it any more. */
  readonly onGone: () => void;
}

/** One worker thread, started again whenever it dies. */
export class UdpThread {
  readonly #parts: UdpThreadParts;
  readonly #backoff: Backoff;
  #worker: Worker | undefined;
  #timer: Timer | undefined;
  #stopping = false;
  #listening = false;
  #restarts = 0;
  #loaded = false;
  /** Whether there is a socket to lend. */
  #open = false;
  /** Who waits for the first thread, and to get how far. */
  #first:
    | {
        readonly until: 'loaded' | 'listening';
        readonly resolve: () => void;
        readonly reject: (error: unknown) => void;
      }
    | undefined;
  #gone: (() => void) | undefined;

  constructor(parts: UdpThreadParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random, BACKOFF);
  }

  /** How often it had to be started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Whether it answers now. */
  get listening(): boolean {
    return this.#listening;
  }

  /** Resolves when the thread is there and only lacks a socket; rejects when it dies before that. */
  load(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#first = { until: 'loaded', resolve, reject };
      this.#run();
    });
  }

  /** There is a socket now. Resolves when it answers; rejects when it dies before that. Only later deaths are mended. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#worker) return reject(new Error('it ended before it was needed'));
      this.#first = { until: 'listening', resolve, reject };
      this.#open = true;
      if (this.#loaded) this.#lend();
    });
  }

  #run(): void {
    const { worker: number, entry, clock, setup } = this.#parts;
    const began = clock.monotonic();
    let error: unknown;
    this.#loaded = false;
    const worker = new Worker(entry, {
      name: `dns-udp-${number}`,
      workerData: setup(),
      env: workerEnvironment(),
      resourceLimits: LIMITS,
    });
    this.#worker = worker;
    worker.on('message', (message: UdpWorkerMessage) => this.#onMessage(message));
    worker.on('error', (e) => (error = e));
    worker.on('exit', (code) => this.#onExit(error ?? new Error(`it ended with code ${code}`), began));
  }

  #onMessage(message: UdpWorkerMessage): void {
    if (message.kind === 'loaded') {
      this.#loaded = true;
      if (this.#open) this.#lend();
    } else if (message.kind === 'listening') this.#listening = true;
    else return this.#parts.onMessage(message);
    if (this.#first?.until !== message.kind) return;
    this.#first.resolve();
    this.#first = undefined;
  }

  #lend(): void {
    const { data, transfer } = this.#parts.lend();
    const order: UdpWorkerOrder = { socket: data };
    this.#worker?.postMessage(order, [...transfer]);
  }

  #onExit(error: unknown, began: number): void {
    const { worker, clock, log, onGone } = this.#parts;
    this.#worker = undefined;
    this.#listening = false;
    onGone();
    this.#gone?.();
    if (this.#first) return this.#first.reject(error);
    if (this.#stopping) return;
    if (clock.monotonic() - began >= WELL_MS) this.#backoff.reset();
    const waitMs = Math.round(this.#backoff.next());
    this.#restarts++;
    log.error(
      { error, worker, waitMs, restarts: this.#restarts },
      'a DNS worker died; another one takes its place',
    );
    this.#timer = clock.after(waitMs, () => this.#run());
  }

  /** Let it be from now on: when it ends, it stays ended. */
  release(): void {
    this.#stopping = true;
    this.#timer?.cancel();
  }

  /** End it before it had a socket, or because there is none for it. */
  async dismiss(): Promise<void> {
    this.release();
    this.#first = undefined;
    await this.#worker?.terminate();
  }

  /** Resolves when it has ended, by itself or, after `patienceMs`, by force. */
  async ended(patienceMs: number): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    const { log, clock, worker: number } = this.#parts;
    const force = clock.after(patienceMs, () => {
      log.warn({ worker: number }, 'a DNS worker does not end; it is ended by force');
      void worker.terminate();
    });
    await new Promise<void>((resolve) => (this.#gone = resolve));
    force.cancel();
  }
}
