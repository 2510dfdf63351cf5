import type { Logger } from '../../core/log.ts';
import type { DnsCounters, DnsTransport } from '../metrics.ts';
import { decide } from '../pipeline.ts';
import type { Arrival, Decision, Stage } from '../pipeline.ts';
import {
  RCODE,
  TCP_LIMIT,
  admit,
  bareReply,
  emptyReply,
  encodeMessage,
  replyMessage,
  udpLimit,
} from '../wire/index.ts';
import type { Query, Reply } from '../wire/index.ts';

export interface ResponderSettings {
  readonly udpPayloadBytes: number;
  readonly setTruncateBit: boolean;
}

/** Turns an arriving message into the reply to send. Knows no socket: `send` may get a buffer that is used again. */
export class Responder {
  readonly #stages: readonly Stage[];
  readonly #settings: ResponderSettings;
  readonly #counters: DnsCounters;
  readonly #log: Logger;
  #pending = 0;

  constructor(parts: {
    readonly stages: readonly Stage[];
    readonly settings: ResponderSettings;
    readonly counters: DnsCounters;
    readonly log: Logger;
  }) {
    this.#stages = parts.stages;
    this.#settings = parts.settings;
    this.#counters = parts.counters;
    this.#log = parts.log;
  }

  /** Queries that were received and have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  /** `send` is called once with the reply, or with undefined when the message gets none. Never throws. */
  respond(bytes: Uint8Array, transport: DnsTransport, send: (reply: Uint8Array | undefined) => void): void {
    const admission = admit(bytes);
    if (admission.kind === 'ignore') {
      this.#counters.ignored++;
      return send(undefined);
    }
    if (admission.kind === 'refuse') {
      const { query, rcode } = admission;
      if (query) return send(this.#encode(query, emptyReply(rcode), transport));
      this.#counters.reply(transport, rcode);
      return send(encodeMessage(bareReply(bytes, rcode)).bytes);
    }
    const { query } = admission;
    const decision = this.#decide({ query, bytes, transport });
    if (decision.kind === 'reply') send(this.#encode(query, decision.reply, transport));
    else void this.#relay(query, decision.outcome, transport, send);
  }

  #decide(arrival: Arrival): Decision {
    try {
      return decide(this.#stages, arrival);
    } catch (error) {
      return { kind: 'reply', reply: this.#failure(arrival.query, error) };
    }
  }

  async #relay(
    query: Query,
    outcome: Promise<Uint8Array | Reply>,
    transport: DnsTransport,
    send: (reply: Uint8Array | undefined) => void,
  ): Promise<void> {
    this.#pending++;
    const reply = await outcome.catch((error: unknown) => this.#failure(query, error));
    this.#pending--;
    if (!(reply instanceof Uint8Array)) return send(this.#encode(query, reply, transport));
    this.#counters.reply(transport, (reply[3] ?? 0) & 15);
    send(reply);
  }

  /** An error of ours costs this one query its answer, and is told in the log. */
  #failure(query: Query, error: unknown): Reply {
    this.#log.error({ error, name: query.question.name }, 'a DNS query failed');
    return emptyReply(RCODE.SERVFAIL);
  }

  #encode(query: Query, reply: Reply, transport: DnsTransport): Uint8Array {
    const { udpPayloadBytes, setTruncateBit } = this.#settings;
    const udp = transport === 'udp';
    const limit = udp ? udpLimit(query.message, udpPayloadBytes) : TCP_LIMIT;
    const message = replyMessage(query, reply, udpPayloadBytes);
    // Over TCP there is no way left to ask for more: resolvers take TC there for a failure, part of the endpoints is better than none.
    const encoded = encodeMessage(message, limit, { setTruncateBit: udp && setTruncateBit });
    if (encoded.truncated) this.#counters.truncated++;
    this.#counters.reply(transport, reply.rcode);
    return encoded.bytes;
  }
}
