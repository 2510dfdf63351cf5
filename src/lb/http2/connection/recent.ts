const REMEMBERED = 128;

/** The streams that we reset last: what the peer had sent before it knew is no fault of it (RFC 9113 §5.4.2). */
export class RecentResets {
  readonly #ids = new Int32Array(REMEMBERED);
  #count = 0;

  add(id: number): void {
    this.#ids[this.#count++ % REMEMBERED] = id;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }
}
