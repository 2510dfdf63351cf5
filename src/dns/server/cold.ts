import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Sampling } from '../answer/sampling.ts';
import type { DnsCounters, DnsTransport } from '../metrics.ts';
import { COUNT } from '../answer/counters.ts';
import { decide } from '../pipeline.ts';
import type { Stage } from '../pipeline.ts';
import { withOwnOptions } from './own-options.ts';
import type { OwnOptions } from './own-options.ts';
import { ipBytes } from '../zone/index.ts';
import {
  RCODE,
  TCP_LIMIT,
  admit,
  copyOf,
  emptyReply,
  encodeMessage,
  questionEnd,
  replyMessage,
  udpLimit,
} from '../wire/index.ts';
import type { Query, Reply } from '../wire/index.ts';

const NO_ADDRESS = new Uint8Array(16);

export interface ColdSettings {
  readonly udpPayloadBytes: number;
  readonly setTruncateBit: boolean;
}

/**
 * The slow way, for what the table cannot answer: the stages of the pipeline, one after the other. Every question that comes here
 * was admitted before.
 */
export class ColdQuestions {
  readonly #stages: readonly Stage[];
  readonly #settings: ColdSettings;
  readonly #counters: DnsCounters;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #sampling: Sampling | undefined;
  readonly #own: OwnOptions;
  #pending = 0;

  constructor(parts: {
    readonly stages: readonly Stage[];
    readonly settings: ColdSettings;
    readonly counters: DnsCounters;
    readonly log: Logger;
    readonly clock: Clock;
    /** For the query log. */
    readonly sampling?: Sampling;
    /** What clients may ask about this server; by default nothing. */
    readonly own?: OwnOptions;
  }) {
    this.#stages = parts.stages;
    this.#settings = parts.settings;
    this.#counters = parts.counters;
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#sampling = parts.sampling;
    this.#own = parts.own ?? { cookies: undefined, nsid: new Uint8Array(0) };
  }

  /** Questions that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  /** The reply to a message, or undefined when it gets none. `bytes` is the caller's again when this returns. Never rejects. */
  async resolve(bytes: Uint8Array, transport: DnsTransport, ip: string): Promise<Uint8Array | undefined> {
    const admission = admit(bytes);
    if (admission.kind !== 'query') return undefined;
    const { query } = admission;
    const copy = copyOf(bytes);
    const began = this.#clock.monotonic();
    this.#pending++;
    this.#counters.own.add(COUNT.coldTaken, 1);
    try {
      const decision = decide(this.#stages, { query, bytes: copy, transport, ip });
      const reply = decision.kind === 'reply' ? decision.reply : await decision.outcome;
      const whole = this.#withOptions(this.#complete(query, reply, transport), query, transport, ip);
      if (this.#sampling?.due()) this.#sample(copy, ip, transport, (whole[3] ?? 0) & 15, began);
      return whole;
    } catch (error) {
      // An error of ours costs this one query its answer, and is told in the log.
      this.#log.error({ error, name: query.question.name }, 'a DNS query failed');
      return this.#complete(query, emptyReply(RCODE.SERVFAIL), transport);
    } finally {
      this.#pending--;
    }
  }

  #sample(bytes: Uint8Array, ip: string, transport: DnsTransport, rcode: number, began: number): void {
    const address = ipBytes(ip) ?? NO_ADDRESS;
    const us = (this.#clock.monotonic() - began) * 1000;
    const end = questionEnd(bytes);
    this.#sampling?.take(bytes, 0, end, address, 0, address.length, transport === 'tcp', rcode, us);
  }

  #withOptions(reply: Uint8Array, query: Query, transport: DnsTransport, ip: string): Uint8Array {
    if (!query.message.edns) return reply;
    const address = ipBytes(ip) ?? NO_ADDRESS;
    const nowSeconds = Math.floor(this.#clock.now() / 1000);
    return withOwnOptions(reply, query, this.#own, {
      address,
      nowSeconds,
      limit: this.#limit(query, transport),
    });
  }

  #limit(query: Query, transport: DnsTransport): number {
    return transport === 'udp' ? udpLimit(query.message, this.#settings.udpPayloadBytes) : TCP_LIMIT;
  }

  #complete(query: Query, reply: Uint8Array | Reply, transport: DnsTransport): Uint8Array {
    if (reply instanceof Uint8Array) {
      this.#counters.reply(transport, (reply[3] ?? 0) & 15);
      return reply;
    }
    const { udpPayloadBytes, setTruncateBit } = this.#settings;
    const udp = transport === 'udp';
    const message = replyMessage(query, reply, udpPayloadBytes);
    // Over TCP there is no way left to ask for more: resolvers take TC there for a failure.
    const encoded = encodeMessage(message, this.#limit(query, transport), {
      setTruncateBit: udp && setTruncateBit,
    });
    if (encoded.truncated) this.#counters.truncated++;
    this.#counters.reply(transport, reply.rcode);
    return copyOf(encoded.bytes);
  }
}
