import type { MessagePort } from 'node:worker_threads';
import type { InheritedSockets } from '../core/predecessor.ts';
import type { DatagramHandler, ReturnAddress } from './datagrams.ts';
import type { DatagramCounts } from './datagram-control.ts';
import type { Peer } from './types.ts';

/** `linux` receives and sends in batches through FFI, `portable` one by one over node:dgram, wherever Node runs. */
export type DatagramEngine = 'linux' | 'portable';

export interface DatagramOptions {
  /** An IP literal; `0.0.0.0` and `::` stand for every address of the machine (`::` for IPv4 too). */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** How many threads shall receive. An engine that cannot share the port has one (see `DatagramSockets.workers`). */
  readonly workers: number;
  /** `auto` takes linux where it runs. A chosen one that does not run here is an error. */
  readonly engine: DatagramEngine | 'auto';
  /**
   * While many datagrams come, how long at most the linux engine lets some of them gather before it looks again, microseconds:
   * being woken for each is a good part of what it costs. Not when those who sent them wait for answers. 0 (the default) for never.
   */
  readonly gatherUs?: number;
  /** Sockets that are bound there already are taken over: instead of opening some, and besides others for more workers. */
  readonly inherited?: InheritedSockets;
}

/** What a worker thread needs to receive: plain data for `workerData` or `postMessage`, with what has to be transferred. */
export interface LentSocket {
  readonly data: WorkerSocket;
  readonly transfer: readonly MessagePort[];
}

/** Plain data; what is in it is between the two halves of an engine. */
export type WorkerSocket = LinuxWorkerSocket | PortableWorkerSocket;

interface SharedByAll {
  /** Which worker, from 0; `ReturnAddress.socket` names it. */
  readonly worker: number;
  /** See `DatagramControl`. */
  readonly control: SharedArrayBuffer;
}

export interface LinuxWorkerSocket extends SharedByAll {
  readonly engine: 'linux';
  /** The descriptor stays the opener's: a worker never closes it. */
  readonly fd: number;
  readonly family: 4 | 6;
  /** Bound to every address, so that each reply must say which one it leaves from. */
  readonly wildcard: boolean;
  readonly gatherUs: number;
}

export interface PortableWorkerSocket extends SharedByAll {
  readonly engine: 'portable';
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** By address: sockets that are bound there already, for the first worker that gets this. */
  readonly descriptors: Readonly<Record<string, number>>;
  /** Late replies, and the word to stop, come in here. */
  readonly messages: MessagePort;
}

/**
 * The sockets of one address and port, owned by the thread that opened them. Each worker gets one of its own and shares
 * the port; the kernel spreads the clients over them. A worker that died is replaced by lending its socket again.
 */
export interface DatagramSockets {
  readonly engine: DatagramEngine;
  /** Why this engine, and anything else worth a line in the log. */
  readonly reason: string;
  readonly address: Peer;
  /** How many workers may receive; at least 1. */
  readonly workers: number;
  /** For the worker of this number, which must be the only one that has it. */
  lend(worker: number): LentSocket;
  /** A reply that comes later, from any thread's `returnAddress()`. Best effort, as UDP is; `bytes` may be reused after the call. */
  send(bytes: Uint8Array, to: ReturnAddress): void;
  /** Sums over all workers since the start, over restarts too. */
  counts(): DatagramCounts;
  /** Tell all workers to end: their `receiveDatagrams` returns within 300 ms. Calling it again changes nothing. */
  stop(): void;
  /** Free the port. Only when all workers have ended: the kernel gives the number of a closed socket to another one. */
  close(): Promise<void>;
}

/** What the loop of a worker tells its thread. Neither may throw. */
export interface LoopListener {
  /** From here on datagrams are answered. */
  onListening(): void;
  /** A handler threw, or wrote more than there is room for: that datagram got no answer. */
  onFault(error: unknown): void;
}

/** Receives on a lent socket, on the thread that calls it, until `stop()`; rejects when the socket fails for good. */
export type ReceiveDatagrams = (
  socket: WorkerSocket,
  handler: DatagramHandler,
  listener: LoopListener,
) => Promise<void>;
