import { createHash } from 'node:crypto';

/** What derived bytes are for (RFC 7292 appendix B.3). */
export const PURPOSE = { key: 1, iv: 2, mac: 3 } as const;

const BLOCK_BYTES: Readonly<Record<string, number>> = { sha1: 64, sha256: 64, sha384: 128, sha512: 128 };

export type Digest = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** Bytes from a password, in the way of PKCS#12 (RFC 7292 appendix B.2). */
export function derive(
  digest: Digest,
  purpose: number,
  password: string,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Buffer {
  const block = BLOCK_BYTES[digest] ?? 64;
  const diversifier = Buffer.alloc(block, purpose);
  const input = Buffer.concat([fill(salt, block), fill(bmpText(password), block)]);
  const pieces: Buffer[] = [];
  for (let have = 0; have < length; have += pieces.at(-1)?.length ?? length) {
    let hash = createHash(digest).update(diversifier).update(input).digest();
    for (let i = 1; i < iterations; i++) hash = createHash(digest).update(hash).digest();
    pieces.push(hash);
    const added = fill(hash, block);
    for (let at = 0; at < input.length; at += block) addOne(input.subarray(at, at + block), added);
  }
  return Buffer.concat(pieces).subarray(0, length);
}

/** `to + by + 1`, as numbers of that many bytes. */
function addOne(to: Buffer, by: Buffer): void {
  let carry = 1;
  for (let i = to.length - 1; i >= 0; i--) {
    carry += (to[i] ?? 0) + (by[i] ?? 0);
    to[i] = carry & 0xff;
    carry >>= 8;
  }
}

/** Repeated to a whole number of blocks. */
function fill(bytes: Uint8Array, block: number): Buffer {
  const length = bytes.length === 0 ? 0 : Math.ceil(bytes.length / block) * block;
  return Buffer.alloc(length, bytes);
}

/** UTF-16, big end first, with a zero at the end. */
function bmpText(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf16le').swap16();
}
