import { sign } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient, HttpResponse } from '../../core/http/client.ts';

/** A service account of DC/OS. */
export interface IamAccount {
  readonly uid: string;
  /** PEM of its RSA key. */
  readonly privateKey: string;
  readonly loginEndpoint: string;
}

export interface IamLoginParts {
  readonly account: IamAccount;
  readonly clock: Clock;
  readonly http: HttpClient;
}

/** What we claim about ourselves is good for this long. */
const CLAIM_SECONDS = 3_600;
const ANSWER_MS = 10_000;
/** How long a token is used that does not say when it expires. */
const OPAQUE_TOKEN_MS = 5 * 60_000;
/** A token is renewed when this much, or a tenth of its life if that is less, is left of it. */
const SPARE_MS = 60_000;
/** A token that is refused when it is younger than this would be refused again. */
const FRESH_MS = 1_000;

interface Token {
  readonly text: string;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/**
 * Logs in with a service account and keeps the token until it is about to expire (mesos-dns.md §2.2; Mesos-DNS logs in
 * anew before each request). Times are those of the wall clock, since the token's are.
 */
export class IamLogin {
  readonly #parts: IamLoginParts;
  #token: Token | undefined;
  #running: Promise<Token> | undefined;

  constructor(parts: IamLoginParts) {
    this.#parts = parts;
  }

  /** The header that proves who we are; rejects when we cannot log in. */
  async headers(): Promise<{ readonly authorization: string }> {
    const now = this.#parts.clock.now();
    const usable = this.#token !== undefined && now >= this.#token.sinceMs && now < this.#token.untilMs;
    const token = usable && this.#token ? this.#token : await this.#login();
    return { authorization: `token=${token.text}` };
  }

  /** A master refused the token. True when another one may do better; then the next request logs in again. */
  renew(): boolean {
    if (this.#token && this.#parts.clock.now() - this.#token.sinceMs < FRESH_MS) return false;
    this.#token = undefined;
    return true;
  }

  /** Requests that come meanwhile wait for the same login. */
  #login(): Promise<Token> {
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #ask(): Promise<Token> {
    const { account, clock, http } = this.#parts;
    const sinceMs = clock.now();
    const failed = (why: string): Error => new Error(`login at ${account.loginEndpoint} failed: ${why}`);
    const claims = { uid: account.uid, exp: Math.floor(sinceMs / 1000) + CLAIM_SECONDS };
    const body = JSON.stringify({ uid: account.uid, token: signedToken(claims, account.privateKey) });
    let status: number;
    let text: string;
    try {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const askAt = (url: string): Promise<HttpResponse> =>
        http.request({ method: 'POST', url, headers, body, timeoutMs: ANSWER_MS });
      let response = await askAt(account.loginEndpoint);
      // A master that stands by sends to the one that leads.
      const leader = response.status === 307 ? leaderIn(response, account.loginEndpoint) : undefined;
      if (leader !== undefined) {
        response.cancel();
        response = await askAt(leader);
      }
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw failed(errorText(error));
    }
    if (status !== 200) throw failed(`it answered ${status}`);
    const token = tokenIn(text);
    if (token === undefined) throw failed('its answer holds no token');
    this.#token = { text: token, sinceMs, untilMs: usableUntil(token, sinceMs) };
    return this.#token;
  }
}

/** A JSON Web Token signed with RS256 (RFC 7519, RFC 7518 §3.3). */
export function signedToken(claims: object, privateKey: string): string {
  const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

function tokenIn(text: string): string | undefined {
  const json = parsed(text);
  const token = typeof json === 'object' && json !== null && 'token' in json ? json.token : undefined;
  // It becomes part of a header.
  return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
}

function usableUntil(token: string, nowMs: number): number {
  const claims = parsed(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined;
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return nowMs + OPAQUE_TOKEN_MS;
  const lifeMs = exp * 1000 - nowMs;
  return nowMs + lifeMs - Math.min(SPARE_MS, lifeMs / 10);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined where that would be less safe than the endpoint. */
function leaderIn({ headers: { location } }: HttpResponse, endpoint: string): string | undefined {
  if (location === undefined || !URL.canParse(location, endpoint)) return undefined;
  const leader = new URL(location, endpoint);
  return leader.protocol === new URL(endpoint).protocol ? leader.href : undefined;
}
