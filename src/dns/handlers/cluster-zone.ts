import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { CLASS_IN, EDE, RCODE, TYPE, emptyReply, isWithin, nameBytes, soaRdata } from '../wire/index.ts';
import type { Query, Reply, ResourceRecord } from '../wire/index.ts';
import type { Entry, Zone } from '../zone/index.ts';

export interface ClusterZoneSettings {
  readonly ttlSeconds: number;
  readonly recurseOn: boolean;
  readonly soa: {
    /** Absolute names. */
    readonly mname: string;
    readonly rname: string;
    readonly refreshSeconds: number;
    readonly retrySeconds: number;
    readonly expireSeconds: number;
  };
}

/** Answers for the domain of the cluster (mesos-dns.md §7.3, with the fixes of §13). */
export class ClusterZoneHandler {
  readonly #zone: Zone;
  readonly #settings: ClusterZoneSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #isStale: () => boolean;
  readonly #apex: string;
  readonly #ns: ResourceRecord;
  #soa: ResourceRecord | undefined;
  #serial = 0;
  #revision = -1;

  constructor(parts: {
    readonly zone: Zone;
    readonly settings: ClusterZoneSettings;
    readonly clock: Clock;
    readonly random: Random;
    readonly isStale: () => boolean;
  }) {
    this.#zone = parts.zone;
    this.#settings = parts.settings;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#isStale = parts.isStale;
    this.#apex = `${parts.zone.settings.domain}.`;
    this.#ns = this.#record(this.#apex, TYPE.NS, nameBytes(parts.settings.soa.mname) ?? new Uint8Array(1));
  }

  /** The reply, or undefined when the name is not in the domain. */
  answer(query: Query): Reply | undefined {
    const asked = query.question.name.toLowerCase();
    if (!isWithin(asked, this.#apex)) return undefined;
    if (!this.#zone.ready) return emptyReply(RCODE.SERVFAIL, { ede: EDE.NOT_READY });
    const { type } = query.question;
    // Mesos-DNS has no wildcards but ignores every `.*` in a question.
    const name = asked.includes('.*') ? asked.replaceAll('.*', '') : asked;
    if (name === this.#apex && (type === TYPE.SOA || type === TYPE.NS || type === TYPE.ANY))
      return this.#atApex(type);
    const found = this.#zone.lookup(name, type);
    if (found.kind !== 'answer') {
      return this.#reply(found.kind === 'nxdomain' ? RCODE.NXDOMAIN : RCODE.NOERROR, [], [this.soa()]);
    }
    const entries = this.#shuffled(found.entries);
    const answers = entries.map((e) => this.#record(this.#owner(query, asked, name, e), e.type, e.rdata));
    const authority = type === TYPE.ANY ? [this.soa(), this.#ns] : [];
    return this.#reply(RCODE.NOERROR, answers, authority, this.#targets(entries));
  }

  /** The SOA record with the serial of now. */
  soa(): ResourceRecord {
    const serial = this.serial();
    if (this.#soa) return this.#soa;
    const { soa, ttlSeconds } = this.#settings;
    const rdata = soaRdata({
      mname: soa.mname,
      rname: soa.rname,
      serial,
      refresh: soa.refreshSeconds,
      retry: soa.retrySeconds,
      expire: soa.expireSeconds,
      minimum: ttlSeconds,
    });
    this.#soa = this.#record(this.#apex, TYPE.SOA, rdata ?? new Uint8Array(0));
    return this.#soa;
  }

  /** Unix seconds of the last change, and always higher than before it. Read it at each change to follow closely. */
  serial(): number {
    if (this.#revision !== this.#zone.revision) {
      this.#revision = this.#zone.revision;
      this.#serial = Math.max(this.#serial + 1, Math.floor(this.#clock.now() / 1000));
      this.#soa = undefined;
    }
    return this.#serial;
  }

  #atApex(type: number): Reply {
    if (type === TYPE.SOA) return this.#reply(RCODE.NOERROR, [this.soa()], []);
    const answers = type === TYPE.NS ? [this.#ns] : [this.soa(), this.#ns];
    return this.#reply(RCODE.NOERROR, answers, [], this.#addressesOf(this.#settings.soa.mname));
  }

  /** SRV records belong to the name as it was asked; addresses to the name that was looked up. */
  #owner(query: Query, asked: string, name: string, entry: Entry): string {
    return entry.type === TYPE.SRV || asked === name ? query.question.name : name;
  }

  /** One address of each kind for each target of SRV records. */
  #targets(entries: readonly Entry[]): ResourceRecord[] {
    if (!entries.some((e) => e.target !== undefined)) return [];
    const targets = new Set(entries.flatMap((e) => e.target ?? []));
    return [...targets].flatMap((target) => this.#addressesOf(target));
  }

  #addressesOf(name: string): ResourceRecord[] {
    const records: ResourceRecord[] = [];
    for (const type of [TYPE.A, TYPE.AAAA]) {
      const found = this.#zone.lookup(name, type);
      if (found.kind !== 'answer') continue;
      const entry = found.entries[found.entries.length === 1 ? 0 : this.#random.int(found.entries.length)];
      if (entry) records.push(this.#record(name, type, entry.rdata));
    }
    return records;
  }

  #shuffled(entries: readonly Entry[]): readonly Entry[] {
    if (entries.length < 2) return entries;
    const out = [...entries];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.#random.int(i + 1);
      [out[i], out[j]] = [out[j] as Entry, out[i] as Entry];
    }
    return out;
  }

  #reply(
    rcode: number,
    answers: readonly ResourceRecord[],
    authority: readonly ResourceRecord[],
    additional: readonly ResourceRecord[] = [],
  ): Reply {
    return {
      rcode,
      authoritative: true,
      recursionAvailable: this.#settings.recurseOn,
      answers,
      authority,
      additional,
      ede: this.#isStale() ? EDE.STALE_ANSWER : undefined,
    };
  }

  #record(name: string, type: number, rdata: Uint8Array): ResourceRecord {
    return { name, type, class: CLASS_IN, ttl: this.#settings.ttlSeconds, rdata };
  }
}
