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

/**
 * Finds values again that were seen not long ago, for kinds of which some repeat often and others never do: each has one
 * place where it may be, and the newer takes it from the older.
 */
export class Recent<T> {
  readonly #places: (T | undefined)[] = Array.from({ length: PLACES }, () => undefined);
  readonly #same: (a: T, b: T) => boolean;

  constructor(same: (a: T, b: T) => boolean) {
    this.#same = same;
  }

  /** `value`, or the same one from before. `hash`: any 32 bits that follow from the value. */
  of(value: T, hash: number): T {
    const place = (Math.imul(hash, 0x9e3779b1) >>> 19) % PLACES;
    const known = this.#places[place];
    if (known !== undefined && this.#same(known, value)) return known;
    this.#places[place] = value;
    return value;
  }
}

const PLACES = 8_192;

const recentTexts = new Recent<string>((a, b) => a === b);

/** `text` as another one has it already, perhaps. For what may repeat or be another for each entity. */
export function recentText(text: string): string {
  return recentTexts.of(text, textHash(text));
}

/** Of a few characters only: it decides about a place, and nothing else. */
export function textHash(text: string): number {
  const { length } = text;
  let hash = length;
  const step = 1 + (length >> 3);
  for (let i = length - 1; i >= 0; i -= step) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}
