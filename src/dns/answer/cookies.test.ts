import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { ipBytes } from '../../core/ip.ts';
import {
  COOKIE,
  COOKIE_BYTES,
  Cookies,
  adoptCookieSecret,
  cookieSecretTexts,
  newCookieSecrets,
  rotateCookieSecret,
} from './cookies.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const ip = (text: string): Uint8Array => ipBytes(text) as Uint8Array;

/** Checks, or makes, at odd places of larger buffers: nothing may be read or written beside them. */
function check(cookies: Cookies, option: Uint8Array, address: Uint8Array, now: number): number {
  const bytes = Uint8Array.from([1, 2, 3, ...option, 0xee]);
  const addresses = Uint8Array.from([7, ...address, 9]);
  return cookies.check(bytes, 3, option.length, addresses, 1, address.length, now);
}
function make(cookies: Cookies, client: Uint8Array, address: Uint8Array, now: number): Uint8Array {
  const out = new Uint8Array(COOKIE_BYTES + 4).fill(0xee);
  const clients = Uint8Array.from([5, ...client]);
  cookies.write(out, 2, clients, 1, Uint8Array.from([7, ...address]), 1, address.length, now);
  expect([out[0], out[1], out[26], out[27]]).toEqual([0xee, 0xee, 0xee, 0xee]);
  return out.slice(2, 26);
}
function withSecrets(...secrets: string[]): Cookies {
  const shared = newCookieSecrets(seededRandom(1));
  for (const s of secrets) adoptCookieSecret(shared, hex(s));
  return new Cookies(shared);
}

const SECRET = 'e5e973e5a6b2a43f48e7dc849e37bfcf';
const A1 = '2464c4abcf10c957010000005cf79f111f8130c3eee29480';
const ISSUED = 1559731985;
const ADDRESS = ip('198.51.100.100');

describe('the examples of RFC 9018, appendix A', () => {
  it('those of the process before stay good: its newest secret and the one before that', () => {
    const before = newCookieSecrets(seededRandom(1));
    const address = ip('192.0.2.1');
    const client = hex('0102030405060708');
    const older = make(new Cookies(before), client, address, ISSUED);
    rotateCookieSecret(before, seededRandom(5));
    const newer = make(new Cookies(before), client, address, ISSUED);
    const after = newCookieSecrets(seededRandom(2));
    for (const secret of cookieSecretTexts(before)) adoptCookieSecret(after, hex(secret));
    const cookies = new Cookies(after);
    expect([older, newer].map((c) => check(cookies, c, address, ISSUED))).toEqual([
      COOKIE.valid,
      COOKIE.valid,
    ]);
    expect(make(cookies, client, address, ISSUED)).toEqual(newer);
  });

  it('A.1: a new server cookie', () => {
    const cookies = withSecrets(SECRET);
    expect(check(cookies, hex('2464c4abcf10c957'), ADDRESS, ISSUED)).toBe(COOKIE.clientOnly);
    expect(make(cookies, hex('2464c4abcf10c957'), ADDRESS, ISSUED)).toEqual(hex(A1));
  });

  it('A.2: 40 minutes later it is still good, and a fresh one is given', () => {
    const cookies = withSecrets(SECRET);
    expect(check(cookies, hex(A1), ADDRESS, 1559734385)).toBe(COOKIE.valid);
    const fresh = hex('2464c4abcf10c957010000005cf7a871d4a564a1442aca77');
    expect(make(cookies, hex(A1), ADDRESS, 1559734385)).toEqual(fresh);
  });

  it('A.3: reserved bytes that are set are hashed along', () => {
    const cookies = withSecrets(SECRET);
    const option = hex('fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5');
    const address = ip('203.0.113.203');
    expect(check(cookies, option, address, 1559727985)).toBe(COOKIE.valid);
    const fresh = hex('fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e');
    expect(make(cookies, option, address, 1559734700)).toEqual(fresh);
  });

  it('A.4: IPv6, with the secret before the current one', () => {
    const cookies = withSecrets('dd3bdf9344b678b185a6f5cb60fca715', '445536bcd2513298075a5d379663c962');
    const option = hex('22681ab97d52c298010000005cf7c57926556bd0934c72f8');
    const address = ip('2001:db8:220:1:59de:d0f4:8769:82b8');
    expect(check(cookies, option, address, 1559741961)).toBe(COOKIE.valid);
    const fresh = hex('22681ab97d52c298010000005cf7c609a6bb79d16625507a');
    expect(make(cookies, option, address, 1559741961)).toEqual(fresh);
  });
});

describe('checking', () => {
  const flipped = (i: number): Uint8Array => hex(A1).map((b, at) => (at === i ? b ^ 1 : b));
  it.each([
    ['an hour old', hex(A1), ISSUED + 3600, COOKIE.valid],
    ['a second older', hex(A1), ISSUED + 3601, COOKIE.invalid],
    ['five minutes ahead', hex(A1), ISSUED - 300, COOKIE.valid],
    ['a second more', hex(A1), ISSUED - 301, COOKIE.invalid],
    ['another client cookie', flipped(0), ISSUED, COOKIE.invalid],
    ['another version', flipped(8), ISSUED, COOKIE.invalid],
    ['other reserved bytes', flipped(10), ISSUED, COOKIE.invalid],
    ['another time', flipped(15), ISSUED, COOKIE.invalid],
    ['another hash, first byte', flipped(16), ISSUED, COOKIE.invalid],
    ['another hash, last byte', flipped(23), ISSUED, COOKIE.invalid],
  ])('%s', (_, option, now, verdict) => {
    expect(check(withSecrets(SECRET), option, ADDRESS, now)).toBe(verdict);
  });

  it.each([
    ['given a moment ago', ISSUED, true],
    ['half an hour old', ISSUED + 1800, true],
    ['older', ISSUED + 1801, false],
  ])('says whether it may be sent back as it is: %s', (_, now, fresh) => {
    const secrets = newCookieSecrets(seededRandom(1));
    adoptCookieSecret(secrets, hex(SECRET));
    const cookies = new Cookies(secrets);
    expect(check(cookies, hex(A1), ADDRESS, now)).toBe(COOKIE.valid);
    expect(cookies.fresh).toBe(fresh);
    rotateCookieSecret(secrets, seededRandom(2));
    expect(check(cookies, hex(A1), ADDRESS, now)).toBe(COOKIE.valid);
    expect(cookies.fresh).toBe(false);
  });

  it('is bound to the address', () => {
    expect(check(withSecrets(SECRET), hex(A1), ip('198.51.100.101'), ISSUED)).toBe(COOKIE.invalid);
  });

  it('knows which lengths a cookie can have', () => {
    const cookies = withSecrets(SECRET);
    const verdicts = Array.from({ length: 60 }, (_, n) => check(cookies, new Uint8Array(n), ADDRESS, ISSUED));
    const expected = Array.from({ length: 60 }, (_, n) => {
      if (n === 8) return COOKIE.clientOnly;
      return n >= 16 && n <= 40 ? COOKIE.invalid : COOKIE.malformed;
    });
    expect(verdicts).toEqual(expected);
  });

  it('does not mind the wrap of the 32-bit time', () => {
    const cookies = withSecrets(SECRET);
    const option = make(cookies, hex('2464c4abcf10c957'), ADDRESS, 0xffff_ff00);
    expect(check(cookies, option, ADDRESS, 2 ** 32 + 256)).toBe(COOKIE.valid);
    expect(check(cookies, option, ADDRESS, 2 ** 32 - 256 + 3601)).toBe(COOKIE.invalid);
  });
});

describe('changing the secret', () => {
  it('leaves a cookie good for one change, not for two', () => {
    const random = seededRandom(5);
    const secrets = newCookieSecrets(random);
    const cookies = new Cookies(secrets);
    for (let i = 0; i < 7; i++) {
      const option = make(cookies, hex('0102030405060708'), ADDRESS, ISSUED);
      expect(check(cookies, option, ADDRESS, ISSUED)).toBe(COOKIE.valid);
      rotateCookieSecret(secrets, random);
      expect(check(cookies, option, ADDRESS, ISSUED)).toBe(COOKIE.valid);
      rotateCookieSecret(secrets, random);
      expect(check(cookies, option, ADDRESS, ISSUED)).toBe(COOKIE.invalid);
    }
  });

  it('takes 16 bytes only, and has no secret of zeros to begin with', () => {
    const secrets = newCookieSecrets(seededRandom(1));
    expect(() => adoptCookieSecret(secrets, new Uint8Array(15))).toThrow('16 bytes');
    const zeros = withSecrets('00'.repeat(16));
    const guessed = make(zeros, hex('0102030405060708'), ADDRESS, ISSUED);
    expect(check(new Cookies(secrets), guessed, ADDRESS, ISSUED)).toBe(COOKIE.invalid);
  });
});

describe('for any client', () => {
  it('takes back what it gave within the hour, from that client only', () => {
    const bytes = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
    const address = fc.oneof(bytes(4), bytes(16));
    const input = fc.tuple(bytes(8), address, fc.nat(0xffffffff), fc.integer({ min: -300, max: 3600 }));
    fc.assert(
      fc.property(input, fc.nat(23), fc.integer({ min: 1, max: 255 }), ([client, from, now, age], at, by) => {
        const cookies = withSecrets(SECRET);
        const option = make(cookies, client, from, now);
        expect(check(cookies, option, from, now + age)).toBe(COOKIE.valid);
        option[at] = (option[at] as number) ^ by;
        expect(check(cookies, option, from, now + age)).toBe(COOKIE.invalid);
      }),
      { numRuns: 500 },
    );
  });
});
