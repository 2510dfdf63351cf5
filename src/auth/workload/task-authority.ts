import type { Unsubscribe } from '../../core/subscribers.ts';
import type { AuthorityNews, IssuedChain } from '../identity/issuer.ts';

/** Which task is meant. Whether it runs there, the authority finds out. */
export interface TaskClaim {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly taskId: string;
}

/** A signed statement of who somebody is (SPIFFE JWT-SVID §3). */
export interface JwtSvid {
  readonly id: string;
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly issuedMs: number;
  readonly expiresMs: number;
}

/** What an authority tells agents. */
export interface TaskNews extends AuthorityNews {
  /** The keys that JWT-SVIDs are judged by: a JWK set (RFC 7517), as text. */
  readonly jwks: string;
}

/** The authority, as an agent asks it for its tasks: in this process, or over HTTP. */
export interface TaskAuthority {
  /** `request` is a PKCS#10 (PEM) that proves a key. Rejects with AUTH_SIGN_*, AUTH_CA_*. */
  sign(claim: TaskClaim, request: string): Promise<IssuedChain>;
  signJwt(claim: TaskClaim, audience: readonly string[]): Promise<JwtSvid>;
  /** Told at once what is known, and each change soon. */
  follow(listener: (news: TaskNews) => void): Unsubscribe;
}
