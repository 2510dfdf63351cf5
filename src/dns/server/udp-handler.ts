import { COLD, Answerer, OVER_UDP } from '../answer/answerer.ts';
import { AnswerCounters, COUNT } from '../answer/counters.ts';
import { guardsOf } from '../answer/thread-guards.ts';
import type { SharedGuards } from '../answer/thread-guards.ts';
import type { AnswerSettings } from '../answer/settings.ts';
import { TableReader } from '../table/index.ts';
import type { Datagram, DatagramHandler, ReturnAddress } from '../../net/index.ts';
import type { Clock } from '../../core/clock.ts';
import { Sampling } from '../answer/sampling.ts';
import type { SamplingSettings } from '../answer/sampling.ts';
import type { ToMainThread } from './udp-worker-run.ts';

/** What a worker answers with: plain data and shared memory. */
export interface UdpHandlerSettings {
  readonly table: SharedArrayBuffer;
  /** Which reader of the table this is; the main thread is 0. */
  readonly reader: number;
  readonly answers: AnswerSettings;
  readonly guards: SharedGuards;
  /** Counters of all threads, and which block of them is this one's. */
  readonly counters: SharedArrayBuffer;
  readonly seed: number;
  readonly sampling: SamplingSettings;
}

/** For so long the time of day may be off, after somebody set it. */
const CLOCKS_APART_MS = 100;

/** Makes what answers in a worker: out of the table, and what is not in it is left to the main thread. */
export function createUdpHandler(
  settings: UdpHandlerSettings,
  main: ToMainThread,
  clock: Clock,
): DatagramHandler {
  const table = new TableReader(settings.table, settings.reader);
  const counters = new AnswerCounters(settings.counters, settings.reader);
  const guards = guardsOf(settings.guards);
  const answerer = new Answerer({ table, settings: settings.answers, counters, guards, seed: settings.seed });
  const sampling = new Sampling({
    ...settings.sampling,
    clock,
    start: settings.reader,
    emit: (sample) => main.sample(sample),
    onDropped: () => counters.add(COUNT.samplesDropped, 1),
  });
  let began = 0;
  let datagrams = 0;
  let sinceEpoch = 0;
  let lookAgain = -Infinity;
  return {
    begin() {
      table.begin();
      began = clock.monotonic();
      // One clock is enough for a batch; how it stands to the other one is seen to now and then.
      if (began >= lookAgain) {
        sinceEpoch = clock.now() - began;
        lookAgain = began + CLOCKS_APART_MS;
      }
      const now = sinceEpoch + began;
      answerer.nowSeconds = Math.floor(now / 1000);
      answerer.nowUs = Math.floor(now * 1000);
      datagrams = 0;
    },
    look: (d: Datagram, i: number) => answerer.look(i, d),
    looked: (count: number) => answerer.fetch(count),
    handle(d: Datagram, returnAddress: () => ReturnAddress, i: number) {
      datagrams++;
      const length = answerer.answerLooked(i, d, OVER_UDP);
      if (length !== COLD) {
        if (length > 0 && sampling.due()) {
          const { end } = answerer.question;
          const us = (clock.monotonic() - began) * 1000;
          const { request, start, address, addressAt, addressBytes } = d;
          sampling.take(request, start, end, address, addressAt, addressBytes, false, answerer.rcode, us);
        }
        return length;
      }
      main.cold({ bytes: d.request.slice(d.start, d.end), from: returnAddress() });
      return 0;
    },
    end() {
      table.end();
      counters.batch(datagrams, (clock.monotonic() - began) * 1000);
    },
  };
}
