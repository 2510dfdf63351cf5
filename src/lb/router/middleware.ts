/*
 * What can be done to a request on its way, as plain data: the labels and the configuration say it, src/lb/middleware
 * does it. A route carries the definitions themselves, in the order they run on the request; on the answer they run
 * in the opposite order.
 */

/**
 * Answer with a Location instead of passing the request on. What is given replaces that part of the request's URL.
 * Nothing happens where the result would be the very URL of the request, so `scheme: https` is safe on every listener.
 */
export interface RedirectMiddleware {
  readonly kind: 'redirect';
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly scheme?: 'http' | 'https';
  /** Host name, without port. */
  readonly host?: string;
  /** Port of the new URL; absent: none is written, which is the scheme's own. */
  readonly port?: number;
  /** Only paths that this fits as a whole are redirected (`compileRegex`). */
  readonly regex?: string;
  /** New path; `$1` to `$9` stand for the groups of `regex`. The query is kept unless this has a `?`. */
  readonly path?: string;
}

/** Another path for the instance: first `strip`, then `regex`, then `add`. The query is kept. */
export interface RewriteMiddleware {
  readonly kind: 'rewrite';
  /** Prefix to take away where the path has it; what is left begins with `/`. */
  readonly stripPrefix?: string;
  readonly regex?: string;
  /** The whole path becomes this where `regex` fits it as a whole. */
  readonly replacement?: string;
  readonly addPrefix?: string;
  /** Put before the path of a Location in the answer that points to the same host (or to none). */
  readonly locationPrefix?: string;
}

/** Changes to header fields: first `remove`, then `set` (replaces), then `add`. Names are in lower case. */
export interface FieldChanges {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
}

export interface HeadersMiddleware {
  readonly kind: 'headers';
  readonly request: FieldChanges;
  readonly response: FieldChanges;
}

/** Strict-Transport-Security (RFC 6797) in answers; only over TLS, as §7.2 demands. */
export interface HstsMiddleware {
  readonly kind: 'hsts';
  readonly maxAgeSeconds: number;
  readonly includeSubdomains: boolean;
}

/** One who may come in. `hash` is of a kind that `passwordKind` knows. */
export interface BasicUser {
  readonly name: string;
  readonly hash: string;
}

/** HTTP Basic authentication (RFC 7617). */
export interface BasicAuthMiddleware {
  readonly kind: 'basicAuth';
  readonly realm: string;
  readonly users: readonly BasicUser[];
  /** The Authorization field goes no further. */
  readonly removeHeader: boolean;
}

/** Who may connect: deny first; with an allow list, nobody else. Addresses or CIDR blocks. */
export interface IpFilterMiddleware {
  readonly kind: 'ipFilter';
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** A token bucket per client address or per value of a header field; answers 429 when it is empty. */
export interface RateLimitMiddleware {
  readonly kind: 'rateLimit';
  readonly perSecond: number;
  /** Requests that may come at once. */
  readonly burst: number;
  readonly by: { readonly of: 'client' } | { readonly of: 'header'; readonly name: string };
}

/** Largest request body; answers 413 above. */
export interface BodyLimitMiddleware {
  readonly kind: 'bodyLimit';
  readonly bytes: number;
}

export type Middleware =
  | RedirectMiddleware
  | RewriteMiddleware
  | HeadersMiddleware
  | HstsMiddleware
  | BasicAuthMiddleware
  | IpFilterMiddleware
  | RateLimitMiddleware
  | BodyLimitMiddleware;

/** Those that also make sense for a TCP route. */
export const TCP_MIDDLEWARES: readonly Middleware['kind'][] = ['ipFilter'];

/** How a password is kept. `src/lb/middleware` must be able to verify each of these; everything else is refused. */
export type PasswordKind = 'sha1' | 'apr1' | 'sha256-crypt' | 'sha512-crypt' | 'scrypt';

const PASSWORDS: readonly (readonly [PasswordKind, RegExp])[] = [
  ['sha1', /^\{SHA\}[A-Za-z0-9+/]{27}=$/],
  ['apr1', /^\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}$/],
  ['sha256-crypt', /^\$5\$(?:rounds=[1-9][0-9]{3,4}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}$/],
  ['sha512-crypt', /^\$6\$(?:rounds=[1-9][0-9]{3,4}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}$/],
  ['scrypt', /^\$scrypt\$ln=(?:1[0-5]|[1-9]),r=[1-8],p=[1-4]\$[A-Za-z0-9+/]{8,64}\$[A-Za-z0-9+/]{22,86}$/],
];

/**
 * Which kind of hash this is, by its form: `{SHA}` and `$apr1$` (htpasswd -s, -m), `$5$` and `$6$` (crypt with SHA-2, at
 * most 99,999 rounds), `$scrypt$ln=14,r=8,p=1$salt$hash` (base64 without padding). Undefined for all others.
 */
export function passwordKind(hash: string): PasswordKind | undefined {
  return PASSWORDS.find(([, form]) => form.test(hash))?.[0];
}

/** What to write for a password, for people. */
export const HASHES =
  'write one that begins with $6$ or $5$ (mkpasswd -m sha-512), $scrypt$, {SHA} or $apr1$ (htpasswd -m)';
