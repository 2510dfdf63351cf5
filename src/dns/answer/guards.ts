import type { Datagram } from '../../net/index.ts';
import { RCODE } from '../wire/index.ts';
import { COOKIE } from './cookies.ts';
import type { Cookies, CookieVerdict } from './cookies.ts';
import { RATE, REPLY_CLASS } from './rate-limit.ts';
import type { RateLimiter, RateVerdict } from './rate-limit.ts';

/** 4 or 16 bytes of an address. */
type Client = Pick<Datagram, 'address' | 'addressAt'> & { readonly addressBytes: number };

/** What is known of the client of one message, and what it may have. One of these serves all messages of a thread. */
export class Guards {
  readonly cookies: Cookies | undefined;
  readonly #limiter: RateLimiter | undefined;
  readonly #isExempt: (bytes: Uint8Array, at: number, length: number) => boolean;
  /** Of the message at hand. */
  cookie: CookieVerdict = COOKIE.none;

  constructor(parts: {
    readonly cookies: Cookies | undefined;
    /** Undefined for no limits. */
    readonly limiter: RateLimiter | undefined;
    /** Clients that are never limited. */
    readonly isExempt: (bytes: Uint8Array, at: number, length: number) => boolean;
  }) {
    this.cookies = parts.cookies;
    this.#limiter = parts.limiter;
    this.#isExempt = parts.isExempt;
  }

  /** Look at the cookie of a message: `length` bytes at `at` of the request, 0 when it has none. */
  check(d: Datagram, at: number, length: number, nowSeconds: number): CookieVerdict {
    this.cookie =
      at === 0 || !this.cookies
        ? COOKIE.none
        : this.cookies.check(d.request, at, length, d.address, d.addressAt, d.addressBytes, nowSeconds);
    return this.cookie;
  }

  /** The same for one that was taken out of its message; undefined: it has none. */
  checkOption(option: Uint8Array | undefined, c: Client, nowSeconds: number): void {
    this.cookie =
      option === undefined || !this.cookies
        ? COOKIE.none
        : this.cookies.check(option, 0, option.length, c.address, c.addressAt, c.addressBytes, nowSeconds);
  }

  /** Whether a reply over UDP may leave. A valid cookie proves the address, so that nobody is flooded in its name. */
  verdict(d: Client, rcode: number, answers: number, nowUs: number): RateVerdict {
    if (!this.#limiter || this.cookie === COOKIE.valid) return RATE.send;
    if (this.#isExempt(d.address, d.addressAt, d.addressBytes)) return RATE.send;
    let kind: (typeof REPLY_CLASS)[keyof typeof REPLY_CLASS] = REPLY_CLASS.error;
    if (rcode === RCODE.NXDOMAIN) kind = REPLY_CLASS.negative;
    else if (rcode === RCODE.NOERROR) kind = answers > 0 ? REPLY_CLASS.positive : REPLY_CLASS.negative;
    return this.#limiter.check(d.address, d.addressAt, d.addressBytes, kind, nowUs);
  }
}

/** Lets everything pass. */
export const NO_GUARDS = new Guards({ cookies: undefined, limiter: undefined, isExempt: () => true });
