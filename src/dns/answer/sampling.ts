import type { Clock } from '../../core/clock.ts';
import { HEADER_BYTES } from '../wire/constants.ts';
import { QuerySampler, SAMPLE_BYTES, packSample } from './query-log.ts';

/** Plain data, for every thread that answers. */
export interface SamplingSettings {
  /** Every so many-th query; 0 is none. */
  readonly sampleEvery: number;
  /** Of each thread; beyond them samples are left out. So what is on its way to the log is bounded. */
  readonly maxPerSecond: number;
}

export interface SamplingParts extends SamplingSettings {
  readonly clock: Clock;
  /** Spreads the threads, so that they do not all pick at once. */
  readonly start: number;
  /** Takes one sample as `packSample` wrote it, its own to keep. */
  readonly emit: (sample: Uint8Array) => void;
  /** One was left out. */
  readonly onDropped: () => void;
}

const ROOT = new Uint8Array(1);

/** Picks some of the queries that one thread answers, for the query log. */
export class Sampling {
  readonly #sampler: QuerySampler;
  readonly #parts: SamplingParts;
  readonly #out = new Uint8Array(SAMPLE_BYTES);
  #second = -Infinity;
  #taken = 0;

  constructor(parts: SamplingParts) {
    this.#parts = parts;
    this.#sampler = new QuerySampler(parts.sampleEvery, parts.start);
  }

  /** Called once for each query that was answered: whether `take` is to be called. */
  due(): boolean {
    return this.#sampler.due() && this.#mayTake();
  }

  /**
   * The query at `request[start]`, whose question ends at `end` (the index behind its class; 0 while there is no readable one), from
   * `addressBytes` bytes at `address[addressAt]`, was answered with `rcode` after `us` microseconds.
   */
  take(
    request: Uint8Array,
    start: number,
    end: number,
    address: Uint8Array,
    addressAt: number,
    addressBytes: number,
    tcp: boolean,
    rcode: number,
    us: number,
  ): void {
    const out = this.#out;
    const at = start + HEADER_BYTES;
    const time = Math.max(0, Math.round(us));
    const type = end === 0 ? 0 : ((request[end - 4] as number) << 8) | (request[end - 3] as number);
    const length =
      end === 0
        ? packSample(out, 0, address, addressAt, addressBytes, tcp, ROOT, 0, 1, type, rcode, time)
        : packSample(
            out,
            0,
            address,
            addressAt,
            addressBytes,
            tcp,
            request,
            at,
            end - 4 - at,
            type,
            rcode,
            time,
          );
    this.#parts.emit(out.slice(0, length));
  }

  #mayTake(): boolean {
    const second = Math.floor(this.#parts.clock.monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    if (this.#taken < this.#parts.maxPerSecond) {
      this.#taken++;
      return true;
    }
    this.#parts.onDropped();
    return false;
  }
}
