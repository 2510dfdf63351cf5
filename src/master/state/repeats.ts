/** So many values are known at once; the newest takes the place of the oldest. */
const MOST = 512;

/** One object for values that are equal and never changed: machines of a cluster are of a few kinds, and say the same of themselves. */
export class Repeats {
  readonly #known = new Map<string, unknown>();

  /** The value, or an equal one that was there before. It has to be what JSON can say. */
  shared<T>(value: T): T {
    if (value === undefined) return value;
    const key = JSON.stringify(value);
    const known = this.#known.get(key);
    if (known !== undefined) return known as T;
    const oldest = this.#known.size < MOST ? undefined : this.#known.keys().next().value;
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(key, value);
    return value;
  }
}
