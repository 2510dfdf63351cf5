/** Bytes that are put together piece by piece. */
export class ByteBuilder {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far, in the first `length` places; holds until the next `add`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
  }

  /** `text` is ASCII. */
  addText(text: string): void {
    this.add(Buffer.from(text, 'latin1'), 0, text.length);
  }

  text(start = 0): string {
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset, this.#length).toString('utf8', start);
  }

  clear(): void {
    this.#length = 0;
  }
}
