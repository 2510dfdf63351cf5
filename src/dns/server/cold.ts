import type { Logger } from '../../core/log.ts';
import type { DnsCounters, DnsTransport } from '../metrics.ts';
import { COUNT } from '../answer/counters.ts';
import { decide } from '../pipeline.ts';
import type { Stage } from '../pipeline.ts';
import {
  RCODE,
  TCP_LIMIT,
  admit,
  copyOf,
  emptyReply,
  encodeMessage,
  replyMessage,
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
  #pending = 0;

  constructor(parts: {
    readonly stages: readonly Stage[];
    readonly settings: ColdSettings;
    readonly counters: DnsCounters;
    readonly log: Logger;
  }) {
    this.#stages = parts.stages;
    this.#settings = parts.settings;
    this.#counters = parts.counters;
    this.#log = parts.log;
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
    this.#pending++;
    this.#counters.own.add(COUNT.coldTaken, 1);
    try {
      const decision = decide(this.#stages, { query, bytes: copyOf(bytes), transport, ip });
      const reply = decision.kind === 'reply' ? decision.reply : await decision.outcome;
      return this.#complete(query, reply, transport);
    } catch (error) {
      // An error of ours costs this one query its answer, and is told in the log.
      this.#log.error({ error, name: query.question.name }, 'a DNS query failed');
      return this.#complete(query, emptyReply(RCODE.SERVFAIL), transport);
    } finally {
      this.#pending--;
    }
  }

  #complete(query: Query, reply: Uint8Array | Reply, transport: DnsTransport): Uint8Array {
    if (reply instanceof Uint8Array) {
      this.#counters.reply(transport, (reply[3] ?? 0) & 15);
      return reply;
    }
    const { udpPayloadBytes, setTruncateBit } = this.#settings;
    const udp = transport === 'udp';
    const limit = udp ? udpLimit(query.message, udpPayloadBytes) : TCP_LIMIT;
    const message = replyMessage(query, reply, udpPayloadBytes);
    // Over TCP there is no way left to ask for more: resolvers take TC there for a failure.
    const encoded = encodeMessage(message, limit, { setTruncateBit: udp && setTruncateBit });
    if (encoded.truncated) this.#counters.truncated++;
    this.#counters.reply(transport, reply.rcode);
    return copyOf(encoded.bytes);
  }
}
