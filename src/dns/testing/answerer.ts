import { Answerer, OVER_TCP, OVER_UDP } from '../answer/answerer.ts';
import { newCookieSecrets } from '../answer/cookies.ts';
import { newRateTable } from '../answer/rate-limit.ts';
import type { RateLimitSettings } from '../answer/rate-limit.ts';
import type { AnswerSettings } from '../answer/settings.ts';
import { guardsOf } from '../answer/thread-guards.ts';
import { seededRandom } from '../../core/random.ts';
import { DnsCounters } from '../metrics.ts';
import type { Datagram } from '../../net/index.ts';
import { TableReader, TableWriter } from '../table/index.ts';
import { TCP_LIMIT, TYPE, nameBytes, soaRdata, srvRdata } from '../wire/index.ts';
import type { Message } from '../wire/index.ts';
import { decoded } from './message.ts';
import { ANSWER_SETTINGS } from './responder.ts';

export const NEGATIVE_TTL = 30;
const CANARY = 0xee;

const wire = (name: string): Uint8Array => {
  const bytes = nameBytes(name);
  if (!bytes) throw new Error(`no name: ${name}`);
  return bytes;
};

export interface BenchSettings extends Partial<AnswerSettings> {
  readonly rates?: RateLimitSettings;
  readonly table?: (memory: SharedArrayBuffer) => TableReader;
}

/** An answerer on a small table of `mesos.`, without sockets: bytes in, bytes out. */
export class AnswererBench {
  readonly memory = new SharedArrayBuffer(4 * 1024 * 1024);
  readonly writer: TableWriter;
  readonly table: TableReader;
  readonly answerer: Answerer;
  readonly counters = new DnsCounters();
  address = Uint8Array.of(192, 0, 2, 1);
  /** Length of the reply before it was decoded; 0 for silence, -1 for somebody else's. */
  length = 0;
  /** Room that the caller has for a reply. */
  room = TCP_LIMIT;
  readonly #out = new Uint8Array(TCP_LIMIT + 64);

  constructor(more: BenchSettings = {}) {
    const { rates, table, ...settings } = more;
    this.writer = new TableWriter(this.memory, 77, [wire('mesos.')]);
    const serial = 7;
    const times = { refresh: 1, retry: 1, expire: 1, minimum: NEGATIVE_TTL };
    const soa = soaRdata({ mname: 'ns1.mesos.', rname: 'root.ns1.mesos.', serial, ...times });
    this.add('mesos.', TYPE.SOA, soa ?? new Uint8Array(0));
    this.add('mesos.', TYPE.NS, wire('ns1.mesos.'));
    this.add('ns1.mesos.', TYPE.A, Uint8Array.of(10, 9, 9, 9));
    this.writer.setReady(true);
    this.writer.commit();
    this.table = table?.(this.memory) ?? new TableReader(this.memory, 1);
    const random = seededRandom(3);
    this.answerer = new Answerer({
      table: this.table,
      settings: { ...ANSWER_SETTINGS, ...settings },
      counters: this.counters.own,
      guards: guardsOf({
        cookieSecrets: newCookieSecrets(random),
        rates: rates && { table: newRateTable(8, random, 0), settings: rates },
        exempt: [],
      }),
      seed: 12_345,
    });
  }

  add(name: string, type: number, data: Uint8Array): void {
    const n = wire(name);
    this.writer.add(n, n.length, type, 60, data);
  }

  remove(name: string, type: number, data: Uint8Array): void {
    const n = wire(name);
    this.writer.remove(n, n.length, type, data);
  }

  address4(name: string, ...last: readonly number[]): void {
    for (const n of last) this.add(name, TYPE.A, Uint8Array.of(10, 0, n >> 8, n));
  }

  service(name: string, target: string, port: number): void {
    this.add(name, TYPE.SRV, srvRdata(0, 1, port, target) ?? new Uint8Array(0));
  }

  alias(name: string, target: string): void {
    this.add(name, TYPE.CNAME, wire(target));
  }

  /** The bytes of the reply; empty for silence and for what is somebody else's. Nothing else may be written to. */
  bytes(request: Uint8Array, mode: number = OVER_UDP): Uint8Array {
    this.#out.fill(CANARY);
    const before = 16;
    const datagram: Datagram = {
      request: Uint8Array.from([1, 2, 3, ...request, 4, 5]),
      start: 3,
      end: 3 + request.length,
      reply: this.#out,
      replyAt: before,
      replyRoom: this.room,
      address: this.address,
      addressAt: 0,
      addressBytes: this.address.length === 4 ? 4 : 16,
      port: 1024,
    };
    this.table.begin();
    this.length = this.answerer.answer(datagram, mode);
    this.table.end();
    const end = before + Math.max(0, this.length);
    if (this.length > this.room) throw new Error(`${this.length} bytes in a room of ${this.room}`);
    const outside = [...this.#out.subarray(0, before), ...this.#out.subarray(before + this.room)];
    if (outside.some((b) => b !== CANARY)) throw new Error('written outside of the room');
    return this.#out.slice(before, end);
  }

  reply(request: Uint8Array, mode: number = OVER_UDP): Message {
    return decoded(this.bytes(request, mode));
  }

  tcp(request: Uint8Array): Message {
    return this.reply(request, OVER_TCP);
  }
}
