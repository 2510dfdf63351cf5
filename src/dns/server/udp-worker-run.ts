import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { collectAll } from '../../core/collect.ts';
import { errorText } from '../../core/errors.ts';
import type { DatagramHandler } from '../../net/index.ts';
import { receiveDatagrams } from '../../net/receive/index.ts';
import { ColdQueries } from './cold-queue.ts';
import type { ColdQuery } from './cold-queue.ts';
import type { UdpWorkerMessage, UdpWorkerOrder, UdpWorkerSetup } from './udp-messages.ts';

/** What goes to the main thread, in a message at the end of the batch. */
export interface ToMainThread {
  /** A query that it is to answer. */
  cold(query: ColdQuery): void;
  /** For the query log. Whoever calls it sees to it that they are not too many. */
  sample(bytes: Uint8Array): void;
}

/** Makes what answers in a worker. `settings` is what the main thread gave as `handler`. */
export type CreateUdpHandler = (settings: unknown, main: ToMainThread) => DatagramHandler;

/** A handler that fails at every query must not fill the log. */
const FAULT_EVERY_MS = 1_000;

/** The whole life of a worker thread: receive, answer, hand on what is cold, until the main thread says stop. */
export async function runUdpWorker(createHandler: CreateUdpHandler): Promise<void> {
  const { worker, cold, handler: settings } = workerData as UdpWorkerSetup;
  if (!parentPort) throw new Error('this is for worker threads');
  const tell = (message: UdpWorkerMessage): void => parentPort?.postMessage(message);
  const counters = new ColdQueries(cold.memory);
  const batch: ColdQuery[] = [];
  const samples: Uint8Array[] = [];
  const handler = createHandler(settings, {
    cold: (query) => {
      if (counters.admit(worker, cold.max)) batch.push(query);
    },
    sample: (bytes) => void samples.push(bytes),
  });
  const flush = (): void => {
    // The message holds a copy.
    if (batch.length > 0) tell({ kind: 'cold', queries: batch.splice(0) });
    if (samples.length > 0) tell({ kind: 'samples', samples: samples.splice(0) });
  };
  collectAll();
  const order = once(parentPort, 'message');
  tell({ kind: 'loaded' });
  const [{ socket }] = (await order) as [UdpWorkerOrder];
  await receiveDatagrams(socket, flushing(handler, flush), {
    onListening: () => tell({ kind: 'listening' }),
    onFault: faultTeller(tell),
  });
}

/** The handler is an object of functions, not of a class: what is called for every datagram stays one call away. */
function flushing(handler: DatagramHandler, flush: () => void): DatagramHandler {
  return {
    ...handler,
    end() {
      handler.end();
      flush();
    },
  };
}

function faultTeller(tell: (message: UdpWorkerMessage) => void): (error: unknown) => void {
  let times = 0;
  let last = -FAULT_EVERY_MS;
  return (error) => {
    times++;
    const now = systemClock.monotonic();
    if (now - last < FAULT_EVERY_MS) return;
    tell({
      kind: 'fault',
      reason: error instanceof Error ? (error.stack ?? errorText(error)) : errorText(error),
      times,
    });
    last = now;
    times = 0;
  };
}
