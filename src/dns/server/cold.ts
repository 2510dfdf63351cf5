import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { NO_GUARDS } from '../answer/guards.ts';
import type { Guards } from '../answer/guards.ts';
import { RATE } from '../answer/rate-limit.ts';
import type { Sampling } from '../answer/sampling.ts';
import type { DnsCounters, DnsTransport } from '../metrics.ts';
import { COUNT } from '../answer/counters.ts';
import { decide } from '../pipeline.ts';
import type { Stage } from '../pipeline.ts';
import { withOwnOptions } from './own-options.ts';
import type { OwnOptions } from './own-options.ts';
import { clientBytes } from './client-bytes.ts';
import {
  EDNS_OPTION,
  RCODE,
  TCP_LIMIT,
  admit,
  copyOf,
  emptyReply,
  encodeMessage,
  questionEnd,
  replyMessage,
  u16,
  udpLimit,
} from '../wire/index.ts';
import type { Query, Reply } from '../wire/index.ts';

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
  readonly #guards: Guards;
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
    /** How many replies clients get over UDP; by default all. */
    readonly guards?: Guards;
  }) {
    this.#stages = parts.stages;
    this.#settings = parts.settings;
    this.#counters = parts.counters;
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#sampling = parts.sampling;
    this.#own = parts.own ?? { cookies: undefined, nsid: new Uint8Array(0), tcpIdleTenths: 0 };
    this.#guards = parts.guards ?? NO_GUARDS;
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
      const sent = transport === 'udp' ? this.#limited(whole, query, ip) : whole;
      if (sent && this.#sampling?.due()) this.#sample(copy, ip, transport, (whole[3] ?? 0) & 15, began);
      return sent;
    } catch (error) {
      // An error of ours costs this one query its answer, and is told in the log.
      this.#log.error({ error, name: query.question.name }, 'a DNS query failed');
      return this.#complete(query, emptyReply(RCODE.SERVFAIL), transport);
    } finally {
      this.#pending--;
    }
  }

  #sample(bytes: Uint8Array, ip: string, transport: DnsTransport, rcode: number, began: number): void {
    const address = clientBytes(ip);
    const us = (this.#clock.monotonic() - began) * 1000;
    const end = questionEnd(bytes);
    this.#sampling?.take(bytes, 0, end, address, 0, address.length, transport === 'tcp', rcode, us);
  }

  #withOptions(reply: Uint8Array, query: Query, transport: DnsTransport, ip: string): Uint8Array {
    if (!query.message.edns) return reply;
    const address = clientBytes(ip);
    const nowSeconds = Math.floor(this.#clock.now() / 1000);
    return withOwnOptions(reply, query, this.#own, {
      address,
      tcp: transport === 'tcp',
      nowSeconds,
      limit: this.#limit(query, transport),
    });
  }

  /** The reply as far as the rate of its client allows, by the same rule and out of the same account as those of the table. */
  #limited(reply: Uint8Array, { message }: Query, ip: string): Uint8Array | undefined {
    const address = clientBytes(ip);
    const client = { address, addressAt: 0, addressBytes: address.length };
    const cookie = message.edns?.options.find((o) => o.code === EDNS_OPTION.COOKIE)?.data;
    const now = this.#clock.now();
    this.#guards.checkOption(cookie, client, Math.floor(now / 1000));
    const verdict = this.#guards.verdict(client, (reply[3] ?? 0) & 15, u16(reply, 6), Math.floor(now * 1000));
    if (verdict === RATE.send) return reply;
    this.#counters.own.add(verdict === RATE.slip ? COUNT.rateSlipped : COUNT.rateDropped, 1);
    return verdict === RATE.slip ? slipped(reply) : undefined;
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

/** Header and question alone, with TC: a real client asks again over TCP. */
function slipped(reply: Uint8Array): Uint8Array {
  const out = copyOf(reply, 0, questionEnd(reply));
  out[2] = 0x82 | ((out[2] as number) & 0x01);
  out[3] = (out[3] as number) & 0x10;
  return out.fill(0, 6, 12);
}
