import { nameBytes } from './name.ts';

const MAX_POINTER = 0x3fff;

/** A buffer of fixed size that DNS messages are written into, one after the other; it never grows. */
export class Writer {
  readonly #buffer: Uint8Array;
  #offset = 0;
  #overflowed = false;
  /** Where each name (and each of its parents) stands, for compression. */
  readonly #names = new Map<string, number>();

  constructor(size: number) {
    this.#buffer = new Uint8Array(size);
  }

  reset(): void {
    this.rewind(0);
  }

  get offset(): number {
    return this.#offset;
  }

  /** Something did not fit since the last rewind. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** Forget what was written behind `offset`. */
  rewind(offset: number): void {
    this.#offset = offset;
    this.#overflowed = false;
    if (offset === 0) this.#names.clear();
    else for (const [name, at] of this.#names) if (at >= offset) this.#names.delete(name);
  }

  skip(n: number): void {
    if (this.#has(n)) this.#offset += n;
  }

  u16(value: number): void {
    if (!this.#has(2)) return;
    this.#buffer[this.#offset++] = value >> 8;
    this.#buffer[this.#offset++] = value;
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  raw(bytes: Uint8Array): void {
    if (!this.#has(bytes.length)) return;
    if (bytes.length < 24)
      for (let i = 0; i < bytes.length; i++) this.#buffer[this.#offset + i] = bytes[i] as number;
    else this.#buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  /** Write an absolute name, as a pointer as far as it was written before. False when the name has no wire form. */
  name(text: string): boolean {
    const known = this.#names.get(text);
    if (known !== undefined) {
      this.u16(0xc000 | known);
      return true;
    }
    const wire = nameBytes(text);
    if (!wire) return false;
    // `rest` is the text from the current label on; it is looked up before each label is written.
    let rest = text;
    for (let at = 0; wire[at] !== 0;) {
      const pointer = this.#names.get(rest);
      if (pointer !== undefined) {
        this.u16(0xc000 | pointer);
        return true;
      }
      if (this.#offset <= MAX_POINTER) this.#names.set(rest, this.#offset);
      const end = at + (wire[at] as number) + 1;
      this.raw(wire.subarray(at, end));
      rest = rest.slice(rest.indexOf('.') + 1);
      at = end;
    }
    this.raw(wire.subarray(wire.length - 1));
    return true;
  }

  /** Fill in the 12 bytes at the beginning. */
  header(...words: readonly [number, number, number, number, number, number]): void {
    for (let i = 0; i < 6; i++) {
      this.#buffer[2 * i] = (words[i] as number) >> 8;
      this.#buffer[2 * i + 1] = words[i] as number;
    }
  }

  /** What was written so far; shares the buffer. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#offset);
  }

  #has(n: number): boolean {
    if (this.#offset + n <= this.#buffer.length) return true;
    this.#overflowed = true;
    return false;
  }
}
