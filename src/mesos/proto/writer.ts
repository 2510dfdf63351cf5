/**
 * Writes bytes from the end to the beginning: when the length of a message has to be written, its content is there
 * already. One writer is used over and over; what it gives out are copies.
 */
const SMALLEST = 64 * 1024;
/** More than this is not kept for the next message. */
const LARGEST_KEPT = 1024 * 1024;
const SHORT = 48;

export class BackwardWriter {
  #bytes = Buffer.alloc(0);
  /** Where the first byte stands. */
  #at = 0;

  /** Bytes written since the beginning. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** What was written, and an empty writer. */
  take(): Uint8Array {
    const out = Uint8Array.prototype.slice.call(this.#bytes, this.#at);
    this.clear();
    return out;
  }

  clear(): void {
    if (this.#bytes.length > LARGEST_KEPT) this.#bytes = Buffer.alloc(0);
    this.#at = this.#bytes.length;
  }

  /** A number of at most 32 bits without sign. */
  varint(value: number): void {
    let at = this.#reserve(
      value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5,
    );
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at] = rest;
  }

  /** A whole number of 64 bits, negative ones in two's complement. */
  varint64(value: number): void {
    if (value >= 0 && value <= 0xffffffff) return this.varint(value);
    let low = value >>> 0;
    let high = Math.floor(value / 0x100000000) >>> 0;
    let length = 1;
    for (let [l, h] = [low, high]; h > 0 || l > 0x7f; length++) {
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    let at = this.#reserve(length);
    while (high > 0 || low > 0x7f) {
      this.#bytes[at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[at] = low;
  }

  double(value: number): void {
    const at = this.#reserve(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  /** UTF-8, with its length before it. */
  text(value: string): void {
    const length = value.length;
    if (length > SHORT || !this.#ascii(value)) {
      const bytes = Buffer.byteLength(value, 'utf8');
      const at = this.#reserve(bytes);
      this.#bytes.write(value, at, bytes, 'utf8');
      return this.varint(bytes);
    }
    this.varint(length);
  }

  /** The bytes that base64 stands for, with their length before them. */
  base64(value: string): void {
    const bytes = Buffer.from(value, 'base64');
    const at = this.#reserve(bytes.length);
    bytes.copy(this.#bytes, at);
    this.varint(bytes.length);
  }

  /** As it is. */
  ascii(value: string): void {
    const at = this.#reserve(value.length);
    this.#bytes.write(value, at, value.length, 'latin1');
  }

  /** Whether it was ASCII, and so was written. */
  #ascii(value: string): boolean {
    const { length } = this;
    const at = this.#reserve(value.length);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#at = this.#bytes.length - length;
        return false;
      }
      this.#bytes[at + i] = code;
    }
    return true;
  }

  /** Where to write so many bytes. */
  #reserve(count: number): number {
    if (this.#at < count) this.#grow(count);
    this.#at -= count;
    return this.#at;
  }

  #grow(count: number): void {
    const { length } = this;
    const grown = Buffer.allocUnsafeSlow(Math.max(SMALLEST, this.#bytes.length * 2, length + count));
    this.#bytes.copy(grown, grown.length - length, this.#at);
    this.#bytes = grown;
    this.#at = grown.length - length;
  }
}
