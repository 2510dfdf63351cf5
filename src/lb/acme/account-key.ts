import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const base64url = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64url');

/** The key of an account, ECDSA P-256: signs all requests (JWS, RFC 7515) and stands in the answers to challenges. */
export class AccountKey {
  readonly #key: KeyObject;
  readonly #jwk: { readonly crv: unknown; readonly kty: unknown; readonly x: unknown; readonly y: unknown };

  /** PEM. Throws when it is none. */
  constructor(pem: string) {
    this.#key = createPrivateKey(pem);
    const { crv, kty, x, y } = createPublicKey(this.#key).export({ format: 'jwk' });
    // In the order of RFC 7638 §3.
    this.#jwk = { crv, kty, x, y };
  }

  /** A new one, PEM. */
  static make(): string {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  }

  /** SHA-256 (RFC 7638). */
  get thumbprint(): string {
    return createHash('sha256').update(JSON.stringify(this.#jwk)).digest('base64url');
  }

  /** What answers a challenge (RFC 8555 §8.1). */
  authorization(token: string): string {
    return `${token}.${this.thumbprint}`;
  }

  /**
   * The body of a request (RFC 8555 §6.2). `account` is its URL; undefined: there is none yet, and the key itself is shown.
   * `payload` undefined is POST-as-GET (§6.3).
   */
  request(url: string, nonce: string, account: string | undefined, payload: unknown): string {
    const who = account === undefined ? { jwk: this.#jwk } : { kid: account };
    const head = base64url(JSON.stringify({ alg: 'ES256', ...who, nonce, url }));
    const body = payload === undefined ? '' : base64url(JSON.stringify(payload));
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
      key: this.#key,
      dsaEncoding: 'ieee-p1363',
    });
    return JSON.stringify({ protected: head, payload: body, signature: base64url(signature) });
  }
}
