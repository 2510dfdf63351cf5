import { Worker } from 'node:worker_threads';
import { Backoff } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { LentSocket } from '../../net/index.ts';
import { workerEnvironment } from './compile-cache.ts';
import type { UdpWorkerMessage, UdpWorkerSetup } from './udp-messages.ts';

const BACKOFF = { firstMs: 50, maxMs: 5_000, jitter: 0.2 };
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
  readonly setup: (socket: LentSocket['data']) => UdpWorkerSetup;
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
  #first: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
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

  /** Resolves when it answers; rejects when it dies before that. Only later deaths are mended. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#run();
    });
  }

  #run(): void {
    const { worker: number, entry, clock, lend, setup } = this.#parts;
    const { data, transfer } = lend();
    const began = clock.monotonic();
    let error: unknown;
    const worker = new Worker(entry, {
      name: `dns-udp-${number}`,
      workerData: setup(data),
      env: workerEnvironment(),
      transferList: [...transfer],
    });
    this.#worker = worker;
    worker.on('message', (message: UdpWorkerMessage) => {
      if (message.kind === 'listening') {
        this.#listening = true;
        this.#first?.resolve();
        this.#first = undefined;
      } else this.#parts.onMessage(message);
    });
    worker.on('error', (e) => (error = e));
    worker.on('exit', (code) => this.#onExit(error ?? new Error(`it ended with code ${code}`), began));
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
