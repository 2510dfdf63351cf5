/** Room for a round of a busy connection: what is sent in one go, and one more frame. */
const POOLED_BYTES = 56 * 1024;
const KEEP = 64;
const NOTHING = new Uint8Array(0);

/** Memory that only those hold who have something to send, so that an idle connection costs none. One for each thread. */
export class OutPool {
  readonly #free: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(POOLED_BYTES);
  }

  give(bytes: Uint8Array): void {
    if (bytes.length === POOLED_BYTES && this.#free.length < KEEP) this.#free.push(bytes);
  }
}

/** Bytes that wait to be sent, written one after the other. */
export class OutBuffer {
  bytes: Uint8Array = NOTHING;
  length = 0;
  readonly #pool: OutPool;

  constructor(pool: OutPool) {
    this.#pool = pool;
  }

  /** Make sure of room for `n` more bytes. */
  room(n: number): void {
    const needed = this.length + n;
    if (needed <= this.bytes.length) return;
    this.#grow(needed);
  }

  /** Append a range of bytes. */
  copy(from: Uint8Array, start: number, end: number): void {
    const n = end - start;
    this.room(n);
    const to = this.bytes;
    const at = this.length;
    if (n < 64) for (let i = 0; i < n; i++) to[at + i] = from[start + i] as number;
    else to.set(start === 0 && end === from.length ? from : from.subarray(start, end), at);
    this.length = at + n;
  }

  /** Append text of one-byte characters. */
  text(text: string): void {
    const n = text.length;
    this.room(n);
    for (let i = 0; i < n; i++) this.bytes[this.length + i] = text.charCodeAt(i);
    this.length += n;
  }

  /** Forget what is in it, and give the memory back. */
  clear(): void {
    this.length = 0;
    this.#pool.give(this.bytes);
    this.bytes = NOTHING;
  }

  #grow(needed: number): void {
    const before = this.bytes;
    if (before === NOTHING && needed <= POOLED_BYTES) this.bytes = this.#pool.take();
    else {
      const bigger = new Uint8Array(Math.max(before.length * 2, needed));
      bigger.set(before.subarray(0, this.length));
      this.bytes = bigger;
      this.#pool.give(before);
    }
  }
}
