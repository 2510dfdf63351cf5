const FIRST = 16;
/** So full the places may be, of a hundred: also with many that are gone there is always a free one. */
const FULL = 85;

/** Values by small integers that are spread evenly (hashes), in less than half the memory of a `Map`. */
export class ByHash<V extends object> {
  /** By place: 0 for never used, else one more than the hash. */
  #hashes = new Int32Array(FIRST);
  #values: (V | undefined)[] = Array.from({ length: FIRST }, () => undefined);
  #used = 0;
  #size = 0;

  /** So many are about to come, or fewer: room for them at once instead of step by step. */
  expect(values: number): void {
    let length = this.#hashes.length;
    while (values * 100 > length * FULL) length *= 2;
    if (length > this.#hashes.length) this.#layOut(length);
  }

  get size(): number {
    return this.#size;
  }

  get(hash: number): V | undefined {
    return this.#values[this.#placeOf(hash)];
  }

  set(hash: number, value: V): void {
    let place = this.#placeOf(hash);
    if (this.#hashes[place] === 0) {
      if ((this.#used + 1) * 100 > this.#hashes.length * FULL) {
        // Twice as many, but where most have gone.
        const many = this.#size * 100 > this.#hashes.length * (FULL - 10);
        this.#layOut(this.#hashes.length * (many ? 2 : 1));
        place = this.#placeOf(hash);
      }
      this.#hashes[place] = hash + 1;
      this.#used++;
    }
    if (this.#values[place] === undefined) this.#size++;
    this.#values[place] = value;
  }

  /** Its place stays with the hash until all is laid out anew. */
  delete(hash: number): void {
    const place = this.#placeOf(hash);
    if (this.#values[place] === undefined) return;
    this.#values[place] = undefined;
    this.#size--;
  }

  /** Where a hash is, or would go. */
  #placeOf(hash: number): number {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    let i = hash & mask;
    while (hashes[i] !== 0 && hashes[i] !== hash + 1) i = (i + 1) & mask;
    return i;
  }

  /** With so many places, all of them for what is there now. */
  #layOut(length: number): void {
    const hashes = this.#hashes;
    const values = this.#values;
    this.#hashes = new Int32Array(length);
    this.#values = Array.from({ length }, () => undefined);
    this.#used = 0;
    this.#size = 0;
    for (const [i, value] of values.entries())
      if (value !== undefined) this.set((hashes[i] as number) - 1, value);
  }
}
