/** Finds what is there for a name: what is for the name itself, or else what is for `*.` and the name without its first label. */
export class NameIndex<T> {
  readonly #exact = new Map<string, T>();
  readonly #wild = new Map<string, T>();

  /** `pattern`: a name or `*.suffix`, lower case. What is there first stays. */
  add(pattern: string, value: T): void {
    const [map, key] = pattern.startsWith('*.')
      ? ([this.#wild, pattern.slice(2)] as const)
      : ([this.#exact, pattern] as const);
    if (!map.has(key)) map.set(key, value);
  }

  /** RFC 9525 §6.3: the star stands for one whole label. */
  find(name: string): T | undefined {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    return dot > 0 ? this.#wild.get(name.slice(dot + 1)) : undefined;
  }
}
