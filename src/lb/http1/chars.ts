/** Byte classes of RFC 9110 §5.5 and RFC 9112, as tables: one lookup per byte. */

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;
export const SEMICOLON = 59;

/** 1: `tchar`; 2: `tchar` other than letters, digits and `-` (worth a second look in field names); 0: not allowed. */
export const TOKEN = new Uint8Array(256);
for (const c of "!#$%&'*+.^_`|~") TOKEN[c.charCodeAt(0)] = 2;
for (const c of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-') TOKEN[c.charCodeAt(0)] = 1;

/** 1: may stand in a field value (HTAB, SP, VCHAR, obs-text). */
export const VALUE = new Uint8Array(256);
VALUE[HTAB] = 1;
for (let c = 32; c < 256; c++) if (c !== 127) VALUE[c] = 1;

/** 1: may stand in a request target as we take it: VCHAR, that is neither blanks nor controls nor bytes above ASCII. */
export const TARGET = new Uint8Array(256);
for (let c = 33; c < 127; c++) TARGET[c] = 1;

/** Value of a hexadecimal digit, 255 otherwise. */
export const HEX = new Uint8Array(256).fill(255);
for (let i = 0; i < 10; i++) HEX[48 + i] = i;
for (let i = 0; i < 6; i++) HEX[65 + i] = HEX[97 + i] = 10 + i;

/** ASCII letters to lower case, all else as it is. */
export const LOWER = new Uint8Array(256);
for (let c = 0; c < 256; c++) LOWER[c] = c >= 65 && c <= 90 ? c + 32 : c;

const VIEWED = 512;
const viewed: (Uint8Array | undefined)[] = Array.from({ length: VIEWED }, () => undefined);
const words: (DataView | undefined)[] = Array.from({ length: VIEWED }, () => undefined);

/**
 * A view of the same bytes to read four at a time, at whatever offset. Making one costs more than it saves, so there is none
 * for what is seen for the first time; engines use their views again.
 */
export function wordsOf(bytes: Uint8Array): DataView | undefined {
  const slot = bytes.length & (VIEWED - 1);
  if (viewed[slot] !== bytes) {
    viewed[slot] = bytes;
    words[slot] = undefined;
    return undefined;
  }
  return (words[slot] ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
}

/** Whether one of four bytes may be none of SP, VCHAR and obs-text, or is above ASCII: worth a closer look. */
export function mayBeControl(four: number): boolean {
  return (((four - 0x20202020) | (four + 0x01010101) | four) & 0x80808080) !== 0;
}

/** Bytes as text, one character per byte (ISO 8859-1). */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= 4096)
    return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
  let text = '';
  for (let i = start; i < end; i += 4096) text += latin1(bytes, i, Math.min(end, i + 4096));
  return text;
}

const REPEATED = 64;
const REPEATED_BYTES = 128;

/**
 * Text out of bytes where the same comes again and again (hosts, targets): a string that is still known is taken instead of
 * being made anew.
 */
export class RepeatedText {
  readonly #known: string[] = Array.from({ length: REPEATED }, () => '');

  of(bytes: Uint8Array, start: number, end: number): string {
    const n = end - start;
    if (n === 0 || n > REPEATED_BYTES) return latin1(bytes, start, end);
    const middle = bytes[start + (n >> 1)] as number;
    const slot = (n * 31 + middle * 7 + (bytes[end - 1] as number)) & (REPEATED - 1);
    const known = this.#known[slot] as string;
    if (isText(bytes, start, n, known)) return known;
    return (this.#known[slot] = latin1(bytes, start, end));
  }
}

function isText(bytes: Uint8Array, start: number, n: number, text: string): boolean {
  if (text.length !== n) return false;
  for (let i = n - 1; i >= 0; i--) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Text of one-byte characters as bytes. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether the bytes are `lower` (given in lower case), letters compared without case. */
export function equalsLower(bytes: Uint8Array, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    if (LOWER[bytes[start + i] as number] !== lower.charCodeAt(i)) return false;
  }
  return true;
}
