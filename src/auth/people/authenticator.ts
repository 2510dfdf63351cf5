import { ANONYMOUS } from '../../core/access.ts';
import type { Authentication, Authenticator, Proof } from '../../core/access.ts';
import type { Sessions } from '../tokens/sessions.ts';
import type { TokenClaims, Tokens } from '../tokens/tokens.ts';
import { AUTH_COOKIE, cookieValue } from './cookies.ts';
import type { Directory } from './directory.ts';
import type { Guesses } from './guesses.ts';
import type { Principals } from './principals.ts';

export interface AuthenticatorParts {
  readonly principals: Principals;
  readonly guesses: Guesses;
  /** Absent where only principals are known: on machines without people. */
  readonly people?:
    | { readonly directory: Directory; readonly sessions: Sessions; readonly tokens: Tokens }
    | undefined;
}

const refused = (code: string, retryAfterMs?: number): Authentication => ({
  kind: 'refused',
  code,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

const MOST_BASIC = 4_096;

/**
 * Who sent a request: by the field `authorization` (`token=…` as DC/OS writes it, `Bearer`, `Basic`), else by DC/OS's cookie,
 * else by the certificate of the connection. Asks memory alone.
 */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  return {
    async authenticate(proof): Promise<Authentication> {
      const { authorization, cookie, spiffeId } = proof;
      if (authorization !== undefined) return byField(parts, authorization, proof);
      const token = cookie === undefined ? undefined : cookieValue(cookie, AUTH_COOKIE);
      if (token !== undefined) return byToken(parts, token);
      if (spiffeId !== undefined)
        return { kind: 'subject', subject: { kind: 'workload', name: spiffeId, groups: [] } };
      return { kind: 'subject', subject: ANONYMOUS };
    },
  };
}

async function byField(
  parts: AuthenticatorParts,
  field: string,
  { address }: Proof,
): Promise<Authentication> {
  const token = tokenOf(field);
  if (token !== undefined) return byToken(parts, token);
  const [, basic] = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(field) ?? [];
  if (basic === undefined || basic.length > MOST_BASIC) return refused('scheme-unknown');
  return byBasic(parts, Buffer.from(basic, 'base64').toString('utf8'), address);
}

/** The token in the field `authorization`; undefined where there is something else. */
export function tokenOf(field: string | undefined): string | undefined {
  return /^(?:token=|bearer +)([\w.~+/=-]+) *$/i.exec(field ?? '')?.[1];
}

async function byToken({ people }: AuthenticatorParts, token: string): Promise<Authentication> {
  const claims = people && (await goodClaims(people, token));
  if (!people || !claims) return refused('token-invalid');
  const user = people.directory.user(claims.uid);
  if (user === undefined) return refused('token-invalid');
  const groups = people.directory.groupsOf(user.uid);
  const kind = user.publicKey === undefined ? 'user' : 'service';
  return { kind: 'subject', subject: { kind, name: user.uid, groups } };
}

/** What a token says whose session is open. */
export async function goodClaims(
  { tokens, sessions }: Pick<NonNullable<AuthenticatorParts['people']>, 'tokens' | 'sessions'>,
  token: string,
): Promise<TokenClaims | undefined> {
  const claims = await tokens.verify(token);
  return claims && sessions.isOpen(claims.jti, claims.uid) ? claims : undefined;
}

/** The secrets of programs are long; slowing down the address is enough, and a wrong one elsewhere disturbs nobody. */
function byBasic({ principals, guesses }: AuthenticatorParts, text: string, address: string): Authentication {
  const colon = text.indexOf(':');
  if (colon < 0) return refused('credentials-wrong');
  const wait = guesses.begin(undefined, address);
  if (wait !== undefined) return refused('throttled', wait);
  const name = text.slice(0, colon);
  if (!principals.verify(name, text.slice(colon + 1))) return refused('credentials-wrong');
  guesses.right(undefined, address);
  return { kind: 'subject', subject: { kind: 'principal', name, groups: [] } };
}
