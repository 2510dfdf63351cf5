import { createPublicKey } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { JWTPayload, JWTVerifyOptions } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import type { Session } from './sessions.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What a token of ours says, once its signature has been verified. Whether it is good now, the session tells. */
export interface TokenClaims {
  readonly uid: string;
  readonly jti: string;
}

/** Verified tokens that are remembered: a verification costs some 50 µs of CPU. */
const REMEMBERED = 2_000;

/** Longer ones are not ours. */
const LONGEST = 4_096;

/** Tokens of DC/OS: JWTs (RFC 7519), RS256, with the claims `uid` and `exp`, and `jti` for the session. */
export class Tokens {
  readonly #keys: SigningKeys;
  readonly #clock: Clock;
  readonly #verified = new LRUCache<
    string,
    TokenClaims & { readonly expiresMs: number; readonly kid: string }
  >({
    max: REMEMBERED,
  });

  constructor(keys: SigningKeys, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  async sign({ id, uid, createdMs, expiresMs }: Session): Promise<string> {
    const { kid, key } = await this.#keys.current();
    return new SignJWT({ uid })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
      .setJti(id)
      .setIssuedAt(Math.floor(createdMs / 1000))
      .setExpirationTime(Math.floor(expiresMs / 1000))
      .sign(key);
  }

  /** Undefined: not signed by us, or over. Never rejects. */
  async verify(token: string): Promise<TokenClaims | undefined> {
    if (token.length > LONGEST) return undefined;
    const known = this.#verified.get(token);
    if (known !== undefined && this.#keys.publicKey(known.kid) !== undefined)
      return known.expiresMs > this.#clock.now() ? known : undefined;
    try {
      let usedKid = '';
      const { payload } = await jwtVerify(
        token,
        ({ kid = '' }) => {
          const key = this.#keys.publicKey(kid);
          if (!key) throw new Error('no key of ours');
          usedKid = kid;
          return key;
        },
        this.#options({ algorithms: ['RS256'], requiredClaims: ['exp', 'jti', 'uid'] }),
      );
      const { uid, jti, exp } = payload;
      if (typeof uid !== 'string' || jti === undefined || exp === undefined) return undefined;
      const claims = { uid, jti, expiresMs: exp * 1000, kid: usedKid };
      this.#verified.set(token, claims);
      return claims;
    } catch {
      return undefined;
    }
  }

  #options(options: JWTVerifyOptions): JWTVerifyOptions {
    return { ...options, currentDate: new Date(this.#clock.now()) };
  }

  /**
   * The claims of a token that a service account has made to log in: signed with its key (RS256, or ES256 with a P-256 key),
   * over in `LOGIN_TOKEN_MS` at most. Undefined when it is anything else.
   */
  async verifyLogin(token: string, publicKeyPem: string): Promise<JWTPayload | undefined> {
    if (token.length > LONGEST) return undefined;
    try {
      const key = createPublicKey(publicKeyPem);
      const algorithms = [key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256'];
      const checks = { algorithms, requiredClaims: ['exp', 'uid'], clockTolerance: SKEW_SECONDS };
      const { payload } = await jwtVerify(token, key, this.#options(checks));
      const left = (payload.exp ?? Infinity) * 1000 - this.#clock.now();
      return left <= LOGIN_TOKEN_MS + SKEW_SECONDS * 1000 ? payload : undefined;
    } catch {
      return undefined;
    }
  }
}

/** How long a login token may live. */
const LOGIN_TOKEN_MS = 5 * 60_000;
/** How much the clocks of two machines may differ. */
const SKEW_SECONDS = 60;
