import type { WorkerSocket } from '../../net/index.ts';
import type { ColdQuery } from './cold-queue.ts';

/** What a worker starts with: plain data. */
export interface UdpWorkerSetup {
  /** Which worker, from 0. */
  readonly worker: number;
  /** The counters of cold queries (see `ColdQueries`), and how many may wait. */
  readonly cold: { readonly memory: SharedArrayBuffer; readonly max: number };
  /** For what answers, not for the loop: see `createUdpHandler`. */
  readonly handler: unknown;
}

/** The one message that a worker gets, once it is loaded: what to receive from. */
export interface UdpWorkerOrder {
  readonly socket: WorkerSocket;
}

/** What a worker tells the main thread. */
export type UdpWorkerMessage =
  /** It wants its socket. Before there is one, nobody finds the port open and nobody there. */
  | { readonly kind: 'loaded' }
  | { readonly kind: 'listening' }
  | { readonly kind: 'cold'; readonly queries: readonly ColdQuery[] }
  /** For the query log, each as `packSample` wrote it. */
  | { readonly kind: 'samples'; readonly samples: readonly Uint8Array[] }
  /** A handler failed; `times` since the last such message. */
  | { readonly kind: 'fault'; readonly reason: string; readonly times: number };
