import type { Pattern } from './pattern.ts';

interface Filed<T> {
  readonly pattern: Pattern;
  readonly value: T;
}

/** Values under patterns: what may match a text is found by the segments without a star that a pattern begins with. */
export class PrefixIndex<T> {
  /** By number of those segments, then by the segments. */
  readonly #byCount = new Map<number, Map<string, Filed<T>[]>>();

  /** The value under a pattern, made if there is none yet. */
  under(pattern: Pattern, make: () => T): T {
    const count = pattern.literalSegments;
    let byPrefix = this.#byCount.get(count);
    if (byPrefix === undefined) this.#byCount.set(count, (byPrefix = new Map<string, Filed<T>[]>()));
    const prefix = pattern.literalPrefix;
    let filed = byPrefix.get(prefix);
    if (filed === undefined) byPrefix.set(prefix, (filed = []));
    const known = filed.find((one) => one.pattern.text === pattern.text);
    if (known !== undefined) return known.value;
    const value = make();
    filed.push({ pattern, value });
    return value;
  }

  /** Call `f` with the least so far and each value whose pattern matches `text`; returns the last answer of `f`. */
  least(text: string, best: number, f: (value: T, best: number) => number): number {
    let least = best;
    for (const [count, byPrefix] of this.#byCount) {
      const prefix = firstSegments(text, count);
      const filed = prefix === undefined ? undefined : byPrefix.get(prefix);
      if (filed === undefined) continue;
      for (const { pattern, value } of filed) if (pattern.test(text)) least = f(value, least);
    }
    return least;
  }
}

/** Undefined: it has not so many. */
function firstSegments(text: string, count: number): string | undefined {
  if (count === 0) return '';
  let at = -1;
  for (let i = 0; i < count; i++) {
    if (i > 0 && at >= text.length) return undefined;
    const slash = text.indexOf('/', at + 1);
    at = slash < 0 ? text.length : slash;
  }
  return text.slice(0, at);
}
