import type { Datagram } from '../../net/index.ts';
import { EDE, EDNS_OPTION, HEADER_BYTES, PLAIN_UDP_LIMIT, RCODE, TCP_LIMIT, TYPE } from '../wire/index.ts';
import { isSuffix } from '../table/index.ts';
import type { TableReader } from '../table/index.ts';
import { COOKIE, COOKIE_BYTES } from './cookies.ts';
import { COUNT } from './counters.ts';
import type { AnswerCounters } from './counters.ts';
import { Entries } from './entries.ts';
import { Fetcher } from './fetcher.ts';
import { NO_GUARDS } from './guards.ts';
import type { Guards } from './guards.ts';
import { IGNORE, PLAIN, Question } from './question.ts';
import { RATE } from './rate-limit.ts';
import { FLAG, OPT_HEAD_BYTES, ReplyWriter } from './reply.ts';
import { SetWriter } from './set-writer.ts';
import { ignoreStars, isStarOf } from './stars.ts';
import type { AnswerSettings, ServedZone } from './settings.ts';

/** The name is for somebody else to look up; nothing was written. */
export const COLD = -1;

/** How a message came. `LOCAL`: say what the table says, do not hand it on. */
export const OVER_UDP = 0;
export const OVER_TCP = 1;
export const LOCAL = 2;

export interface AnswererParts {
  readonly table: TableReader;
  readonly settings: AnswerSettings;
  readonly counters: AnswerCounters;
  readonly guards?: Guards;
  /** Starts the shuffling; any number. */
  readonly seed: number;
}

const MAX_CHAIN = 8;

/**
 * Answers questions out of the table: bytes in, bytes out, nothing allocated (mesos-dns.md §7.3, with the fixes of §13). Each thread has
 * one of its own. Whoever calls brackets the calls with `table.begin` and `table.end`.
 */
export class Answerer {
  readonly #table: TableReader;
  readonly #settings: AnswerSettings;
  readonly #counters: AnswerCounters;
  readonly #guards: Guards;
  readonly #entries: Entries;
  #datagram: Datagram | undefined;
  /** The time of the batch, in seconds since the epoch and in microseconds of a clock that only rises. */
  nowSeconds = 0;
  nowUs = 0;
  /** Of the message at hand. */
  question = new Question();
  /** Of the messages of a batch, in order. */
  readonly #questions: Question[] = [];
  /** Where the SOA of each zone is looked for; a zone's own name never leaves the table. */
  readonly #apexes: readonly number[];
  readonly #reply = new ReplyWriter();
  readonly #sets: SetWriter;
  readonly #fetcher: Fetcher;
  #aa = true;
  /** As of the beginning of this answer: room for saying so was kept then. */
  #stale = false;
  /** The name that is looked up is not a tail of the one that was asked: owners are written out. */
  #renamed = false;
  /** Response code of the last reply, for who logs. */
  rcode = 0;

  constructor(parts: AnswererParts) {
    this.#table = parts.table;
    this.#settings = parts.settings;
    this.#counters = parts.counters;
    this.#guards = parts.guards ?? NO_GUARDS;
    this.#entries = new Entries(parts.table, parts.seed);
    this.#sets = new SetWriter(parts.table, this.#entries, this.#reply);
    parts.table.begin();
    this.#apexes = parts.settings.zones.map((zone) => parts.table.findName(zone.apex));
    parts.table.end();
    this.#fetcher = new Fetcher(parts.table);
  }

  /** The length of the reply, 0 for silence, or `COLD`. */
  answer(d: Datagram, mode: number): number {
    this.question.read(d.request, d.start, d.end, this.#table.seed);
    return this.#answer(d, mode);
  }

  /** Read the question of message `i` of a batch, to be answered when all were read. */
  look(i: number, d: Datagram): void {
    const q = (this.#questions[i] ??= new Question());
    q.read(d.request, d.start, d.end, this.#table.seed);
  }

  /** Have the processor fetch what the first `count` questions will need, all at the same time. */
  fetch(count: number): void {
    this.#fetcher.fetch(this.#questions, count);
  }

  /** The answer to message `i` of the batch. */
  answerLooked(i: number, d: Datagram, mode: number): number {
    this.question = this.#questions[i] as Question;
    return this.#answer(d, mode);
  }

  #answer(d: Datagram, mode: number): number {
    const q = this.question;
    const { verdict } = q;
    if (verdict === IGNORE) {
      this.#counters.ignored();
      return 0;
    }
    const cookie = this.#guards.check(d, q.edns ? q.cookieAt : 0, q.cookieLength, this.nowSeconds);
    this.#begin(d, mode);
    if (cookie !== COOKIE.none) this.#countCookie();
    const length =
      cookie === COOKIE.malformed ? this.#done(mode, RCODE.FORMERR, 0) : this.#decide(verdict, mode);
    return mode === OVER_UDP && length > 0 ? this.#limited(d, length) : length;
  }

  #decide(verdict: number, mode: number): number {
    const q = this.question;
    if (verdict !== PLAIN) {
      if (verdict === RCODE.FORMERR) this.#counters.add(COUNT.malformed, 1);
      return this.#done(mode, verdict, 0);
    }
    this.#counters.question(q.type);
    const node = this.#findNode();
    if (node === 0) return this.#absent(mode);
    return q.type === TYPE.ANY ? this.#any(node, mode) : this.#present(node, mode);
  }

  #countCookie(): void {
    const { cookie } = this.#guards;
    if (cookie === COOKIE.valid) this.#counters.add(COUNT.cookiesValid, 1);
    else if (cookie === COOKIE.invalid) this.#counters.add(COUNT.cookiesInvalid, 1);
  }

  /** The reply as far as the rate of its client allows: whole, empty with TC so that a real client asks over TCP, or not at all. */
  #limited(d: Datagram, length: number): number {
    const verdict = this.#guards.verdict(d, this.rcode, this.#reply.answers, this.nowUs);
    if (verdict === RATE.send) return length;
    if (verdict === RATE.drop) {
      this.#counters.add(COUNT.rateDropped, 1);
      return 0;
    }
    this.#counters.add(COUNT.rateSlipped, 1);
    const q = this.question;
    const r = this.#reply;
    r.rewind(d.replyAt + (q.end === 0 ? HEADER_BYTES : q.end - d.start));
    return r.finish(q, FLAG.TC, RCODE.NOERROR);
  }

  #begin(d: Datagram, mode: number): void {
    this.#datagram = d;
    const q = this.question;
    const r = this.#reply;
    r.begin(q.view, d.start, q.end === 0 ? d.start + HEADER_BYTES : q.end, d.reply, d.replyAt);
    this.#aa = false;
    this.#stale = this.#table.stale;
    let room = PLAIN_UDP_LIMIT;
    if (mode !== OVER_UDP) room = TCP_LIMIT;
    else if (q.edns) room = Math.max(room, Math.min(q.payloadBytes, this.#settings.udpPayloadBytes));
    r.limit = d.replyAt + Math.min(room, d.replyRoom) - (q.edns ? this.#optBytes(mode) : 0);
    this.#renamed = false;
    this.#sets.begin();
  }

  /** The node of the question, also under what else it may be called; 0 when there is none. */
  #findNode(): number {
    const q = this.question;
    const node = this.#table.findWords(q.words, q.keyLength, q.hash);
    if (node !== 0 || (!q.starred && this.#settings.aliases.length === 0)) return node;
    return this.#findRenamed();
  }

  /** Mesos-DNS has no wildcards but ignores every `.*` in a question; alias zones stand for others. */
  #findRenamed(): number {
    const q = this.question;
    if (q.starred) this.#renamed = ignoreStars(q);
    let renamed = this.#renamed;
    for (const { from, to } of this.#settings.aliases) {
      if (!isSuffix(q.key, 0, q.keyLength, from)) continue;
      const head = q.keyLength - from.length;
      if (head + to.length > 255) break;
      q.key.set(to, head);
      q.keyLength = head + to.length;
      // No reason to write owners out: where a zone begins in this name, its other name begins in the question.
      renamed = true;
      break;
    }
    if (!renamed) return 0;
    q.seal(this.#table.seed);
    return this.#table.findWords(q.words, q.keyLength, q.hash);
  }

  #present(node: number, mode: number): number {
    const t = this.#table;
    const { type } = this.question;
    const set = t.set(node, type);
    if (set !== 0) {
      this.#aa = true;
      this.#sets.write(node, set, HEADER_BYTES);
      return this.#answered(mode);
    }
    const alias = t.set(node, TYPE.CNAME);
    if (alias !== 0) return this.#follow(alias, mode);
    return this.#nothing(RCODE.NOERROR, mode, t.firstSet(node) !== 0);
  }

  /** Nothing in the table has that name: outside our zones, or it does not exist. */
  #absent(mode: number): number {
    const exists = this.question.starred && isStarOf(this.question, this.#table);
    return this.#nothing(exists ? RCODE.NOERROR : RCODE.NXDOMAIN, mode);
  }

  /**
   * NODATA or NXDOMAIN, with the SOA that says for how long (RFC 2308 §3); or somebody else's name. A name outside the zones that has
   * other records here (a reverse name) is not somebody else's: they would deny it, and caches take that for all types (RFC 8020).
   */
  #nothing(rcode: number, mode: number, hasRecords = false): number {
    const { key, keyLength } = this.question;
    const at = this.#zoneOf(key, 0, keyLength);
    const zone = this.#settings.zones[at];
    if (!zone) {
      if (hasRecords) {
        this.#aa = true;
        return this.#done(mode, rcode, 0);
      }
      if (this.#settings.forwards && mode !== LOCAL) return COLD;
      return this.#done(mode, RCODE.REFUSED, 0);
    }
    if (this.#unknown(at)) return this.#notReady(this.#reply.at, mode);
    this.#aa = true;
    this.#authority(at, keyLength);
    return this.#done(mode, rcode, 0);
  }

  /** Nothing is known of the cluster, on which the names of this zone depend. */
  #unknown(zone: number): boolean {
    return !(this.#settings.zones[zone] as ServedZone).fixed && !this.#table.ready;
  }

  #notReady(start: number, mode: number): number {
    this.#reply.rewind(start);
    this.#aa = false;
    return this.#done(mode, RCODE.SERVFAIL, EDE.NOT_READY);
  }

  /** The SOA of a zone, in whose negative answers its TTL is the minimum. `keyLength` is that of the name that was looked up. */
  #authority(zone: number, keyLength: number): void {
    const t = this.#table;
    const { apex } = this.#settings.zones[zone] as ServedZone;
    const set = t.set(this.#apexes[zone] as number, TYPE.SOA);
    if (set === 0) return;
    const at = this.#entries.first(set);
    const length = this.#entries.lengthOf(at);
    const data = this.#entries.dataOf(at);
    const minimum = t.view.getUint32(data + length - 4);
    const ttl = Math.min(minimum, t.ttlOf(set));
    const fits = this.#renamed
      ? this.#reply.recordOf(apex, TYPE.SOA, ttl, t.view, data, length)
      : this.#reply.record(HEADER_BYTES + keyLength - apex.length, TYPE.SOA, ttl, t.view, data, length);
    if (fits) this.#reply.authority++;
  }

  /** One set over UDP (RFC 8482 §4.1), all of them over TCP. */
  #any(node: number, mode: number): number {
    const t = this.#table;
    let set = t.firstSet(node);
    if (set === 0) return this.#nothing(RCODE.NOERROR, mode);
    this.#aa = true;
    for (; set !== 0; set = t.nextSet(set)) {
      this.#sets.write(node, set, HEADER_BYTES);
      if (mode === OVER_UDP || this.#reply.truncated) break;
    }
    return this.#answered(mode);
  }

  /** CNAME records, one after the other, and what is at their end (RFC 1034 §4.3.2). */
  #follow(first: number, mode: number): number {
    const t = this.#table;
    const r = this.#reply;
    const start = r.at;
    let owner = HEADER_BYTES;
    let set = first;
    this.#aa = true;
    for (let hop = 0; hop < MAX_CHAIN; hop++) {
      const at = this.#entries.first(set);
      const target = this.#entries.dataOf(at);
      const end = target + this.#entries.lengthOf(at);
      if (!r.record(owner, TYPE.CNAME, t.ttlOf(set), t.view, target, end - target)) {
        r.truncated = true;
        return this.#done(mode, RCODE.NOERROR, 0);
      }
      r.answers++;
      owner = r.at - (end - target) - r.base;
      const node = t.target(at, target, end);
      const found = node === 0 ? 0 : t.set(node, this.question.type);
      if (found !== 0) {
        this.#sets.write(node, found, owner);
        return this.#answered(mode);
      }
      set = node === 0 ? 0 : t.set(node, TYPE.CNAME);
      if (set !== 0) continue;
      const zone = this.#zoneOf(t.bytes, target, end);
      if (zone >= 0) {
        // Where the chain leads may be known later: nobody is to keep that there is nothing.
        if (this.#unknown(zone)) return this.#notReady(start, mode);
        this.#renamed = true;
        this.#authority(zone, 0);
        return this.#done(mode, node === 0 ? RCODE.NXDOMAIN : RCODE.NOERROR, 0);
      }
      if (mode === LOCAL || !this.#settings.forwards || (this.question.flags & FLAG.RD) === 0) break;
      r.rewind(start);
      return COLD;
    }
    return this.#done(mode, RCODE.NOERROR, 0);
  }

  #answered(mode: number): number {
    this.#sets.addTargets();
    return this.#done(mode, RCODE.NOERROR, 0);
  }

  /** Which zone of ours holds a name; -1 for none. */
  #zoneOf(bytes: Uint8Array, at: number, end: number): number {
    const { zones } = this.#settings;
    for (let i = 0; i < zones.length; i++)
      if (isSuffix(bytes, at, end, (zones[i] as ServedZone).apex)) return i;
    return -1;
  }

  /** OPT, if the client sent one (RFC 6891 §7), and the header. */
  #done(mode: number, rcode: number, ede: number): number {
    const q = this.question;
    const r = this.#reply;
    const udp = mode === OVER_UDP;
    if (q.edns) this.#writeOpt(mode, rcode, ede);
    let flags = 0;
    if (this.#aa) flags |= FLAG.AA;
    if (this.#aa && this.#settings.recurseOn) flags |= FLAG.RA;
    if (r.truncated) {
      this.#counters.truncated();
      // Over TCP there is no way left to ask for more: resolvers take TC there for a failure, part of the endpoints is better than none.
      if (udp && this.#settings.setTruncateBit) flags |= FLAG.TC;
    }
    this.rcode = rcode;
    this.#counters.reply(!udp, rcode);
    return r.finish(q, flags, rcode);
  }

  #writeOpt(mode: number, rcode: number, ede: number): void {
    const q = this.question;
    const r = this.#reply;
    const length = r.openOpt(this.#settings.udpPayloadBytes, rcode, q.dnssecOk);
    const { nsid, tcpIdleTenths } = this.#settings;
    if (q.nsid && nsid.length > 0) {
      r.option(EDNS_OPTION.NSID, nsid.length);
      r.raw(nsid);
    }
    if (mode === OVER_TCP && q.keepAlive) {
      r.option(EDNS_OPTION.TCP_KEEPALIVE, 2);
      r.u16(tcpIdleTenths);
    }
    if (this.#givesCookie()) this.#writeCookie();
    if (ede !== 0) r.extendedError(ede);
    else if (this.#aa && this.#stale) r.extendedError(EDE.STALE_ANSWER);
    r.closeOpt(length);
  }

  /** RFC 7873 §5.2: whoever sends a cookie gets ours. */
  #givesCookie(): boolean {
    const { cookie } = this.#guards;
    return cookie !== COOKIE.none && cookie !== COOKIE.malformed;
  }

  #writeCookie(): void {
    const d = this.#datagram;
    const { cookies } = this.#guards;
    if (!d || !cookies) return;
    const r = this.#reply;
    r.option(EDNS_OPTION.COOKIE, COOKIE_BYTES);
    const at = this.question.cookieAt;
    cookies.write(r.out, r.at, d.request, at, d.address, d.addressAt, d.addressBytes, this.nowSeconds);
    r.at += COOKIE_BYTES;
  }

  /** What OPT can come to take. */
  #optBytes(mode: number): number {
    const q = this.question;
    let bytes = OPT_HEAD_BYTES + (this.#stale ? 6 : 0);
    if (this.#givesCookie()) bytes += 4 + COOKIE_BYTES;
    if (q.nsid) bytes += 4 + this.#settings.nsid.length;
    if (mode === OVER_TCP && q.keepAlive) bytes += 6;
    return bytes;
  }
}
