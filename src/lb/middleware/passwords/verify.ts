import { hash, timingSafeEqual } from 'node:crypto';
import { passwordKind } from '../../router/middleware.ts';
import { apr1 } from './apr1.ts';
import { scrypt } from './scrypt.ts';
import { shaCrypt } from './sha-crypt.ts';

/** Whether a password is the one of a hash of a kind that `passwordKind` knows. Yields at least every millisecond. */
export function* verify(kept: string, password: string): Generator<void, boolean> {
  const bytes = Buffer.from(password, 'utf8');
  switch (passwordKind(kept)) {
    case 'sha1':
      return same(`{SHA}${hash('sha1', bytes, 'base64')}`, kept);
    case 'apr1':
      return same(yield* apr1(bytes, kept.split('$')[2] ?? ''), kept);
    case 'sha256-crypt':
    case 'sha512-crypt':
      return same(yield* shaCrypt(bytes, kept), kept);
    case 'scrypt':
      return yield* verifyScrypt(kept, bytes);
    case undefined:
      return false;
  }
}

function* verifyScrypt(kept: string, password: Uint8Array): Generator<void, boolean> {
  const [, ln, r, p, salt = '', text = ''] =
    /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(kept) ?? [];
  const cost = { n: 2 ** Number(ln), r: Number(r), p: Number(p) };
  const wanted = Buffer.from(text, 'base64');
  const got = yield* scrypt(password, Buffer.from(salt, 'base64'), cost, wanted.length);
  return timingSafeEqual(got, wanted);
}

/** In a time that does not depend on where they differ. */
function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
