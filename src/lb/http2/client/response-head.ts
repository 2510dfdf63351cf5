import type { OutBuffer } from '../frames/index.ts';
import { Kind } from '../hpack/index.ts';
import type { FieldBlock } from '../hpack/index.ts';

const MAX_LENGTH_DIGITS = 15;

/** The head of an answer on its way from HTTP/2 to HTTP/1.1 (RFC 9113 §8.3.2). Valid until the next one is read. */
export class ResponseHead {
  status = 0;
  /** Content-Length, -1 without one. */
  length = -1;
  #statusField = -1;

  /** Judge the block. False: malformed. */
  read(block: FieldBlock): boolean {
    this.length = -1;
    this.#statusField = -1;
    if (block.tooLarge) return false;
    for (let i = 0; i < block.count; i++) {
      const kind = block.kind[i] as number;
      if (kind === Kind.OTHER || kind === Kind.COOKIE || kind === Kind.TE || kind === Kind.HOST) continue;
      if (kind === Kind.STATUS) {
        if (i !== 0) return false;
        this.#statusField = i;
      } else if (kind !== Kind.CONTENT_LENGTH || this.length >= 0) return false;
      else {
        this.length = number(block, i, MAX_LENGTH_DIGITS);
        if (this.length < 0) return false;
      }
    }
    if (this.#statusField !== 0) return false;
    this.status = number(block, 0, 3);
    return this.status >= 100 && this.status !== 101;
  }

  /** Write status line and fields, without the framing of the body and the empty line. */
  write(block: FieldBlock, out: OutBuffer): void {
    out.text('HTTP/1.1 ');
    out.copy(block.bytes, (block.nameEnd[0] as number) + 2, block.valueEnd[0] as number);
    out.text(' \r\n');
    this.writeFields(block, out);
  }

  writeFields(block: FieldBlock, out: OutBuffer): void {
    if (block.count > 1) out.copy(block.bytes, block.nameStart[1] as number, block.length);
  }
}

/** The value as a number of decimal digits, -1 when it is none. */
function number(block: FieldBlock, i: number, maxDigits: number): number {
  const start = (block.nameEnd[i] as number) + 2;
  const end = block.valueEnd[i] as number;
  if (end === start || end - start > maxDigits) return -1;
  let value = 0;
  for (let p = start; p < end; p++) {
    const digit = (block.bytes[p] as number) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
