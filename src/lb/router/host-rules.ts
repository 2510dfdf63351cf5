import { compareRules } from './order.ts';
import { PrefixTrie } from './prefix-trie.ts';
import { endsSegment, Rule } from './rule.ts';
import type { Route, RouteQuery } from './types.ts';

/** Up to this many rules are tried one after the other; an index would cost more than it saves. */
const FEW = 6;

/** All rules of one host at one listener, in the order in which they are tried. Never changes. */
export class HostRules {
  readonly rules: readonly Rule[];
  /** Some rule asks for more than host and path. */
  readonly looksFurther: boolean;
  /** Highest priority among them. */
  readonly priority: number;
  #index: Index | undefined;

  constructor(routes: readonly Route[]) {
    this.rules = routes.toSorted(compareRules).map((route, rank) => new Rule(route, rank));
    this.looksFurther = this.rules.some((rule) => !rule.plain);
    this.priority = this.rules[0]?.route.priority ?? Number.NEGATIVE_INFINITY;
  }

  /** The first rule that fits. */
  match(query: RouteQuery): Rule | undefined {
    const { rules } = this;
    if (rules.length > FEW) return (this.#index ??= new Index(rules)).match(query);
    for (const rule of rules) if (rule.fits(query)) return rule;
    return undefined;
  }
}

/** Finds the candidates of a path among many rules; the one with the lowest rank is the first in order. */
class Index {
  readonly #exact = new Map<string, Rule[]>();
  readonly #prefixes = new PrefixTrie<Rule>();
  readonly #regexes: Rule[] = [];

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      const { path, pathKind } = rule.route;
      if (pathKind === 'regex') this.#regexes.push(rule);
      else if (pathKind !== 'exact') this.#prefixes.add(path, rule);
      else {
        const same = this.#exact.get(path);
        if (same === undefined) this.#exact.set(path, [rule]);
        else same.push(rule);
      }
    }
  }

  match(query: RouteQuery): Rule | undefined {
    const exact = this.#exact.get(query.path)?.find((rule) => rule.plain || rule.fitsRest(query));
    let best = this.#prefixes.best(query.path, query, exact, better);
    for (const rule of this.#regexes) {
      if (best !== undefined && best.rank < rule.rank) break;
      if (rule.fits(query)) best = rule;
    }
    return best;
  }
}

/** Of rules that share a prefix of the path, in order of rank: the first that fits, if it comes before `best`. */
function better(rules: readonly Rule[], query: RouteQuery, best: Rule | undefined): Rule | undefined {
  for (const rule of rules) {
    if (best !== undefined && best.rank < rule.rank) return best;
    const { path, pathKind } = rule.route;
    if (pathKind === 'segments' && !endsSegment(path, query.path)) continue;
    if (rule.plain || rule.fitsRest(query)) return rule;
  }
  return best;
}
