/** SHA-1 (FIPS 180-4) of a short text in UTF-8. Names of tasks carry a piece of it; it protects nothing. */
export function sha1(text: string): Uint8Array {
  hash(text);
  const out = new Uint8Array(20);
  for (let i = 0; i < 20; i++) out[i] = (h[i >> 2] as number) >>> (24 - 8 * (i & 3));
  return out;
}

/** Its first 32 bits, as an unsigned number. */
export function sha1Start(text: string): number {
  hash(text);
  return (h[0] as number) >>> 0;
}

function hash(text: string): void {
  const length = put(text);
  const blocks = Math.ceil((length + 9) / 64);
  bytes.fill(0, length, blocks * 64);
  bytes[length] = 0x80;
  view.setUint32(blocks * 64 - 8, Math.floor(length / 0x20000000));
  view.setUint32(blocks * 64 - 4, (length << 3) >>> 0);
  h.set(START);
  for (let block = 0; block < blocks; block++) compress(block * 64);
}

const START = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
const h = new Int32Array(5);
const w = new Int32Array(80);
// A hundred thousand task ids are hashed when a cluster is loaded: nothing is allocated for ids of usual length.
let bytes = new Uint8Array(512);
let view = new DataView(bytes.buffer);

/** Write the text to the scratch, with room for the padding; its length in bytes. */
function put(text: string): number {
  const need = 3 * text.length + 128;
  if (need > bytes.length) {
    bytes = new Uint8Array(need);
    view = new DataView(bytes.buffer);
  }
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 127) return new TextEncoder().encodeInto(text, bytes).written;
    bytes[i] = c;
  }
  return text.length;
}

/** The four parts are written out: a function that tells them apart in every round takes three times as long. */
function compress(at: number): void {
  for (let t = 0; t < 16; t++) w[t] = view.getInt32(at + 4 * t);
  for (let t = 16; t < 80; t++) {
    const x = (w[t - 3] as number) ^ (w[t - 8] as number) ^ (w[t - 14] as number) ^ (w[t - 16] as number);
    w[t] = (x << 1) | (x >>> 31);
  }
  let a = h[0] as number;
  let b = h[1] as number;
  let c = h[2] as number;
  let d = h[3] as number;
  let e = h[4] as number;
  for (let t = 0; t < 20; t++) {
    const f = ((d ^ (b & (c ^ d))) + (0x5a827999 | 0)) | 0;
    const next = (((((a << 5) | (a >>> 27)) + f) | 0) + ((e + (w[t] as number)) | 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 20; t < 40; t++) {
    const f = ((b ^ c ^ d) + (0x6ed9eba1 | 0)) | 0;
    const next = (((((a << 5) | (a >>> 27)) + f) | 0) + ((e + (w[t] as number)) | 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 40; t < 60; t++) {
    const f = (((b & c) | (d & (b | c))) + (0x8f1bbcdc | 0)) | 0;
    const next = (((((a << 5) | (a >>> 27)) + f) | 0) + ((e + (w[t] as number)) | 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 60; t < 80; t++) {
    const f = ((b ^ c ^ d) + (0xca62c1d6 | 0)) | 0;
    const next = (((((a << 5) | (a >>> 27)) + f) | 0) + ((e + (w[t] as number)) | 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  h[0] = ((h[0] as number) + a) | 0;
  h[1] = ((h[1] as number) + b) | 0;
  h[2] = ((h[2] as number) + c) | 0;
  h[3] = ((h[3] as number) + d) | 0;
  h[4] = ((h[4] as number) + e) | 0;
}
