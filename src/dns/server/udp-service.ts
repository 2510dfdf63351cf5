import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { NO_PREDECESSOR } from '../../core/predecessor.ts';
import type { Predecessor } from '../../core/predecessor.ts';
import type { Random } from '../../core/random.ts';
import { openDatagrams } from '../../net/index.ts';
import type {
  DatagramCounts,
  DatagramOptions,
  DatagramSockets,
  LentSocket,
  Peer,
  ReturnAddress,
} from '../../net/index.ts';
import { ColdQueries } from './cold-queue.ts';
import { compileForWorkers } from '../../core/worker-modules.ts';
import type { ColdQuery } from './cold-queue.ts';
import type { UdpWorkerMessage } from './udp-messages.ts';
import { UdpThread } from './udp-thread.ts';

const QUIET_MS = 20;
/** Workers end within 300 ms; only one whose handler never returns does not. */
const PATIENCE_MS = 1_000;

/** From source, Node runs the TypeScript file; published, there is JavaScript only. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './udp-worker.ts' : './udp-worker.js',
  import.meta.url,
);

export interface UdpServiceParts {
  readonly workers: number;
  readonly engine: DatagramOptions['engine'];
  /** See `DatagramOptions.gatherUs`. */
  readonly gatherUs?: number;
  /** How many queries may wait for the main thread; beyond them workers drop and count. */
  readonly maxColdWaiting: number;
  /** For `createUdpHandler` in the worker of this number: plain data and shared memory. Asked again for each restart. */
  readonly handlerOf: (worker: number) => unknown;
  /** A query that a worker leaves to this thread, which replies with `reply`. Must not throw. */
  readonly onCold: (query: ColdQuery) => void;
  /** A sample for the query log, as a worker wrote it. Must not throw. */
  readonly onSample?: (sample: Uint8Array) => void;
  /** A worker is gone, and will be replaced: what it held in shared memory is free. */
  readonly onGone?: (worker: number) => void;
  /** Whose sockets are taken over. */
  readonly predecessor?: Predecessor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The module that workers run. */
  readonly entry?: URL;
}

/** DNS over UDP: opens the sockets, keeps the workers that answer alive, and takes over what they leave to the main thread. */
export class UdpService {
  readonly #parts: UdpServiceParts;
  #sockets: DatagramSockets | undefined;
  #threads: readonly UdpThread[] = [];
  #cold = ColdQueries.forWorkers(0);

  constructor(parts: UdpServiceParts) {
    this.#parts = parts;
  }

  get address(): Peer | undefined {
    return this.#sockets?.address;
  }

  /** How many workers there are to be. */
  get workers(): number {
    return this.#threads.length;
  }

  /** What datagrams are received with; undefined while there is nothing to receive. */
  get engine(): DatagramSockets['engine'] | undefined {
    return this.#sockets?.engine;
  }

  /** How often workers had to be started again, in all. */
  get restarts(): number {
    return this.#threads.reduce((sum, thread) => sum + thread.restarts, 0);
  }

  /** How many workers answer now. */
  get listening(): number {
    return this.#threads.filter((thread) => thread.listening).length;
  }

  get coldWaiting(): number {
    return this.#cold.waiting;
  }

  /** Queries for the main thread that were dropped, because too many waited. */
  get coldDropped(): number {
    return this.#cold.dropped;
  }

  get counts(): DatagramCounts | undefined {
    return this.#sockets?.counts();
  }

  /** Resolves when all workers answer. Rejects, with everything closed, when the address cannot be bound or a worker cannot start. */
  async start(host: string, port: number): Promise<void> {
    const { workers, engine, gatherUs = 0, predecessor = NO_PREDECESSOR, log } = this.#parts;
    if (this.#parts.entry === undefined) await compileForWorkers(ENTRY);
    this.#cold = ColdQueries.forWorkers(workers);
    this.#threads = Array.from({ length: workers }, (_, worker) => this.#thread(worker));
    try {
      // The port opens when somebody is there to answer: until then clients that find it closed ask somebody else.
      await allOf(this.#threads.map((thread) => thread.load()));
      const sockets = await openDatagrams({
        host,
        port,
        workers,
        engine,
        gatherUs,
        inherited: predecessor.sockets,
      });
      this.#sockets = sockets;
      await Promise.all(this.#threads.slice(sockets.workers).map((thread) => thread.dismiss()));
      this.#threads = this.#threads.slice(0, sockets.workers);
      await allOf(this.#threads.map((thread) => thread.listen()));
      const { reason, address } = sockets;
      log.info(
        { engine: sockets.engine, reason, workers: sockets.workers, ...address },
        'DNS receives datagrams',
      );
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  #thread(worker: number): UdpThread {
    const { entry = ENTRY, handlerOf, maxColdWaiting: max, onGone, clock, random, log } = this.#parts;
    const cold = this.#cold;
    return new UdpThread({
      worker,
      entry,
      clock,
      random,
      log,
      lend: () => this.#lend(worker),
      setup: () => ({ worker, cold: { memory: cold.memory, max }, handler: handlerOf(worker) }),
      onMessage: (message) => this.#onMessage(worker, message),
      onGone: () => {
        cold.forget(worker);
        onGone?.(worker);
      },
    });
  }

  #lend(worker: number): LentSocket {
    if (!this.#sockets) throw new Error('there is no socket to lend');
    return this.#sockets.lend(worker);
  }

  #onMessage(worker: number, message: UdpWorkerMessage): void {
    if (message.kind === 'fault') {
      const { reason, times } = message;
      this.#parts.log.error({ worker, reason, times }, 'a DNS query failed');
    }
    if (message.kind === 'samples') for (const sample of message.samples) this.#parts.onSample?.(sample);
    if (message.kind !== 'cold') return;
    this.#cold.taken(worker, message.queries.length);
    for (const query of message.queries) this.#parts.onCold(query);
  }

  /** Answer a cold query. Best effort: after `stop` nothing is sent. */
  reply(bytes: Uint8Array, to: ReturnAddress): void {
    this.#sockets?.send(bytes, to);
  }

  /**
   * Go on answering until nothing comes in any more and `pending` is 0, for at most `drainMs`; then end the workers and free the
   * port. `giveUp` ends what is still under way then; it may reply.
   */
  async stop(drainMs: number, pending: () => number = () => 0, giveUp: () => void = () => {}): Promise<void> {
    const sockets = this.#sockets;
    if (!sockets) {
      await Promise.all(this.#threads.map((thread) => thread.dismiss()));
      this.#threads = [];
      return;
    }
    const { clock } = this.#parts;
    const end = clock.monotonic() + drainMs;
    while (clock.monotonic() < end) {
      const before = sockets.counts().received;
      await sleep(clock, Math.min(QUIET_MS, drainMs));
      if (sockets.counts().received === before && this.coldWaiting === 0 && pending() === 0) break;
    }
    giveUp();
    await new Promise<void>((resolve) => setImmediate(resolve)); // the replies to what was given up
    for (const thread of this.#threads) thread.release();
    sockets.stop();
    await Promise.all(this.#threads.map((thread) => thread.ended(PATIENCE_MS)));
    await sockets.close();
    this.#sockets = undefined;
  }
}

/** Waits for all of them, also when one fails: what they started can be ended then. */
async function allOf(promises: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(promises))
    if (outcome.status === 'rejected') throw outcome.reason;
}
