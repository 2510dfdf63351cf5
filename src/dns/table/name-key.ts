import { hashWords } from './layout.ts';

/** A folded name on the wire that begins a buffer of words and is filled up with zeros, as nodes have it. */
export class NameKey {
  readonly bytes = new Uint8Array(256);
  readonly words = new Int32Array(this.bytes.buffer);
  readonly view = new DataView(this.bytes.buffer);
  /** Behind the length of the first label. */
  readonly #text = this.bytes.subarray(1);
  /** 0 for no name. */
  length = 0;
  hash = 0;
  /** Taken from a text of nothing but lower-case letters, digits, hyphens and underscores. */
  plain = false;

  /** Take the name `name[at, end)`. */
  set(name: Uint8Array, at: number, end: number, seed: number): this {
    const { bytes } = this;
    this.plain = false;
    this.#end(end - at);
    for (let i = 0; i < end - at; i++) bytes[i] = name[at + i] as number;
    this.hash = hashWords(this.words, this.length, seed);
    return this;
  }

  /**
   * Take a name as text, absolute and without escapes, if it is of nothing but what names are usually made of: lower-case
   * letters, digits, hyphens and underscores. False when it is not; then the key is of no name.
   */
  setText(text: string, seed: number): boolean {
    const { bytes } = this;
    const end = text.length;
    this.length = 0;
    this.plain = false;
    // Most names are glued together of parts, and the encoder goes over these faster than character by character.
    if (end >= MAX_NAME_BYTES || ENCODER.encodeInto(text, this.#text).written !== end) return false;
    let start = 0;
    for (let i = 1; i <= end; i++) {
      const c = bytes[i] as number;
      if (c === DOT) {
        const n = i - start - 1;
        if (n < 1 || n > 63) return false;
        bytes[start] = n;
        start = i;
      } else if (PLAIN[c] !== 1) return false;
    }
    // The last thing must have been a dot; in its place is the root label.
    if (start !== end || end === 0) return false;
    bytes[end] = 0;
    this.#end(end + 1);
    this.plain = true;
    this.hash = hashWords(this.words, this.length, seed);
    return true;
  }

  /** So long; the bytes that fill its last word up are zeros. What stands before them stays. */
  #end(length: number): void {
    this.length = length;
    for (let i = length; (i & 3) !== 0; i++) this.bytes[i] = 0;
  }
}

const DOT = 46;
const MAX_NAME_BYTES = 255;

const ENCODER = new TextEncoder();

const PLAIN = new Uint8Array(256);
for (const c of 'abcdefghijklmnopqrstuvwxyz0123456789-_') PLAIN[c.charCodeAt(0)] = 1;
