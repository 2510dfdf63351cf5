import type { Random } from '../../core/random.ts';
import { i32 } from '../wire/bytes.ts';
import { SIPHASH_KEY_WORDS, sipHash24 } from './siphash.ts';

/** What the COOKIE option of a query says about the client. */
export const COOKIE = {
  /** The query has no such option; for callers, `check` never gives it. */
  none: 0,
  /** A client that has not learned our cookie yet. */
  clientOnly: 1,
  /** We gave this cookie to this client not long ago: it has the address that it writes. */
  valid: 2,
  /** Not ours, for another client, or too old. To be treated as `clientOnly` (RFC 7873 §5.2.4). */
  invalid: 3,
  /** No length that a cookie can have: FORMERR (RFC 7873 §5.2.2). */
  malformed: 4,
} as const;

export type CookieVerdict = (typeof COOKIE)[keyof typeof COOKIE];

/** What is inside a COOKIE option of ours: 8 bytes of the client, 16 of the server. */
export const COOKIE_BYTES = 24;

const CLIENT_BYTES = 8;
const MAX_OPTION_BYTES = 40;
const VERSION = 1;
/** RFC 9018 §4.3. */
const MAX_AGE_SECONDS = 3600;
const MAX_AHEAD_SECONDS = 300;
const RENEW_SECONDS = 1800;

// Secrets in shared memory: how often they were changed, then a ring of three. The next one is written where no reader looks.
const RING = 3;
const SECRET_WORDS = 1 + RING * SIPHASH_KEY_WORDS;

/** Shared memory for the cookie secrets, with a first one (and one before it that nobody knows). */
export function newCookieSecrets(random: Random): Int32Array {
  const secrets = new Int32Array(new SharedArrayBuffer(SECRET_WORDS * 4));
  rotateCookieSecret(secrets, random);
  rotateCookieSecret(secrets, random);
  return secrets;
}

/** Main thread only: from now on cookies are made with a new secret. The one before stays good until the next change. */
export function rotateCookieSecret(secrets: Int32Array, random: Random): void {
  adoptCookieSecret(secrets, random.bytes(SIPHASH_KEY_WORDS * 4));
}

/** As `rotateCookieSecret` with the 16 bytes of a secret that several servers share (RFC 9018 §5). */
export function adoptCookieSecret(secrets: Int32Array, secret: Uint8Array): void {
  if (secret.length !== SIPHASH_KEY_WORDS * 4) throw new Error('a cookie secret has 16 bytes');
  const next = (Atomics.load(secrets, 0) + 1) % RING;
  const view = new DataView(secret.buffer, secret.byteOffset, secret.length);
  for (let i = 0; i < SIPHASH_KEY_WORDS; i++) secrets[slotAt(next) + i] = view.getInt32(4 * i, true);
  Atomics.store(secrets, 0, next);
}

/** The secrets, the oldest first, for a process that shall understand the cookies of this one. */
export function cookieSecretTexts(secrets: Int32Array): readonly string[] {
  const now = Atomics.load(secrets, 0);
  return [now - 1, now].map((slot) => {
    const at = slotAt((slot + RING) % RING);
    const bytes = Buffer.alloc(SIPHASH_KEY_WORDS * 4);
    for (let i = 0; i < SIPHASH_KEY_WORDS; i++) bytes.writeInt32LE(secrets[at + i] as number, 4 * i);
    return bytes.toString('hex');
  });
}

function slotAt(slot: number): number {
  return 1 + slot * SIPHASH_KEY_WORDS;
}

/**
 * DNS cookies (RFC 7873) in the form that servers of different makers understand of each other (RFC 9018). Reads secrets that
 * the main thread may change at any time; allocates nothing. Addresses are 4 or 16 bytes.
 */
export class Cookies {
  readonly #secrets: Int32Array;
  /** Client cookie, version, reserved, timestamp, address. */
  readonly #message = new Uint8Array(32);
  readonly #hash = new Int32Array(2);
  /**
   * After `check` gave `valid`: the cookie is younger than half an hour and made with the current secret, so that a reply may carry
   * it as it came instead of a new one (RFC 9018 §4.3).
   */
  fresh = false;

  constructor(secrets: Int32Array) {
    this.#secrets = secrets;
  }

  /** Write the data of the option for a reply, `COOKIE_BYTES` bytes at `out[at]`: the client's cookie and a fresh one of ours. */
  write(
    out: Uint8Array,
    at: number,
    client: Uint8Array,
    clientAt: number,
    address: Uint8Array,
    addressAt: number,
    addressBytes: number,
    nowSeconds: number,
  ): void {
    const message = this.#message;
    for (let i = 0; i < CLIENT_BYTES; i++) message[i] = client[clientAt + i] as number;
    message[8] = VERSION;
    message[9] = message[10] = message[11] = 0;
    message[12] = nowSeconds >>> 24;
    message[13] = nowSeconds >>> 16;
    message[14] = nowSeconds >>> 8;
    message[15] = nowSeconds;
    this.#putAddress(address, addressAt, addressBytes);
    this.#hashWith(Atomics.load(this.#secrets, 0), addressBytes);
    for (let i = 0; i < 16; i++) out[at + i] = message[i] as number;
    for (let i = 0; i < 8; i++) out[at + 16 + i] = (this.#hash[i >> 2] as number) >>> ((i & 3) << 3);
  }

  /** What the option's data `option[at, at + length)` in a query from this address is worth. */
  check(
    option: Uint8Array,
    at: number,
    length: number,
    address: Uint8Array,
    addressAt: number,
    addressBytes: number,
    nowSeconds: number,
  ): CookieVerdict {
    if (length === CLIENT_BYTES) return COOKIE.clientOnly;
    if (length < 2 * CLIENT_BYTES || length > MAX_OPTION_BYTES) return COOKIE.malformed;
    if (length !== COOKIE_BYTES || option[at + 8] !== VERSION) return COOKIE.invalid;
    // Serial arithmetic (RFC 1982): right also when the 32 bits have wrapped.
    const age = (nowSeconds - i32(option, at + 12)) | 0;
    if (age > MAX_AGE_SECONDS || age < -MAX_AHEAD_SECONDS) return COOKIE.invalid;
    // The reserved bytes go into the hash as they came (RFC 9018 §4.2).
    for (let i = 0; i < 16; i++) this.#message[i] = option[at + i] as number;
    this.#putAddress(address, addressAt, addressBytes);
    const current = Atomics.load(this.#secrets, 0);
    this.fresh = false;
    if (this.#matches(current, option, at + 16, addressBytes)) {
      this.fresh = age <= RENEW_SECONDS;
      return COOKIE.valid;
    }
    const previous = (current + RING - 1) % RING;
    return this.#matches(previous, option, at + 16, addressBytes) ? COOKIE.valid : COOKIE.invalid;
  }

  #putAddress(address: Uint8Array, at: number, bytes: number): void {
    for (let i = 0; i < bytes; i++) this.#message[16 + i] = address[at + i] as number;
  }

  #hashWith(slot: number, addressBytes: number): void {
    sipHash24(this.#secrets, slotAt(slot), this.#message, 0, 16 + addressBytes, this.#hash);
  }

  /** Takes the same time wherever the first difference is. */
  #matches(slot: number, option: Uint8Array, at: number, addressBytes: number): boolean {
    this.#hashWith(slot, addressBytes);
    let difference = 0;
    for (let i = 0; i < 8; i++) {
      const expected = (this.#hash[i >> 2] as number) >>> ((i & 3) << 3);
      difference |= (expected & 0xff) ^ (option[at + i] as number);
    }
    return difference === 0;
  }
}
