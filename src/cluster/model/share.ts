/**
 * Values that many entities have in common, once instead of once for each: 100,000 tasks name some thousand agents and
 * a thousand ports. A table that is full begins anew; nothing is wrong without it, only larger.
 */
class Shared<K, V> {
  readonly #values = new Map<K, V>();
  readonly #make: (key: K) => V;

  constructor(make: (key: K) => V) {
    this.#make = make;
  }

  of(key: K): V {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    if (this.#values.size >= MAX_SHARED) this.#values.clear();
    const value = this.#make(key);
    this.#values.set(key, value);
    return value;
  }
}

const MAX_SHARED = 16_384;
const MAX_SHARED_LENGTH = 128;

const texts = new Shared<string, string>((text) => text);
const singles = new Shared<number, readonly number[]>((n) => [n]);

/** `text` as others have it already. For what repeats from entity to entity. */
export function sharedText(text: string): string {
  return text.length > MAX_SHARED_LENGTH ? text : texts.of(text);
}

/** A list of numbers as others have it already. */
export function sharedNumbers(list: readonly number[]): readonly number[] {
  const [only] = list;
  return only !== undefined && list.length === 1 ? singles.of(only) : compact(list);
}

/** Most entities have nothing of most kinds: they all share this nothing. */
export const NOTHING: readonly never[] = Object.freeze([]);

/** The same list with no room to grow: one that values were pushed to holds room for sixteen more. */
export function compact<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NOTHING : list.slice();
}

const lists = new Map<string, readonly unknown[]>();

/** A list of one, as others with the same `key` have it already. The key must say everything that is in it. */
export function sharedList<T>(key: string, list: readonly T[]): readonly T[] {
  const known = lists.get(key);
  if (known) return known as readonly T[];
  if (lists.size >= MAX_SHARED) lists.clear();
  if (key.length <= MAX_SHARED_LENGTH) lists.set(key, list);
  return list;
}
