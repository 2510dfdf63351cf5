import type { Fields } from './fields.ts';

/** Room for any head within the limits plus what we add; it grows when a configuration allows more. */
const INITIAL_BYTES = 32 * 1024;
/** Up to here copying byte by byte costs less than a view and a call. */
const SHORT = 64;
/** Views of the scratch buffer that are kept, a power of two. */
const VIEWS = 256;

/** Writes heads into one scratch buffer that is used again for every message. */
export class HeadWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #length = 0;
  /** Of some lengths: heads are of the same few lengths most of the time. */
  readonly #views: (Uint8Array | undefined)[] = Array.from({ length: VIEWS }, () => undefined);

  begin(): this {
    this.#length = 0;
    return this;
  }

  get length(): number {
    return this.#length;
  }

  /** Append text of one-byte characters. */
  text(text: string): this {
    const n = text.length;
    this.#room(n);
    const bytes = this.#bytes;
    const at = this.#length;
    for (let i = 0; i < n; i++) bytes[at + i] = text.charCodeAt(i);
    this.#length = at + n;
    return this;
  }

  /** Append constant bytes, for less than the same as text. */
  raw(part: Uint8Array): this {
    const n = part.length;
    this.#room(n);
    const bytes = this.#bytes;
    const at = this.#length;
    if (n < 48) for (let i = 0; i < n; i++) bytes[at + i] = part[i] as number;
    else bytes.set(part, at);
    this.#length = at + n;
    return this;
  }

  /** Append a range of bytes. */
  copy(bytes: Uint8Array, start: number, end: number): this {
    const n = end - start;
    if (n <= 0) return this;
    this.#room(n);
    const to = this.#bytes;
    const at = this.#length;
    if (n < SHORT) for (let i = 0; i < n; i++) to[at + i] = bytes[start + i] as number;
    else to.set(bytes.subarray(start, end), at);
    this.#length = at + n;
    return this;
  }

  /**
   * Append the field lines for which `keep` has a 1 at the field's index; neighbours are copied in one go. `first`: where
   * the line before them begins, which is copied as well; there must be fields then.
   */
  fields(fields: Fields, keep: Uint8Array, first = -1): this {
    const bytes = fields.bytes;
    let from = first;
    for (let i = 0; i < fields.count; i++) {
      if (keep[i] === 1) {
        if (from < 0) from = fields.nameStart[i] as number;
      } else if (from >= 0) {
        this.copy(bytes, from, fields.nameStart[i] as number);
        from = -1;
      }
    }
    if (from >= 0) this.copy(bytes, from, fields.lineEnd[fields.count - 1] as number);
    return this;
  }

  /** What was written, valid until the next `begin`. */
  view(): Uint8Array {
    const n = this.#length;
    const slot = n & (VIEWS - 1);
    const view = this.#views[slot];
    if (view?.length === n) return view;
    return (this.#views[slot] = this.#bytes.subarray(0, n));
  }

  /** What was written, followed by `tail` from `start` to `end`, in memory of the caller's choice. */
  take(
    alloc: (size: number) => Uint8Array,
    tail?: Uint8Array,
    start = 0,
    end = tail?.length ?? 0,
  ): Uint8Array {
    const more = tail !== undefined && end > start ? end - start : 0;
    const out = alloc(this.#length + more);
    out.set(this.view(), 0);
    if (tail !== undefined && more > 0) out.set(tail.subarray(start, end), this.#length);
    return out;
  }

  /** Put what was written into `bytes`, ending before `end`. */
  placeBefore(bytes: Uint8Array, end: number): void {
    bytes.set(this.view(), end - this.#length);
  }

  #room(n: number): void {
    if (this.#length + n <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + n));
    bigger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bigger;
    this.#views.fill(undefined);
  }
}
