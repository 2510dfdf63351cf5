import { SignJWT, createLocalJWKSet, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWTPayload } from 'jose';
import { errorText } from '../../core/errors.ts';
import { readSpiffeId } from '../identity/spiffe-id.ts';
import type { KeyKind, SigningKey } from '../tokens/signing-keys.ts';
import type { JwtSvid } from './task-authority.ts';

/** The keys of JWT-SVIDs: P-256, as most libraries for SPIFFE take them. */
export const JWT_KEYS: KeyKind = { algorithm: 'ES256', prefix: 'jwt-', folder: 'auth/jwt-keys/' };

/** Longer ones are not ours. */
const LONGEST = 16_384;
/** By how much clocks may differ. */
const SKEW_SECONDS = 20;

/** Sign a JWT-SVID (SPIFFE JWT-SVID §3). */
export async function makeJwtSvid(
  { kid, key }: SigningKey,
  says: {
    readonly id: string;
    readonly issuer: string;
    readonly audience: readonly string[];
    readonly nowMs: number;
    readonly lifetimeMs: number;
  },
): Promise<JwtSvid> {
  const issued = Math.floor(says.nowMs / 1000);
  const expires = issued + Math.floor(says.lifetimeMs / 1000);
  const token = await new SignJWT()
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
    .setIssuer(says.issuer)
    .setSubject(says.id)
    .setAudience([...says.audience])
    .setIssuedAt(issued)
    .setExpirationTime(expires)
    .sign(key);
  return { id: says.id, token, issuedMs: issued * 1000, expiresMs: expires * 1000 };
}

export type JwtJudgement =
  | { readonly ok: true; readonly id: string; readonly claims: JWTPayload }
  | { readonly ok: false; readonly reason: string };

/** Whether a token is a JWT-SVID of the trust domain, for that audience (SPIFFE JWT-SVID §4 and §5). Never rejects. */
export async function judgeJwtSvid(
  token: string,
  audience: string,
  trust: { readonly trustDomain: string; readonly jwks: string; readonly nowMs: number },
): Promise<JwtJudgement> {
  if (token.length > LONGEST) return { ok: false, reason: 'too long' };
  try {
    const keys = createLocalJWKSet(JSON.parse(trust.jwks) as JSONWebKeySet);
    const { payload: claims } = await jwtVerify(token, keys, {
      algorithms: [JWT_KEYS.algorithm],
      audience,
      requiredClaims: ['sub', 'aud', 'exp'],
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(trust.nowMs),
    });
    const id = claims.sub ?? '';
    const reading = readSpiffeId(id);
    if (!reading.ok) return { ok: false, reason: reading.fault };
    if (reading.trustDomain !== trust.trustDomain) return { ok: false, reason: 'another trust domain' };
    return { ok: true, id, claims };
  } catch (error) {
    return { ok: false, reason: errorText(error) };
  }
}
