import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Peer, Reactor } from '../../net/index.ts';
import type { DnsCounters, DnsTransport } from '../metrics.ts';
import {
  HEADER_BYTES,
  copyOf,
  decodeMessage,
  encodeMessage,
  isWithin,
  questionEnd,
  u16,
  udpLimit,
} from '../wire/index.ts';
import type { Query } from '../wire/index.ts';
import { exchange, randomUint16 } from './exchange.ts';
import type { ExchangeParts } from './exchange.ts';

export interface ForwardSettings {
  /** Lower-case absolute names of zones, with the resolvers that alone are asked for them. */
  readonly zoneResolvers: ReadonlyMap<string, readonly Peer[]>;
  readonly resolvers: readonly Peer[];
  readonly timeoutMs: number;
  readonly maxForwards: number;
  readonly udpPayloadBytes: number;
  readonly setTruncateBit: boolean;
}

/**
 * Asks other resolvers for names outside of the domain (mesos-dns.md §8): strictly in order, over the transport of the client, each
 * with its own deadline; the first reply, whatever it says, is passed on byte for byte under the client's id. Nothing is
 * cached. The same question asked again while it is under way joins the first one, so that a flood of one question
 * does not help somebody who guesses ids.
 */
export class Forwarder {
  readonly #settings: ForwardSettings;
  readonly #random: Random;
  readonly #counters: DnsCounters;
  readonly #parts: ExchangeParts;
  readonly #underWay = new Map<string, Promise<Uint8Array | undefined>>();
  #closed = false;

  constructor(parts: {
    readonly settings: ForwardSettings;
    readonly reactor: Reactor;
    readonly clock: Clock;
    readonly random: Random;
    readonly counters: DnsCounters;
  }) {
    const { settings, reactor, clock, random, counters } = parts;
    this.#settings = settings;
    this.#random = random;
    this.#counters = counters;
    const onRejected = (): void => void counters.forwardRejected++;
    this.#parts = { reactor, clock, random, timeoutMs: settings.timeoutMs, onRejected, underWay: new Set() };
  }

  /** Different questions that wait for a resolver now. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Ask nobody any more; what is under way ends without a reply. */
  close(): void {
    this.#closed = true;
    for (const giveUp of this.#parts.underWay) giveUp();
  }

  /** Who is asked for a name: the resolvers of the longest zone that holds it, else the general ones. */
  resolversFor(name: string): readonly Peer[] {
    const lower = name.toLowerCase();
    let best: string | undefined;
    for (const zone of this.#settings.zoneResolvers.keys()) {
      if (isWithin(lower, zone) && zone.length > (best?.length ?? 0)) best = zone;
    }
    return (
      (best === undefined ? undefined : this.#settings.zoneResolvers.get(best)) ?? this.#settings.resolvers
    );
  }

  /** The reply for the client, or undefined when no resolver gave one (or too many questions are under way). */
  async ask(query: Query, bytes: Uint8Array, transport: DnsTransport): Promise<Uint8Array | undefined> {
    const key = `${transport} ${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', 2)}`;
    let shared = this.#underWay.get(key);
    if (!shared) {
      if (this.#underWay.size >= this.#settings.maxForwards) return undefined;
      shared = this.#askInOrder(query, copyOf(bytes), transport).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, shared);
    }
    const reply = await shared;
    return reply && this.#fit(query, copyOf(reply), transport);
  }

  async #askInOrder(
    query: Query,
    request: Uint8Array,
    transport: DnsTransport,
  ): Promise<Uint8Array | undefined> {
    this.#limitPayload(query, request);
    for (const resolver of this.resolversFor(query.question.name)) {
      if (this.#closed) return undefined;
      const id = randomUint16(this.#random);
      request[0] = id >> 8;
      request[1] = id;
      this.#counters.forwarded++;
      const reply = await exchange(this.#parts, request, resolver, transport);
      if (reply) return reply;
      this.#counters.forwardFailures++;
    }
    return undefined;
  }

  /** Never ask for more by UDP than we would pass on: larger replies come in fragments. */
  #limitPayload(query: Query, request: Uint8Array): void {
    const offered = query.message.edns?.udpPayloadBytes ?? 0;
    const alone = u16(request, 6) === 0 && u16(request, 8) === 0 && u16(request, 10) === 1;
    if (!alone || offered <= this.#settings.udpPayloadBytes) return;
    const at = questionEnd(request) + 3;
    request[at] = this.#settings.udpPayloadBytes >> 8;
    request[at + 1] = this.#settings.udpPayloadBytes;
  }

  /** The client's id, and for UDP its size: what is too large is cut by the same rule as our own answers. */
  #fit(query: Query, reply: Uint8Array, transport: DnsTransport): Uint8Array {
    const { udpPayloadBytes, setTruncateBit } = this.#settings;
    const limit = udpLimit(query.message, udpPayloadBytes);
    const fitting = transport === 'udp' && reply.length > limit ? this.#cut(reply, limit) : reply;
    const { id } = query.message;
    fitting[0] = id >> 8;
    fitting[1] = id;
    if (!setTruncateBit) fitting[2] = (fitting[2] as number) & ~0x02;
    return fitting;
  }

  /** As many answers as fit, with TC; none of a reply that cannot be read. */
  #cut(reply: Uint8Array, limit: number): Uint8Array {
    this.#counters.truncated++;
    const decoded = decodeMessage(reply);
    if (decoded.ok) return copyOf(encodeMessage(decoded.message, limit).bytes);
    const question = copyOf(reply, 0, questionEnd(reply));
    question.fill(0, 6, HEADER_BYTES);
    question[2] = (question[2] as number) | 0x02;
    return question;
  }
}
