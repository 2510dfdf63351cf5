import { createHash } from 'node:crypto';
import { crypt64 } from './crypt64.ts';

const DEFAULT_ROUNDS = 5_000;

interface Flavour {
  readonly algorithm: 'sha256' | 'sha512';
  readonly id: '5' | '6';
  readonly order: readonly (readonly [number, number, number])[];
}

const SHA256: Flavour = {
  algorithm: 'sha256',
  id: '5',
  order: [...turning(10, [0, 10, 20], (g) => [g[2] + 1, g[0] + 1, g[1] + 1]), [-1, 31, 30]],
};
const SHA512: Flavour = {
  algorithm: 'sha512',
  id: '6',
  order: [...turning(21, [0, 21, 42], (g) => [g[1] + 1, g[2] + 1, g[0] + 1]), [-1, -1, 63]],
};

function turning(
  count: number,
  first: readonly [number, number, number],
  next: (group: readonly [number, number, number]) => readonly [number, number, number],
): (readonly [number, number, number])[] {
  const groups = [first];
  while (groups.length < count) groups.push(next(groups.at(-1) ?? first));
  return groups;
}

/** Fill `length` octets with repetitions of `piece`. */
function repeated(piece: Uint8Array, length: number): Buffer {
  const out = Buffer.alloc(length);
  for (let i = 0; i < length; i++) out[i] = piece[i % piece.length] ?? 0;
  return out;
}

/**
 * The hash of a password by crypt(3) with SHA-2 (Drepper's specification), `$5$` or `$6$`, with the rounds and salt of
 * `like`. Yields now and then.
 */
export function* shaCrypt(password: Uint8Array, like: string): Generator<void, string> {
  const parts = /^\$([56])\$(?:rounds=(\d+)\$)?([^$]*)/.exec(like);
  const flavour = parts?.[1] === '5' ? SHA256 : SHA512;
  const stated = parts?.[2];
  const rounds = stated === undefined ? DEFAULT_ROUNDS : Math.max(1_000, Number(stated));
  const salt = Buffer.from((parts?.[3] ?? '').slice(0, 16));
  const digest = (...pieces: readonly Uint8Array[]): Buffer => {
    const hash = createHash(flavour.algorithm);
    for (const piece of pieces) hash.update(piece);
    return hash.digest();
  };
  const alternate = digest(password, salt, password);
  const first: Uint8Array[] = [password, salt, repeated(alternate, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) first.push((bits & 1) === 1 ? alternate : password);
  let state = digest(...first);
  const many = (piece: Uint8Array, times: number): Buffer =>
    digest(...Array.from({ length: times }, () => piece));
  yield;
  const p = repeated(many(password, password.length), password.length);
  yield;
  const s = repeated(many(salt, 16 + (state[0] ?? 0)), salt.length);
  const empty = Buffer.alloc(0);
  for (let i = 0; i < rounds; i++) {
    if (i % 32 === 31) yield;
    const odd = (i & 1) === 1;
    state = digest(odd ? p : state, i % 3 === 0 ? empty : s, i % 7 === 0 ? empty : p, odd ? state : p);
  }
  const how = stated === undefined ? '' : `rounds=${rounds}$`;
  return `$${flavour.id}$${how}${salt.toString()}$${crypt64(state, flavour.order)}`;
}
