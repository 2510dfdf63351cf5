import { Worker } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import { pino } from 'pino';
import type { Logger } from '../../core/log.ts';
import { compileForWorkers, workerEnvironment } from '../../core/worker-modules.ts';
import { netErrors } from '../errors.ts';
import { SOCK_CLOEXEC } from '../linux/constants.ts';
import { systemError } from '../linux/libc.ts';
import { loadStreamCalls } from '../linux/tcp/calls.ts';
import type { StreamCalls, StreamCallsOrWhyNot } from '../linux/tcp/calls.ts';
import { SOCK_NONBLOCK } from '../linux/tcp/constants.ts';
import { closeLedger, ledgerMemory } from '../linux/tcp/ledger.ts';
import { STOP } from './setup.ts';
import type { FromPlane, PlaneSetup, ToPlane } from './setup.ts';

export interface StartPlane {
  /** `auto`: linux where it runs, else portable. */
  readonly engine: 'auto' | 'linux' | 'portable';
  /** A module that calls `thisPlaneThread`, and on the main thread does nothing (it is compiled there). */
  readonly entry: URL;
  /** Number of the thread, from 0. */
  readonly worker: number;
  /** As tools for threads show it. */
  readonly name: string;
  /** Anything that structuredClone takes. */
  readonly setup: unknown;
  readonly resourceLimits?: ResourceLimits;
  readonly onMessage: (message: unknown) => void;
  /**
   * The thread is gone, and so are its sockets. Without an error it was told to stop (or ended by itself). Comes once and
   * last; whoever wants another thread starts one.
   */
  readonly onExit: (error: Error | undefined) => void;
  readonly log: Logger;
}

export interface RunningPlane {
  readonly engine: 'linux' | 'portable';
  /** Why this engine. */
  readonly reason: string;
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** Have `run` end in the thread, and with it all its connections. Resolves when the thread is gone, after `onExit`. */
  stop(): Promise<void>;
  /** End it wherever it is. */
  terminate(): Promise<void>;
}

/** Start a thread of a data plane. Rejects with NET_ENGINE_UNAVAILABLE when the engine that was asked for does not run here. */
export async function startPlaneThread(
  options: StartPlane,
  load: () => Promise<StreamCallsOrWhyNot> = loadStreamCalls,
): Promise<RunningPlane> {
  const { engine, calls, reason } = await chooseEngine(options.engine, load);
  await compileForWorkers(options.entry);
  return calls && engine === 'linux'
    ? new LinuxPlane(options, reason, calls)
    : new PortablePlane(options, reason);
}

async function chooseEngine(
  asked: StartPlane['engine'],
  load: () => Promise<StreamCallsOrWhyNot>,
): Promise<{ engine: 'linux' | 'portable'; calls?: StreamCalls; reason: string }> {
  if (asked === 'portable') return { engine: 'portable', reason: 'as configured' };
  const { calls, whyNot = calls && refusedStreamCall(calls) } = await load();
  if (calls && whyNot === undefined) {
    const reason = asked === 'auto' ? 'the fastest that runs here' : 'as configured';
    return { engine: 'linux', calls, reason };
  }
  if (asked === 'linux') throw netErrors.NET_ENGINE_UNAVAILABLE({ engine: 'linux', reason: whyNot });
  return { engine: 'portable', reason: `the linux engine does not run here: ${whyNot}` };
}

/** Why the calls of the loop are refused here (a sandbox, say), or undefined when they are not. */
function refusedStreamCall(calls: StreamCalls): string | undefined {
  const epoll = calls.epoll_create1(SOCK_CLOEXEC);
  if (epoll < 0) return systemError('epoll_create1', calls.errno()).message;
  calls.close(epoll);
  const event = calls.eventfd(0, SOCK_CLOEXEC);
  if (event < 0) return systemError('eventfd', calls.errno()).message;
  calls.close(event);
  return undefined;
}

/** A process that ends waits for its threads, and these would sleep on. */
const running = new Set<{ wakeToStop(): void }>();
const stopAll = (): void => {
  for (const plane of running) plane.wakeToStop();
};

abstract class Plane implements RunningPlane {
  abstract readonly engine: 'linux' | 'portable';
  readonly reason: string;
  protected readonly control = new Int32Array(new SharedArrayBuffer(4));
  readonly #options: StartPlane;
  readonly #gone: Promise<void>;
  #worker: Worker | undefined;
  #isGone: () => void = () => {};

  constructor(options: StartPlane, reason: string) {
    this.#options = options;
    this.reason = reason;
    this.#gone = new Promise((resolve) => (this.#isGone = resolve));
  }

  protected start(
    engine: { engine: 'portable' } | { engine: 'linux'; wake: number; ledger: SharedArrayBuffer },
  ): void {
    const { entry, worker: number, name, setup, resourceLimits, log, onMessage } = this.#options;
    const control = this.control.buffer;
    const workerData: PlaneSetup = { ...engine, worker: number, setup, control, logLevel: log.level };
    const worker = new Worker(entry, {
      name,
      workerData,
      env: workerEnvironment(),
      ...(resourceLimits ? { resourceLimits } : {}),
    });
    this.#worker = worker;
    let error: Error | undefined;
    let ended = false;
    worker.on('message', (message: FromPlane) => {
      if (message === 'ended') {
        ended = true;
        void worker.terminate();
      } else if ('line' in message) logLine(log, message.line);
      else onMessage(message.message);
    });
    worker.on('error', (e) => (error = e instanceof Error ? e : new Error(String(e))));
    worker.on('exit', (code) => this.#onExit(error, ended ? 0 : code));
    if (running.size === 0) process.on('exit', stopAll);
    running.add(this);
  }

  #onExit(error: Error | undefined, code: number): void {
    this.#worker = undefined;
    running.delete(this);
    if (running.size === 0) process.off('exit', stopAll);
    this.release();
    this.#options.onExit(error ?? (code === 0 ? undefined : new Error(`the thread ended with code ${code}`)));
    this.#isGone();
  }

  /** The thread is gone: give back what it used. */
  protected abstract release(): void;
  /** Have it look for messages, and at the word that says stop. */
  protected abstract wake(): void;

  post(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker?.postMessage({ message } satisfies ToPlane, [...transfer]);
    this.wake();
  }

  wakeToStop(): void {
    Atomics.store(this.control, STOP, 1);
    this.#worker?.postMessage('stop' satisfies ToPlane);
    this.wake();
  }

  stop(): Promise<void> {
    this.wakeToStop();
    return this.#gone;
  }

  async terminate(): Promise<void> {
    void this.#worker?.terminate();
    this.wake();
    await this.#gone;
  }
}

class PortablePlane extends Plane {
  readonly engine = 'portable';

  constructor(options: StartPlane, reason: string) {
    super(options, reason);
    this.start({ engine: 'portable' });
  }

  protected override release(): void {}
  protected override wake(): void {}
}

class LinuxPlane extends Plane {
  readonly engine = 'linux';
  readonly #calls: StreamCalls;
  readonly #ledger = ledgerMemory();
  readonly #wake: number;
  #open = true;

  constructor(options: StartPlane, reason: string, calls: StreamCalls) {
    super(options, reason);
    this.#calls = calls;
    this.#wake = calls.eventfd(0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (this.#wake < 0) throw systemError('eventfd', calls.errno());
    this.start({ engine: 'linux', wake: this.#wake, ledger: this.#ledger });
  }

  protected override wake(): void {
    if (this.#open) this.#calls.eventfd_write(this.#wake, 1);
  }

  protected override release(): void {
    this.#open = false;
    this.#calls.close(this.#wake);
    closeLedger(this.#calls, this.#ledger);
  }
}

/** A line of the thread's log, as one of ours. */
function logLine(log: Logger, line: string): void {
  const { level, msg, ...fields } = JSON.parse(line) as { level: number; msg?: string };
  const name = pino.levels.labels[level] as 'info' | undefined;
  log[name ?? 'info'](fields, msg);
}
