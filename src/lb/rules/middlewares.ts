import { z } from 'zod';
import { HASHES, passwordKind } from '../router/middleware.ts';
import type { FieldChanges, Middleware } from '../router/middleware.ts';
import { given } from './given.ts';
import {
  byName,
  choice,
  fieldCheck,
  flag,
  hostCheck,
  list,
  networkCheck,
  number,
  pathCheck,
  regexCheck,
  text,
  tokenCheck,
} from './scalars.ts';

/** Fields that carry the framing of a message, or what the edge vouches for: middlewares may not touch them. */
const UNTOUCHABLE = new Set([
  'host',
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'forwarded',
]);

const fieldName = (value: string, complain: (reason: string) => void): void => {
  const name = value.toLowerCase();
  tokenCheck(value, complain);
  if (UNTOUCHABLE.has(name) || name.startsWith('x-forwarded-'))
    complain(`'${value}' belongs to the load balancer and cannot be changed`);
};

const fields = byName(text(fieldCheck), fieldName);
const changes = z.strictObject({
  set: fields.optional().describe('Fields by name; they replace those that are there'),
  add: fields.optional().describe('Fields by name; they come besides those that are there'),
  remove: list(fieldName).optional().describe('Names of fields that go'),
});

const replacement = text((value, complain) => {
  if (!value.startsWith('/')) complain(`'${value}' does not begin with a slash: write '/${value}'`);
  fieldCheck(value, complain);
  if (/[\s#\\]/.test(value)) complain(`'${value}' has a blank, '#' or '\\' in it: percent-encode it`);
});

const plainPath = text((value, complain) => {
  pathCheck(value, complain);
  if (/\s/.test(value)) complain(`'${value}' has a blank in it: write one path`);
});

const onePath = (meaning: string): z.ZodOptional<typeof plainPath> => plainPath.optional().describe(meaning);

const redirect = z.strictObject({
  scheme: choice('http', 'https').optional().describe("New scheme: 'https' sends to TLS"),
  host: text(hostCheck).optional().describe('New host'),
  port: number(1, 65_535).optional().describe('New port'),
  regex: text(regexCheck).optional().describe('Only paths that this fits as a whole (RE2 syntax)'),
  path: replacement.optional().describe('New path; $1 to $9 are the groups of regex'),
  status: choice('301', '302', '303', '307', '308').default('302').describe('Status of the answer'),
});

const rewrite = z.strictObject({
  stripPrefix: onePath('Prefix to take off the path'),
  regex: text(regexCheck).optional().describe('Then: where this fits the whole path (RE2 syntax)'),
  replacement: replacement.optional().describe('… the path becomes this; $1 to $9 are the groups'),
  addPrefix: onePath('Then: prefix to put before the path'),
  locationPrefix: onePath('Prefix to put before the path of Location fields in answers'),
});

const headers = z.strictObject({
  request: changes.optional().describe('Changes on the way to the instance'),
  response: changes.optional().describe('Changes on the way back'),
});

const hsts = z.strictObject({
  maxAgeSeconds: number(0, 315_360_000).default(15_768_000).describe('How long browsers insist on TLS'),
  includeSubdomains: flag.default(false).describe('Also for all names below'),
});

const user = (value: string, complain: (reason: string) => void): void => {
  const colon = value.indexOf(':');
  if (colon < 1) complain('a user has no password: write user:hash');
  else if (passwordKind(value.slice(colon + 1)) === undefined)
    complain(`the hash of user '${value.slice(0, colon)}' is of no kind that can be verified: ${HASHES}`);
};

const basicAuth = z.strictObject({
  users: list(user, /\s+/, 1_000).describe('user:hash each, with blanks or line ends between'),
  realm: text((value, complain) => {
    if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(value))
      complain('is no realm: write plain ASCII without quotes');
  })
    .default('restricted')
    .describe('What browsers show'),
  removeHeader: flag.default(false).describe('Instances do not see the password'),
});

const ipFilter = z.strictObject({
  allow: list(networkCheck, /[\s,]+/, 1_000)
    .optional()
    .describe('Addresses and networks; nobody else may come'),
  deny: list(networkCheck, /[\s,]+/, 1_000)
    .optional()
    .describe('Addresses and networks that may not come'),
});

/** `client`, or `header:<name>` and the like. */
export function keySource(plain: readonly string[], named: readonly string[]) {
  const forms = [...plain, ...named.map((n) => `${n}:<name>`)].join(', ');
  return text((value, complain) => {
    const [of = '', name] = value.split(':', 2);
    const holds = name === undefined ? plain.some((p) => p === of) : named.includes(of);
    if (!holds) complain(`'${value}' is not known: write one of ${forms}`);
    else if (name !== undefined) tokenCheck(name, complain);
  });
}

const rateLimit = z.strictObject({
  perSecond: number(0.001, 1_000_000, false).describe('Requests per second, on the long run'),
  burst: number(1, 1_000_000)
    .optional()
    .describe('Requests that may come at once; absent: those of a second'),
  by: keySource(['client'], ['header']).default('client').describe('Counted by client or header:<name>'),
});

const bodyLimit = z.strictObject({
  bytes: number(0, Number.MAX_SAFE_INTEGER).describe('Largest request body'),
});

const kinds = z.strictObject({
  redirect: redirect.optional().describe('Answers with another address'),
  rewrite: rewrite.optional().describe('Gives the instance another path'),
  headers: headers.optional().describe('Sets, adds and removes header fields'),
  hsts: hsts.optional().describe('Strict-Transport-Security in answers over TLS'),
  basicAuth: basicAuth.optional().describe('Asks for user and password'),
  ipFilter: ipFilter.optional().describe('Lets in by address'),
  rateLimit: rateLimit.optional().describe('Answers 429 to who asks too often'),
  bodyLimit: bodyLimit.optional().describe('Answers 413 to larger bodies'),
});

/**
 * One middleware as it is written: exactly one of the kinds, with its options. What comes out may be given in again, so
 * that a printed configuration is a sound one; `toMiddleware` makes of it what routes carry.
 */
export const middlewareSchema = kinds.superRefine((given, ctx) => {
  const problem = flaw(given);
  if (problem !== undefined) ctx.addIssue({ code: 'custom', message: problem });
});

export type MiddlewareOptions = z.output<typeof kinds>;

function flaw(options: MiddlewareOptions): string | undefined {
  const named = Object.values(options).filter((value) => value !== undefined);
  if (named.length !== 1) return `write exactly one of ${Object.keys(kinds.shape).join(', ')}`;
  const { redirect, rewrite, ipFilter } = options;
  if (redirect !== undefined) {
    const { scheme, host, port, path } = redirect;
    if (scheme === undefined && host === undefined && port === undefined && path === undefined)
      return 'a redirect needs scheme, host, port or path';
  }
  if (rewrite !== undefined) {
    if ((rewrite.regex === undefined) !== (rewrite.replacement === undefined))
      return 'regex and replacement go together: write both';
    if (Object.values(rewrite).every((value) => value === undefined))
      return 'a rewrite needs stripPrefix, regex with replacement, addPrefix or locationPrefix';
  }
  if (ipFilter !== undefined && ipFilter.allow === undefined && ipFilter.deny === undefined)
    return 'write allow or deny';
  return undefined;
}

/** The plain data that routes carry, of options that the schema has let through. */
export function toMiddleware(options: MiddlewareOptions): Middleware {
  const { redirect, rewrite, ipFilter, rateLimit, headers, hsts, basicAuth, bodyLimit } = options;
  if (redirect !== undefined) {
    const { status, ...rest } = redirect;
    return { kind: 'redirect', status: Number(status) as 301 | 302 | 303 | 307 | 308, ...given(rest) };
  }
  if (rewrite !== undefined) return { kind: 'rewrite', ...given(rewrite) };
  if (headers !== undefined)
    return { kind: 'headers', request: changed(headers.request), response: changed(headers.response) };
  if (hsts !== undefined) return { kind: 'hsts', ...hsts };
  if (basicAuth !== undefined) {
    const users = basicAuth.users.map((entry) => {
      const colon = entry.indexOf(':');
      return { name: entry.slice(0, colon), hash: entry.slice(colon + 1) };
    });
    return { kind: 'basicAuth', ...basicAuth, users };
  }
  if (ipFilter !== undefined) return { kind: 'ipFilter', ...given(ipFilter) };
  if (rateLimit !== undefined) return rateLimitOf(rateLimit);
  return { kind: 'bodyLimit', bytes: bodyLimit?.bytes ?? 0 };
}

function rateLimitOf(options: z.output<typeof rateLimit>): Middleware {
  const { perSecond, burst = Math.max(1, Math.ceil(perSecond)), by } = options;
  const header = by.startsWith('header:') ? by.slice('header:'.length).toLowerCase() : undefined;
  return {
    kind: 'rateLimit',
    perSecond,
    burst,
    by: header === undefined ? { of: 'client' } : { of: 'header', name: header },
  };
}

function changed(given: z.output<typeof changes> | undefined): FieldChanges {
  const pairs = (all: Readonly<Record<string, string>> | undefined): [string, string][] =>
    Object.entries(all ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    remove: (given?.remove ?? []).map((name) => name.toLowerCase()),
    set: pairs(given?.set),
    add: pairs(given?.add),
  };
}
