import { ipBytes } from '../zone/index.ts';
import type { Datagram, Peer } from '../../net/index.ts';
import { COLD, OVER_TCP, OVER_UDP } from '../answer/answerer.ts';
import type { Answerer } from '../answer/answerer.ts';
import type { DnsTransport } from '../metrics.ts';
import type { TableReader } from '../table/index.ts';
import { TCP_LIMIT } from '../wire/index.ts';
import type { ColdQuestions } from './cold.ts';

const NO_ADDRESS = new Uint8Array(16);

/** Answers messages on the thread of the control plane: those over TCP. Knows no socket. */
export class Responder {
  readonly #answerer: Answerer;
  readonly #table: TableReader;
  readonly #cold: ColdQuestions;
  readonly #reply = new Uint8Array(TCP_LIMIT);

  constructor(parts: {
    readonly answerer: Answerer;
    readonly table: TableReader;
    readonly cold: ColdQuestions;
  }) {
    this.#answerer = parts.answerer;
    this.#table = parts.table;
    this.#cold = parts.cold;
  }

  /** Queries that were received and have no answer yet. */
  get pending(): number {
    return this.#cold.pending;
  }

  /**
   * `send` is called once with the reply, or with undefined when the message gets none; it may get a buffer that is used again.
   * Never throws.
   */
  respond(
    bytes: Uint8Array,
    from: Peer,
    transport: DnsTransport,
    send: (reply: Uint8Array | undefined) => void,
  ): void {
    this.#table.begin();
    const length = this.#answerer.answer(
      this.#datagram(bytes, from),
      transport === 'tcp' ? OVER_TCP : OVER_UDP,
    );
    this.#table.end();
    if (length !== COLD) return send(length === 0 ? undefined : this.#reply.subarray(0, length));
    void this.#cold.resolve(bytes, transport, from.ip).then(send);
  }

  #datagram(bytes: Uint8Array, from: Peer): Datagram {
    const address = ipBytes(from.ip) ?? NO_ADDRESS;
    return {
      request: bytes,
      start: 0,
      end: bytes.length,
      reply: this.#reply,
      replyAt: 0,
      replyRoom: TCP_LIMIT,
      address,
      addressAt: 0,
      addressBytes: address.length === 4 ? 4 : 16,
      port: from.port,
    };
  }
}
