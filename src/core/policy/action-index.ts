import type { AccessRequest } from '../access.ts';
import { unmetByCall } from './conditions.ts';
import type { Conditions } from './conditions.ts';
import { PrefixIndex } from './prefix-index.ts';
import { addressBytes, prefixOf } from './who.ts';
import type { NamedKind, NamedWho, NetworkWho, Who } from './who.ts';

/** No rule fits. */
export const NONE = Number.POSITIVE_INFINITY;

/** A rule, as it is filed: its place in the policy, and what is left to be asked when it is found. */
interface Filed {
  readonly position: number;
  readonly rest: Pick<Conditions, 'effect' | 'methods' | 'paths'> | undefined;
}

/** The first of a row that fits; `best` if none before it does. */
function firstOf(row: readonly Filed[] | undefined, request: AccessRequest, best: number): number {
  if (row === undefined) return best;
  for (const { position, rest } of row) {
    if (position >= best) return best;
    if (rest === undefined || unmetByCall(rest, request) === undefined) return position;
  }
  return best;
}

/** The rules for some subjects, by object. Rows are in the order of the policy. */
class Shelf {
  readonly #any: Filed[] = [];
  readonly #exact = new Map<string, Filed[]>();
  readonly #patterns = new PrefixIndex<Filed[]>();
  #hasPatterns = false;

  file({ on }: Conditions, filed: Filed): void {
    if (on === undefined) this.#any.push(filed);
    for (const pattern of on ?? []) {
      if (pattern.exact === undefined) {
        this.#hasPatterns = true;
        this.#patterns.under(pattern, () => []).push(filed);
      } else {
        const row = this.#exact.get(pattern.exact);
        if (row === undefined) this.#exact.set(pattern.exact, [filed]);
        else row.push(filed);
      }
    }
  }

  first(request: AccessRequest, before: number): number {
    const { object, alias } = request;
    let best = firstOf(this.#any, request, before);
    best = firstOf(this.#exact.get(object), request, best);
    if (alias !== undefined) best = firstOf(this.#exact.get(alias), request, best);
    if (!this.#hasPatterns) return best;
    const inRow = (row: readonly Filed[], least: number): number => firstOf(row, request, least);
    best = this.#patterns.least(object, best, inRow);
    return alias === undefined ? best : this.#patterns.least(alias, best, inRow);
  }
}

/** Shelves by the names of one kind of subject. */
class Names {
  readonly #exact = new Map<string, Shelf>();
  readonly #patterns = new PrefixIndex<Shelf>();
  #hasPatterns = false;

  shelf({ pattern }: NamedWho): Shelf {
    const { exact } = pattern;
    if (exact === undefined) {
      this.#hasPatterns = true;
      return this.#patterns.under(pattern, () => new Shelf());
    }
    let shelf = this.#exact.get(exact);
    if (shelf === undefined) this.#exact.set(exact, (shelf = new Shelf()));
    return shelf;
  }

  first(name: string, request: AccessRequest, before: number): number {
    const best = this.#exact.get(name)?.first(request, before) ?? before;
    if (!this.#hasPatterns) return best;
    return this.#patterns.least(name, best, (shelf, least) => shelf.first(request, least));
  }
}

/** Shelves by network: what an address is in is found by its first bits, once for each length of prefix that there is. */
class Networks {
  /** By number of bits, then by the address that they and zeros make. */
  readonly #byBits = new Map<number, Map<string, Shelf>>();

  shelf({ bytes, bits }: NetworkWho): Shelf {
    let networks = this.#byBits.get(bits);
    if (networks === undefined) this.#byBits.set(bits, (networks = new Map<string, Shelf>()));
    const prefix = prefixOf(bytes, bits);
    let shelf = networks.get(prefix);
    if (shelf === undefined) networks.set(prefix, (shelf = new Shelf()));
    return shelf;
  }

  first(address: string | undefined, request: AccessRequest, before: number): number {
    if (address === undefined || this.#byBits.size === 0) return before;
    const bytes = addressBytes(address);
    let best = before;
    for (const [bits, networks] of bytes === undefined ? [] : this.#byBits)
      best = networks.get(prefixOf(bytes as Uint8Array, bits))?.first(request, best) ?? best;
    return best;
  }
}

/** The rules that speak of one action, found by who asks and on what. */
export class ActionIndex {
  readonly #anyone = new Shelf();
  readonly #authenticated = new Shelf();
  readonly #anonymous = new Shelf();
  readonly #networks = new Networks();
  readonly #names: { readonly [K in NamedKind]: Names } = {
    user: new Names(),
    group: new Names(),
    service: new Names(),
    principal: new Names(),
    workload: new Names(),
  };

  /** `rules` by position; those that are undefined speak of something else. */
  constructor(rules: readonly (Conditions | undefined)[]) {
    for (const [position, conditions] of rules.entries()) {
      if (conditions === undefined) continue;
      const { methods, paths } = conditions;
      const rest = methods === undefined && paths === undefined ? undefined : conditions;
      for (const who of conditions.who) this.#shelf(who).file(conditions, { position, rest });
    }
  }

  #shelf(who: Who): Shelf {
    if (who.kind === 'anyone') return this.#anyone;
    if (who.kind === 'authenticated') return this.#authenticated;
    if (who.kind === 'anonymous') return this.#anonymous;
    if (who.kind === 'network') return this.#networks.shelf(who);
    return this.#names[who.kind].shelf(who);
  }

  /** The place of the rule that decides, or NONE. */
  first(request: AccessRequest): number {
    const { kind, name, groups, address } = request.subject;
    let best = this.#anyone.first(request, NONE);
    best = this.#networks.first(address, request, best);
    if (kind === 'anonymous') return this.#anonymous.first(request, best);
    best = this.#authenticated.first(request, best);
    best = this.#names[kind].first(name, request, best);
    for (const group of groups) best = this.#names.group.first(group, request, best);
    return best;
  }
}
