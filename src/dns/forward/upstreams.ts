import { rcodeName } from '../wire/index.ts';
import type { Peer } from '../../net/index.ts';
import type { DnsTransport } from '../metrics.ts';
import { ipBytes } from '../zone/index.ts';
import type { Answer } from './answer.ts';
import type { Asked } from './question.ts';
import { Upstream } from './upstream.ts';
import type { UpstreamParts } from './upstream.ts';

export interface UpstreamAddresses {
  readonly resolvers: readonly Peer[];
  /** Lower-case absolute names of zones, with the resolvers that alone are asked for them. */
  readonly zoneResolvers: ReadonlyMap<string, readonly Peer[]>;
}

/** All resolvers, and which of them to ask for a name, in which order. */
export class Upstreams {
  readonly #parts: UpstreamParts;
  readonly #known = new Map<string, Upstream>();
  readonly #general: readonly Upstream[];
  readonly #zones = new Map<string, readonly Upstream[]>();
  readonly #failoverOn: ReadonlySet<string>;
  #closed = false;

  constructor(parts: UpstreamParts, addresses: UpstreamAddresses) {
    this.#parts = parts;
    this.#failoverOn = new Set(parts.settings.failoverOn);
    this.#general = addresses.resolvers.map((peer) => this.#upstream(peer));
    for (const [zone, peers] of addresses.zoneResolvers) {
      this.#zones.set(
        zone,
        peers.map((peer) => this.#upstream(peer)),
      );
    }
  }

  all(): Iterable<Upstream> {
    return this.#known.values();
  }

  /** The longest zone with resolvers of its own that holds a folded name. One look-up per label of the name. */
  zoneOf(name: string): string | undefined {
    if (this.#zones.size === 0) return undefined;
    for (let rest = name; rest !== ''; rest = rest.slice(rest.indexOf('.') + 1)) {
      if (this.#zones.has(rest)) return rest;
    }
    return undefined;
  }

  /** Who is asked for a folded name; for a zone with resolvers of its own, nobody else. */
  for(name: string): readonly Upstream[] {
    const zone = this.zoneOf(name);
    return (zone === undefined ? undefined : this.#zones.get(zone)) ?? this.#general;
  }

  /**
   * The first answer in the order of the policy, whatever it says, unless the config moves on from its code. A reply of which a part is
   * missing, or with such a code, is the last resort.
   */
  async ask(asked: Asked, transport: DnsTransport): Promise<Answer | undefined> {
    const order = this.#order(this.for(asked.name));
    const atOnce = this.#parts.settings.policy === 'race' ? 2 : 1;
    let resort: Answer | undefined;
    for (let i = 0; i < order.length && !this.#closed; i += atOnce) {
      const asking = order.slice(i, i + atOnce).map((upstream) => upstream.ask(asked, transport));
      const got = await this.#firstOf(asking);
      if (got && this.#isFinal(got)) return got;
      resort ??= got;
    }
    return resort;
  }

  /** Ask nobody any more; what is under way ends without an answer. */
  close(): void {
    this.#closed = true;
    for (const upstream of this.#known.values()) upstream.close();
  }

  /** Those that are down come last: when all are, they are asked all the same. */
  #order(upstreams: readonly Upstream[]): readonly Upstream[] {
    const { settings, random } = this.#parts;
    if (settings.policy === 'sequential')
      return upstreams.toSorted((a, b) => Number(a.down) - Number(b.down));
    const ranked = upstreams.map((upstream) => ({ upstream, draw: random.next() }));
    const rank = (u: Upstream): number => (settings.policy === 'race' ? u.failsInARow : Number(u.down));
    return ranked
      .sort((a, b) => rank(a.upstream) - rank(b.upstream) || a.draw - b.draw)
      .map((r) => r.upstream);
  }

  #isFinal(answer: Answer): boolean {
    return !answer.truncated && !this.#failoverOn.has(rcodeName(answer.rcode));
  }

  /** The first final answer, else the first at all. */
  #firstOf(asking: readonly Promise<Answer | undefined>[]): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      let left = asking.length;
      let any: Answer | undefined;
      for (const one of asking) {
        one.then((answer) => {
          any ??= answer;
          left--;
          if ((answer && this.#isFinal(answer)) || left === 0)
            resolve(answer && this.#isFinal(answer) ? answer : any);
        }, reject);
      }
    });
  }

  /** One for each address, however often it is named: what is known of it is known once. */
  #upstream(peer: Peer): Upstream {
    const key = `${ipBytes(peer.ip)?.join('.') ?? peer.ip} ${peer.port}`;
    let upstream = this.#known.get(key);
    if (!upstream) {
      upstream = new Upstream(this.#parts, peer);
      this.#known.set(key, upstream);
    }
    return upstream;
  }
}
