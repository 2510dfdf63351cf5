import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { pino } from 'pino';
import { systemClock } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { collectAll } from '../../core/collect.ts';
import type { Logger } from '../../core/log.ts';
import { netErrors } from '../errors.ts';
import { loadStreamCalls } from '../linux/tcp/calls.ts';
import { runOftenAndBriefly } from '../linux/slices.ts';
import { withLedger } from '../linux/tcp/ledger.ts';
import { Loop } from '../linux/tcp/loop.ts';
import { LinuxReactor } from '../linux/tcp/reactor.ts';
import { Waker } from '../linux/tcp/waker.ts';
import { loadTlsCalls } from '../linux/tls/calls.ts';
import { openSslLayer } from '../linux/tls/layer.ts';
import { createPortableReactor } from '../portable/reactor.ts';
import type { PlaneThread, Reactor } from '../types.ts';
import { STOP } from './setup.ts';
import type { FromPlane, PlaneSetup, ToPlane } from './setup.ts';

/** Messages taken in one turn, so that traffic has its turn. */
const MESSAGES_PER_TURN = 32;
/** The longest sleep: what Node itself has to say (a timer, a file that was read) waits so long at most. */
const SLEEP_MS = 500;
/** After a turn with so many events there are likely more already: the next follows at once, ... */
const BUSY_EVENTS = 8;
/** ... so many in a row at most, or Node's own events would wait for too long. */
const TURNS_IN_A_ROW = 8;

/** For the entry module of a plane: this thread. Rejects when the engine that the main thread has chosen is not there. */
export async function thisPlaneThread(): Promise<PlaneThread> {
  if (!parentPort) throw new Error('this is for threads');
  const setup = workerData as PlaneSetup;
  const log = forwardingLogger(setup.logLevel, parentPort);
  if (setup.engine === 'portable') return new PortableThread(parentPort, setup, log);
  const { calls, whyNot } = await loadStreamCalls();
  if (!calls) throw netErrors.NET_ENGINE_UNAVAILABLE({ engine: 'linux', reason: whyNot });
  await runOftenAndBriefly();
  const tls = await loadTlsCalls();
  if (tls.whyNot !== undefined) log.warn({ reason: tls.whyNot }, 'the linux engine has no TLS here');
  const loop = new Loop(withLedger(calls, setup.ledger), systemClock, log);
  const reactor = new LinuxReactor(loop, tls.calls && openSslLayer(tls.calls));
  return new LinuxThread(parentPort, setup, log, loop, setup.wake, reactor);
}

/** The main thread writes the log of all. */
function forwardingLogger(level: string, port: MessagePort): Logger {
  const write = (line: string): void => port.postMessage({ line } satisfies FromPlane);
  return pino({ level, base: null, timestamp: false, errorKey: 'error' }, { write });
}

abstract class Thread {
  readonly worker: number;
  readonly setup: unknown;
  readonly log: Logger;
  onMessage: (message: unknown) => void = () => {};
  protected readonly port: MessagePort;
  protected readonly control: Int32Array;

  constructor(port: MessagePort, setup: PlaneSetup, log: Logger) {
    this.port = port;
    this.worker = setup.worker;
    this.setup = setup.setup;
    this.control = new Int32Array(setup.control);
    this.log = log;
  }

  send(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    this.port.postMessage({ message } satisfies FromPlane, [...transfer]);
  }

  protected deliver(message: ToPlane): void {
    if (message === 'stop') return;
    try {
      this.onMessage(message.message);
    } catch (error) {
      this.log.error({ error }, 'message handler failed');
    }
  }
}

class PortableThread extends Thread implements PlaneThread {
  readonly engine = 'portable';
  readonly reactor: Reactor;
  readonly clock: Clock = systemClock;
  #stop: () => void = () => {};
  #stopped = false;

  constructor(port: MessagePort, setup: PlaneSetup, log: Logger) {
    super(port, setup, log);
    this.reactor = createPortableReactor({ clock: systemClock, log });
  }

  async run(): Promise<void> {
    collectAll();
    if (!this.#stopped && this.control[STOP] === 0) {
      await new Promise<void>((resolve) => {
        this.#stop = resolve;
        this.port.on('message', (message: ToPlane) => {
          if (message === 'stop') this.stop();
          else this.deliver(message);
        });
      });
    }
    // Node's sockets that are still open would keep the thread: the main thread ends it, after what is sent right after this.
    setImmediate(() => this.port.postMessage('ended' satisfies FromPlane));
  }

  stop(): void {
    this.#stopped = true;
    this.#stop();
  }
}

class LinuxThread extends Thread implements PlaneThread {
  readonly engine = 'linux';
  readonly reactor: LinuxReactor;
  readonly clock: Clock;
  readonly #loop: Loop;
  readonly #waker: Waker;
  #stopped = false;

  constructor(
    port: MessagePort,
    setup: PlaneSetup,
    log: Logger,
    loop: Loop,
    wake: number,
    reactor: LinuxReactor,
  ) {
    super(port, setup, log);
    this.#loop = loop;
    this.#waker = new Waker(loop, wake);
    this.clock = loop.clock;
    this.reactor = reactor;
  }

  /**
   * A turn of our loop, in which the thread sleeps, then one of Node's, which never sleeps: so Node's own events come through.
   * That costs as much as a request, so turns with much to do follow each other as microtasks, without sleep: promises go on
   * between any two turns.
   */
  async run(): Promise<void> {
    collectAll();
    await new Promise<void>((resolve, reject) => {
      const now = Promise.resolve();
      let inRow = 0;
      const turn = (): void => {
        let events = 0;
        try {
          events = this.#loop.turn(inRow === 0 ? SLEEP_MS : 0);
          if (this.#waker.takeSignal()) this.#takeMessages();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        inRow = events >= BUSY_EVENTS ? (inRow + 1) % TURNS_IN_A_ROW : 0;
        if (this.#stopped || this.control[STOP] !== 0) resolve();
        else if (inRow > 0) void now.then(turn);
        else setImmediate(turn);
      };
      setImmediate(turn);
    }).finally(() => {
      this.#loop.end();
      this.reactor.close();
    });
  }

  #takeMessages(): void {
    for (let i = 0; i < MESSAGES_PER_TURN; i++) {
      const next: { message: ToPlane } | undefined = receiveMessageOnPort(this.port);
      if (!next) return;
      this.deliver(next.message);
    }
    this.#waker.again();
  }

  stop(): void {
    this.#stopped = true;
  }
}
