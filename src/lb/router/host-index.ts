import { HostRules } from './host-rules.ts';
import type { Rule } from './rule.ts';
import { ShardedMap } from './sharded-map.ts';
import type { Route, RouteQuery } from './types.ts';

const DOT = 46;

/**
 * The rules of one listener by host. Hosts are tried from the exact name over ever shorter wildcards to `*`, unless a
 * rule further on has a higher priority. Never changes; `with` keeps the rules of hosts that are not named.
 */
export class HostIndex {
  readonly #hosts: ShardedMap<HostRules>;
  /** Those of `*.suffix` by the hash of `.suffix`, so that walking over a host's suffixes allocates nothing. */
  readonly #suffixes: ReadonlyMap<number, readonly Suffix[]>;
  readonly #any: HostRules | undefined;
  /** Highest priority among wildcards and `*`: a match by exact host of at least this is final. */
  readonly #fallback: number;

  private constructor(
    hosts: ShardedMap<HostRules>,
    suffixes: ReadonlyMap<number, readonly Suffix[]>,
    fallback: number,
  ) {
    this.#hosts = hosts;
    this.#any = hosts.get('*');
    this.#suffixes = suffixes;
    this.#fallback = fallback;
  }

  static readonly empty = new HostIndex(ShardedMap.empty(), new Map(), Number.NEGATIVE_INFINITY);

  get size(): number {
    return this.#hosts.size;
  }

  hosts(): ShardedMap<HostRules> {
    return this.#hosts;
  }

  /** The index with other rules for some hosts; no routes take the host away. */
  with(changed: ReadonlyMap<string, readonly Route[]>): HostIndex {
    const rules: (readonly [string, HostRules | undefined])[] = [];
    for (const [host, routes] of changed)
      rules.push([host, routes.length === 0 ? undefined : new HostRules(routes)]);
    const hosts = this.#hosts.with(rules);
    const wild = rules.filter(([host]) => host.startsWith('*.'));
    const suffixes = wild.length === 0 ? this.#suffixes : suffixesWith(this.#suffixes, wild);
    const same = wild.length === 0 && !changed.has('*');
    return new HostIndex(hosts, suffixes, same ? this.#fallback : highest(suffixes, hosts.get('*')));
  }

  match(query: RouteQuery): Rule | undefined {
    const exact = this.#hosts.get(query.host)?.match(query);
    if (exact !== undefined && exact.route.priority >= this.#fallback) return exact;
    const { host } = query;
    const wild = this.#suffixes.size === 0 ? undefined : this.#longest(query, host.length, 0);
    return higher(higher(exact, wild), this.#any?.match(query));
  }

  /**
   * The match among wildcards for the suffixes of the host that begin left of `end`, the longest first; `hash` is that of
   * the text from `end` on.
   */
  #longest(query: RouteQuery, end: number, hash: number): Rule | undefined {
    let h = hash;
    for (let i = end - 1; i >= 0; i--) {
      const c = query.host.charCodeAt(i);
      h = step(h, c);
      if (c !== DOT) continue;
      const longer = this.#longest(query, i, h);
      return higher(longer, this.#at(query.host, i, h)?.match(query));
    }
    return undefined;
  }

  #at(host: string, dot: number, hash: number): HostRules | undefined {
    const same = this.#suffixes.get(hash);
    if (same === undefined) return undefined;
    for (const { suffix, rules } of same) {
      if (suffix.length === host.length - dot && host.endsWith(suffix)) return rules;
    }
    return undefined;
  }

  /** The rules of all hosts that fit, from the exact name on. */
  levels(host: string): HostRules[] {
    const levels: HostRules[] = [];
    const push = (rules: HostRules | undefined): void => void (rules && levels.push(rules));
    if (host !== '*') push(this.#hosts.get(host));
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1))
      push(this.#hosts.get(`*${host.slice(dot)}`));
    push(this.#any);
    return levels;
  }
}

interface Suffix {
  /** With its dot. */
  readonly suffix: string;
  readonly rules: HostRules;
}

/** Copied as a whole, which is cheap enough: wildcards are few. */
function suffixesWith(
  before: ReadonlyMap<number, readonly Suffix[]>,
  changes: readonly (readonly [host: string, rules: HostRules | undefined])[],
): ReadonlyMap<number, readonly Suffix[]> {
  const suffixes = new Map(before);
  for (const [host, rules] of changes) {
    const suffix = host.slice(1);
    let hash = 0;
    for (let i = suffix.length - 1; i >= 0; i--) hash = step(hash, suffix.charCodeAt(i));
    const others = (suffixes.get(hash) ?? []).filter((one) => one.suffix !== suffix);
    if (rules !== undefined) suffixes.set(hash, [...others, { suffix, rules }]);
    else if (others.length > 0) suffixes.set(hash, others);
    else suffixes.delete(hash);
  }
  return suffixes;
}

/** The highest priority among wildcards and `*`. */
function highest(suffixes: ReadonlyMap<number, readonly Suffix[]>, any: HostRules | undefined): number {
  let priority = any?.priority ?? Number.NEGATIVE_INFINITY;
  for (const same of suffixes.values())
    for (const { rules } of same) priority = Math.max(priority, rules.priority);
  return priority;
}

/** FNV-1a, one character. Whoever finds collisions gains a few comparisons. */
const step = (hash: number, c: number): number => Math.imul(hash ^ c, 0x01000193) | 0;

/** The later match only if its priority is higher. */
function higher(first: Rule | undefined, later: Rule | undefined): Rule | undefined {
  if (first === undefined) return later;
  return later !== undefined && later.route.priority > first.route.priority ? later : first;
}
