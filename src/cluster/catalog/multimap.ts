/** Several values under one key. */
export class MultiMap {
  readonly #sets = new Map<string, Set<string>>();

  add(key: string, value: string): void {
    const set = this.#sets.get(key);
    if (set) set.add(value);
    else this.#sets.set(key, new Set([value]));
  }

  delete(key: string, value: string): void {
    const set = this.#sets.get(key);
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
  }

  get(key: string): ReadonlySet<string> {
    return this.#sets.get(key) ?? EMPTY;
  }

  has(key: string): boolean {
    return this.#sets.has(key);
  }
}

const EMPTY: ReadonlySet<string> = new Set();
