import { clientBytes } from './client-bytes.ts';
import type { Datagram, Peer } from '../../net/index.ts';
import type { Clock } from '../../core/clock.ts';
import { COLD, LOCAL, OVER_TCP, OVER_UDP } from '../answer/answerer.ts';
import type { Answerer } from '../answer/answerer.ts';
import type { Sampling } from '../answer/sampling.ts';
import type { DnsTransport } from '../metrics.ts';
import type { TableReader } from '../table/index.ts';
import { TCP_LIMIT, textOfName } from '../wire/index.ts';
import type { ColdQuestions } from './cold.ts';

const NOBODY: Peer = { ip: '::', port: 0 };

/** Answers messages on the thread of the control plane: those over TCP. Knows no socket. */
export class Responder {
  readonly #answerer: Answerer;
  readonly #table: TableReader;
  readonly #cold: ColdQuestions;
  readonly #clock: Clock;
  readonly #sampling: Sampling | undefined;
  readonly #reply = new Uint8Array(TCP_LIMIT);

  constructor(parts: {
    readonly answerer: Answerer;
    readonly table: TableReader;
    readonly cold: ColdQuestions;
    readonly clock: Clock;
    /** Of what is answered here, for the query log. */
    readonly sampling?: Sampling;
  }) {
    this.#answerer = parts.answerer;
    this.#table = parts.table;
    this.#cold = parts.cold;
    this.#clock = parts.clock;
    this.#sampling = parts.sampling;
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
    const began = this.#clock.monotonic();
    const length = this.#answer(bytes, from, transport === 'tcp' ? OVER_TCP : OVER_UDP);
    if (length !== COLD) {
      if (length > 0 && this.#sampling?.due()) this.#sample(bytes, from, transport, began);
      return send(length === 0 ? undefined : this.#reply.subarray(0, length));
    }
    void this.#cold.resolve(bytes, transport, from.ip).then(send);
  }

  /** What our own table says, whoever else would be asked. Valid until the next answer. */
  local(bytes: Uint8Array): Uint8Array {
    return this.#reply.subarray(0, this.#answer(bytes, NOBODY, LOCAL));
  }

  /** As `local`, with the name that was looked up: the question's, but for letters and for what else it may be called. */
  explained(bytes: Uint8Array): { readonly reply: Uint8Array; readonly name: string } {
    const reply = this.local(bytes).slice();
    const { key, keyLength } = this.#answerer.question;
    return { reply, name: textOfName(key.subarray(0, keyLength)) };
  }

  #sample(bytes: Uint8Array, from: Peer, transport: DnsTransport, began: number): void {
    const address = clientBytes(from.ip);
    const { question, rcode } = this.#answerer;
    const us = (this.#clock.monotonic() - began) * 1000;
    this.#sampling?.take(bytes, 0, question.end, address, 0, address.length, transport === 'tcp', rcode, us);
  }

  #answer(bytes: Uint8Array, from: Peer, mode: number): number {
    const now = this.#clock.now();
    this.#answerer.nowSeconds = Math.floor(now / 1000);
    this.#answerer.nowUs = Math.floor(now * 1000);
    this.#table.begin();
    const length = this.#answerer.answer(this.#datagram(bytes, from), mode);
    this.#table.end();
    return length;
  }

  #datagram(bytes: Uint8Array, from: Peer): Datagram {
    const address = clientBytes(from.ip);
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
