import { randomBytes, scryptSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passwordKind } from '../../router/middleware.ts';
import { scrypt } from './scrypt.ts';
import { verify } from './verify.ts';

const LONG = 'pässwörd lang genug für mehr als einen Block, mit Umlauten und noch ein wenig mehr';

/** Made by openssl passwd, crypt(3) and Python's hashlib. */
const HASHES: readonly (readonly [kind: string, password: string, hash: string])[] = [
  ['sha1', 'correct horse', '{SHA}L55TUjtiq8FBorTWAZ0jy6g129A='],
  ['apr1', 'correct horse', '$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/'],
  ['sha256-crypt', 'correct horse', '$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB'],
  [
    'sha512-crypt',
    'correct horse',
    '$6$abcdefgh$yIZAF3gQPvtKZO/9qOJKffAKKbtS3ef3qmwyugk4uWVjX8YZf/GV3A8SkFxEPY0T56CcilGrHKLffBsp6dLMG.',
  ],
  ['sha256-crypt', LONG, '$5$rounds=1234$saltysalt$rRGJHnR.A4LbJ4tuMWGzqbu745GTndIBa2e8kuZk6e1'],
  [
    'sha512-crypt',
    LONG,
    '$6$rounds=1234$saltysalt$Eciu2T6CgeVc1T2dGjAKgrOyYzrQMbgt2LD2gWgkQlw4l1ecQ2dU1ZF8u0dFfq4AMB2579BsPvAkuMJCPTLru/',
  ],
  [
    'scrypt',
    'correct horse',
    '$scrypt$ln=10,r=8,p=2$c2FsdHlzYWx0eXNhbHQxNg$HiXQfLIBzFHgVdiBfUIXgKlDadW5s8nQsTx+/pIvn9o',
  ],
];

function outcome<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

describe('passwords', () => {
  it.each(HASHES)('%s: %s is known from others', (kind, password, hash) => {
    expect(passwordKind(hash)).toBe(kind);
    expect(outcome(verify(hash, password))).toBe(true);
    expect(outcome(verify(hash, `${password}x`))).toBe(false);
    expect(outcome(verify(hash, ''))).toBe(false);
  });

  it('are never right where the kind is not known', () => {
    expect(outcome(verify('$2y$10$abcdefghijklmnopqrstuv', 'x'))).toBe(false);
    expect(outcome(verify('plain', 'plain'))).toBe(false);
  });

  it('scrypt: the same as that of OpenSSL', () => {
    const cost = fc.record({
      ln: fc.integer({ min: 1, max: 7 }),
      r: fc.integer({ min: 1, max: 8 }),
      p: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(cost, fc.uint8Array({ maxLength: 80 }), ({ ln, r, p }, password) => {
        const salt = randomBytes(12);
        const ours = outcome(scrypt(password, salt, { n: 2 ** ln, r, p }, 40));
        expect(ours).toEqual(scryptSync(password, salt, 40, { N: 2 ** ln, r, p }));
      }),
      { numRuns: 40 },
    );
  });

  it('yield often: no stretch does a large part of the work', () => {
    for (const [kind, password, hash] of HASHES) {
      if (kind === 'sha1') continue;
      const work = verify(hash, password);
      let steps = 0;
      while (work.next().done !== true) steps += 1;
      expect(steps, kind).toBeGreaterThan(25);
    }
  });
});
