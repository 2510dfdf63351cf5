import type { Fields } from './fields.ts';

/** Room for any head within the limits plus what we add; it grows when a configuration allows more. */
const INITIAL_BYTES = 32 * 1024;

/** Writes heads into one scratch buffer that is used again for every message. */
export class HeadWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #length = 0;

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

  /** Append a range of bytes. */
  copy(bytes: Uint8Array, start: number, end: number): this {
    const n = end - start;
    if (n <= 0) return this;
    this.#room(n);
    const to = this.#bytes;
    const at = this.#length;
    if (n < 48) for (let i = 0; i < n; i++) to[at + i] = bytes[start + i] as number;
    else to.set(bytes.subarray(start, end), at);
    this.#length = at + n;
    return this;
  }

  /** Append the field lines for which `keep` has a 1 at the field's index; neighbours are copied in one go. */
  fields(fields: Fields, keep: Uint8Array): this {
    const bytes = fields.bytes;
    let from = -1;
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

  /** What was written, followed by `tail`, in memory of the caller's choice. */
  take(alloc: (size: number) => Uint8Array, tail?: Uint8Array): Uint8Array {
    const out = alloc(this.#length + (tail?.length ?? 0));
    out.set(this.#bytes.subarray(0, this.#length), 0);
    if (tail !== undefined && tail.length > 0) out.set(tail, this.#length);
    return out;
  }

  /** Put what was written into `bytes`, ending before `end`. */
  placeBefore(bytes: Uint8Array, end: number): void {
    bytes.set(this.#bytes.subarray(0, this.#length), end - this.#length);
  }

  #room(n: number): void {
    if (this.#length + n <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + n));
    bigger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bigger;
  }
}
