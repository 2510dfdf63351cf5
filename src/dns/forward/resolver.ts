import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Reactor } from '../../net/index.ts';
import type { Permission } from '../acl/permission.ts';
import type { DnsCounters, DnsTransport } from '../metrics.ts';
import { EDE, HEADER_BYTES, RCODE, copyOf, questionEnd, rcodeName, recordLines } from '../wire/index.ts';
import type { Query } from '../wire/index.ts';
import { AnswerCache } from './cache.ts';
import type { Kept } from './cache.ts';
import type { CacheSettings, UpstreamsSettings } from './config.ts';
import { localAnswer } from './local-names.ts';
import { pack, packedFailure, render } from './packed.ts';
import type { Asker, Ede, Packed, RenderOptions } from './packed.ts';
import { askedBy, askedOf, isCacheable } from './question.ts';
import type { Asked } from './question.ts';
import { Quota, clientKey } from './quota.ts';
import { Upstreams } from './upstreams.ts';
import type { UpstreamAddresses } from './upstreams.ts';

export interface ResolverSettings extends UpstreamAddresses {
  readonly timeoutMs: number;
  readonly maxForwards: number;
  readonly udpPayloadBytes: number;
  readonly setTruncateBit: boolean;
  readonly localZones: boolean;
  readonly cache: CacheSettings;
  readonly upstreams: UpstreamsSettings;
}

export interface ResolverParts {
  readonly settings: ResolverSettings;
  /** Who gets answers. */
  readonly recursion: Permission;
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly counters: DnsCounters;
}

/** The TTL of an answer that is too old (RFC 8767 §4). */
const STALE_TTL_SECONDS = 30;

// RFC 8914 §4.
const TOO_MANY: Ede = { code: 0, text: 'too many questions are under way' };
const CACHED_ERROR: Ede = { code: 13 };
const PROHIBITED: Ede = { code: 18 };
const STALE_NXDOMAIN: Ede = { code: 19 };
const STALE: Ede = { code: EDE.STALE_ANSWER };
const UNREACHABLE: Ede = { code: EDE.NO_REACHABLE_AUTHORITY };

/** What is known about a name outside our zones. */
export interface OutsideView {
  /** Whether the client gets answers for names outside. */
  readonly allowed: boolean;
  /** A name that is answered here and never asked for elsewhere (RFC 6761, RFC 6303). */
  readonly special: { readonly kind: string; readonly records: readonly string[] } | undefined;
  /** The zone of `dns.zoneResolvers` that holds it. */
  readonly zone: string | undefined;
  /** Whom to ask; nobody else. */
  readonly resolvers: readonly { readonly address: string; readonly down: boolean }[];
  readonly cached:
    | {
        readonly kind: string;
        readonly rcode: string;
        /** Below 0: it is given only while resolvers fail. */
        readonly secondsLeft: number;
        readonly records: readonly string[];
      }
    | undefined;
}

interface Outcome {
  readonly packed: Packed;
  /** Nobody answered; the failure is ours. */
  readonly unreachable: boolean;
}

/** A question on its way to resolvers, for everybody who asks it meanwhile. */
interface Work {
  readonly startedMs: number;
  readonly outcome: Promise<Outcome>;
}

/**
 * Answers for names outside of our zones (mesos-dns.md §8): from what is kept, else from other resolvers, whose answers are kept. The same
 * question asked again while it is under way joins the first one, so that a flood of one question does not help somebody
 * who guesses ids.
 */
export class Resolver {
  readonly cache: AnswerCache;
  readonly upstreams: Upstreams;
  /** For metrics. */
  staleAnswers = 0;
  prefetches = 0;
  rejectedForLimits = 0;
  readonly #settings: ResolverSettings;
  readonly #clock: Clock;
  readonly #counters: DnsCounters;
  readonly #log: Logger;
  readonly #recursion: Permission;
  readonly #quota: Quota;
  readonly #works = new Map<string, Work>();
  #closed = false;

  constructor(parts: ResolverParts) {
    const { settings, clock } = parts;
    this.#settings = settings;
    this.#clock = clock;
    this.#counters = parts.counters;
    this.#log = parts.log;
    this.#recursion = parts.recursion;
    this.#quota = new Quota(settings.maxForwards, settings.upstreams.maxShareOfOneClient);
    this.cache = new AnswerCache(settings.cache, clock);
    this.upstreams = new Upstreams(
      { ...parts, settings: settings.upstreams, timeoutMs: settings.timeoutMs },
      settings,
    );
  }

  /** Different questions that wait for a resolver now. */
  get underWay(): number {
    return this.#works.size;
  }

  /** Ask nobody any more; what is under way ends with SERVFAIL. */
  close(): void {
    this.#closed = true;
    this.upstreams.close();
  }

  /**
   * The whole reply for a query that was admitted and is not for a zone of ours; `bytes` is read before this returns. The promise is
   * not rejected for anything that clients or resolvers do.
   */
  async resolve(
    query: Query,
    bytes: Uint8Array,
    transport: DnsTransport,
    client: { readonly ip: string | undefined },
  ): Promise<Uint8Array> {
    const asker: Asker = { query, transport, question: copyOf(bytes, HEADER_BYTES, questionEnd(bytes)) };
    const asked = askedBy(query);
    if (!this.#recursion.allows(client.ip)) return this.#refuse(asked, asker, PROHIBITED);
    const local = this.#local(asked);
    if (local) return this.#render(local, asker);
    if (this.upstreams.for(asked.name).length === 0) return this.#refuse(asked, asker);
    const kept = this.cache.find(asked.key);
    if (kept && (this.cache.isFresh(kept) || this.cache.isResting(kept))) {
      return this.#fromCache(kept, asked, asker);
    }
    return this.#fromUpstreams(asked, asker, clientKey(client.ip), kept);
  }

  /** What would become of a question of `ip`, and what is kept about it. Asks nobody and changes nothing. `name` is folded. */
  describe(name: string, type: number, ip: string | undefined): OutsideView {
    const plain = { name, type, dnssecOk: false, checkingDisabled: false, recursionDesired: true };
    const asked = askedOf(plain);
    const kept = this.cache.peek(asked.key) ?? this.cache.peek(askedOf({ ...plain, dnssecOk: true }).key);
    const local = this.#local(asked);
    return {
      allowed: this.#recursion.wouldAllow(ip),
      special: local && { kind: local.kind, records: recordLines(local.bytes) },
      zone: this.upstreams.zoneOf(name),
      resolvers: this.upstreams.for(name).map(({ name: address, down }) => ({ address, down })),
      cached: kept && {
        kind: kept.packed.kind,
        rcode: rcodeName(kept.packed.rcode),
        secondsLeft: this.cache.secondsLeft(kept),
        records: recordLines(kept.packed.bytes),
      },
    };
  }

  #refuse(asked: Asked, asker: Asker, ede?: Ede): Uint8Array {
    return this.#render(packedFailure(asked, RCODE.REFUSED), asker, { recursionAvailable: false, ede });
  }

  /** Special names, unless somebody was named to ask for just them. */
  #local(asked: Asked): Packed | undefined {
    if (!this.#settings.localZones || this.upstreams.zoneOf(asked.name) !== undefined) return undefined;
    const answer = localAnswer(asked);
    return answer && pack(answer, asked, { minTtlSeconds: 0, maxTtlSeconds: Infinity });
  }

  #fromCache(kept: Kept, asked: Asked, asker: Asker): Uint8Array {
    if (!this.cache.isFresh(kept)) return this.#stale(kept, asker);
    kept.hits++;
    this.cache.hits++;
    if (this.cache.isDue(kept) && this.#works.size < this.#settings.maxForwards && !this.#closed) {
      kept.renewing = true;
      this.prefetches++;
      if (!this.#works.has(asked.key)) this.#begin(asked, 'udp');
    }
    const { packed } = kept;
    if (packed.kind !== 'failure')
      return this.#render(packed, asker, { ageSeconds: this.cache.ageSeconds(kept) });
    return this.#render(packed, asker, { ede: kept.unreachable ? UNREACHABLE : CACHED_ERROR });
  }

  async #fromUpstreams(
    asked: Asked,
    asker: Asker,
    client: string,
    kept: Kept | undefined,
  ): Promise<Uint8Array> {
    this.cache.misses++;
    const entered = !this.#closed && this.#quota.enter(client);
    const work = entered ? this.#join(asked, asker.transport) : undefined;
    try {
      if (!work) return this.#atLimit(asked, asker, kept);
      const outcome = kept ? await this.#inTime(work) : await work.outcome;
      if (kept && (!outcome || outcome.packed.kind === 'failure')) return this.#stale(kept, asker);
      if (!outcome) return this.#atLimit(asked, asker, undefined);
      return this.#render(outcome.packed, asker, { ede: outcome.unreachable ? UNREACHABLE : undefined });
    } finally {
      if (entered) this.#quota.leave(client);
    }
  }

  #atLimit(asked: Asked, asker: Asker, kept: Kept | undefined): Uint8Array {
    this.rejectedForLimits++;
    if (kept) return this.#stale(kept, asker);
    return this.#render(packedFailure(asked), asker, { ede: TOO_MANY });
  }

  #stale(kept: Kept, asker: Asker): Uint8Array {
    this.staleAnswers++;
    const ede = kept.packed.kind === 'nxdomain' ? STALE_NXDOMAIN : STALE;
    return this.#render(kept.packed, asker, { ttlSeconds: STALE_TTL_SECONDS, ede });
  }

  /** The question as it is under way, or on its way from now on; undefined when there are too many. */
  #join(asked: Asked, transport: DnsTransport): Work | undefined {
    const work = this.#works.get(asked.key);
    if (work) return work;
    return this.#works.size < this.#settings.maxForwards ? this.#begin(asked, transport) : undefined;
  }

  #begin(asked: Asked, transport: DnsTransport): Work {
    const outcome = this.upstreams
      .ask(asked, transport)
      .then((answer) => {
        const limits = this.cache.ttlLimits(answer?.kind ?? 'failure');
        const packed = answer && pack(answer, asked, limits);
        return this.#keep(asked, packed, answer?.ttlSeconds ?? 0);
      })
      .catch((error: unknown) => {
        this.#log.error({ error, name: asked.name }, 'a forwarded question failed');
        return { packed: packedFailure(asked), unreachable: true };
      })
      .finally(() => this.#works.delete(asked.key));
    const work = { startedMs: this.#clock.monotonic(), outcome };
    this.#works.set(asked.key, work);
    return work;
  }

  #keep(asked: Asked, packed: Packed | undefined, ttlSeconds: number): Outcome {
    const outcome = { packed: packed ?? packedFailure(asked), unreachable: packed === undefined };
    if (!isCacheable(asked) || outcome.packed.truncated || this.#closed) return outcome;
    if (outcome.packed.kind === 'failure') {
      this.cache.storeFailure(asked.key, outcome.packed, outcome.unreachable);
    } else this.cache.store(asked.key, outcome.packed, ttlSeconds);
    return outcome;
  }

  /** The outcome, or undefined when clients with an old answer at hand have waited long enough for it. */
  async #inTime(work: Work): Promise<Outcome | undefined> {
    const left = work.startedMs + this.#settings.cache.staleAnswerMs - this.#clock.monotonic();
    if (left <= 0) return undefined;
    return new Promise((resolve) => {
      const timer = this.#clock.after(left, () => resolve(undefined));
      void work.outcome.then((outcome) => {
        timer.cancel();
        resolve(outcome);
      });
    });
  }

  #render(packed: Packed, asker: Asker, options: Partial<RenderOptions> = {}): Uint8Array {
    const { udpPayloadBytes, setTruncateBit } = this.#settings;
    const { bytes, cut } = render(packed, asker, { udpPayloadBytes, setTruncateBit, ...options });
    if (cut) this.#counters.truncated++;
    return bytes;
  }
}
