import type { Clock } from '../core/clock.ts';
import { ipText } from '../core/ip.ts';
import type { Logger } from '../core/log.ts';
import { unpackSample } from './answer/query-log.ts';
import type { DnsCounters } from './metrics.ts';
import { rcodeName, textOfName, typeName } from './wire/index.ts';

/** Writes the samples that the answering threads picked, one line each, and no more than so many a second. */
export class QueryLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #counters: DnsCounters;
  readonly #maxPerSecond: number;
  #second = -Infinity;
  #written = 0;

  constructor(parts: {
    readonly log: Logger;
    readonly clock: Clock;
    readonly counters: DnsCounters;
    readonly maxLinesPerSecond: number;
  }) {
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#counters = parts.counters;
    this.#maxPerSecond = parts.maxLinesPerSecond;
  }

  /** One sample as `packSample` wrote it. What cannot be read is left out: it tells of a mistake of ours, not of a client. */
  write(bytes: Uint8Array): void {
    const sample = unpackSample(bytes);
    if (!sample) return;
    if (!this.#mayWrite()) {
      this.#counters.querySamplesDropped++;
      return;
    }
    const { address, transport, type, rcode, us } = sample;
    this.#log.info(
      {
        client: ipText(address),
        name: textOfName(sample.name),
        type: typeName(type),
        rcode: rcodeName(rcode),
        transport,
        us,
      },
      'DNS query',
    );
  }

  #mayWrite(): boolean {
    const second = Math.floor(this.#clock.monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#written = 0;
    }
    return this.#written++ < this.#maxPerSecond;
  }
}
