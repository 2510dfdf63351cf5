import { createHash } from 'node:crypto';
import { crypt64 } from './crypt64.ts';

const ROUNDS = 1_000;
const ORDER: readonly (readonly [number, number, number])[] = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
  [-1, -1, 11],
];

const md5 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Apache's MD5 hash of a password, `$apr1$<salt>$<hash>`, as htpasswd -m makes it. Yields now and then. */
export function* apr1(password: Uint8Array, salt: string): Generator<void, string> {
  const saltBytes = Buffer.from(salt);
  const empty = Buffer.alloc(0);
  const alternate = md5(password, saltBytes, password);
  const parts: Uint8Array[] = [password, Buffer.from('$apr1$'), saltBytes];
  for (let left = password.length; left > 0; left -= 16)
    parts.push(alternate.subarray(0, Math.min(left, 16)));
  for (let bits = password.length; bits > 0; bits >>= 1)
    parts.push((bits & 1) === 1 ? Buffer.from([0]) : password.subarray(0, 1));
  let state = md5(...parts);
  for (let i = 0; i < ROUNDS; i++) {
    if (i % 32 === 31) yield;
    const odd = (i & 1) === 1;
    state = md5(
      odd ? password : state,
      i % 3 === 0 ? empty : saltBytes,
      i % 7 === 0 ? empty : password,
      odd ? state : password,
    );
  }
  return `$apr1$${salt}$${crypt64(state, ORDER)}`;
}
