/**
 * For values that hold what they show in another form, because there are many of them: the names of what they show. They
 * equal whatever shows the same.
 */
export const SHOWN: unique symbol = Symbol('shown');

/** Structural equality of model and catalog values: primitives, arrays, plain objects, and maps (order ignored). */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameArray(a, b);
  if (isMap(a) || isMap(b)) return isMap(a) && isMap(b) && sameMap(a, b);
  const left = a as Shows;
  const right = b as Shows;
  const keys = left[SHOWN] ?? Object.keys(left);
  const others = right[SHOWN] ?? Object.keys(right);
  if (keys.length !== others.length) return false;
  return keys.every((k) => (keys === others || others.includes(k)) && sameValue(left[k], right[k]));
}

type Shows = Readonly<Record<string, unknown>> & { readonly [SHOWN]?: readonly string[] };

/** A `Map`, or what can be read like one. */
export abstract class ReadMap<K, V> implements ReadonlyMap<K, V> {
  abstract readonly size: number;
  abstract get(key: K): V | undefined;
  abstract has(key: K): boolean;
  abstract entries(): MapIterator<[K, V]>;

  *keys(): Generator<K, undefined> {
    for (const [key] of this.entries()) yield key;
  }
  *values(): Generator<V, undefined> {
    for (const [, value] of this.entries()) yield value;
  }
  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
  forEach(f: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) f(value, key, this);
  }
}

function isMap(v: object): v is ReadonlyMap<unknown, unknown> {
  return v instanceof Map || v instanceof ReadMap;
}

function sameArray(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((v, i) => sameValue(v, b[i]));
}

function sameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const [k, v] of a) if (!b.has(k) || !sameValue(v, b.get(k))) return false;
  return true;
}
