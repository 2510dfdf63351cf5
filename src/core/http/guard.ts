import { ANONYMOUS } from '../access.ts';
import type { Authenticator, Authorizer, Proof, Subject } from '../access.ts';
import type { Api, ApiReply, ApiRequest } from './server.ts';
import { peerIdOf } from './tls-gate.ts';

/** Who is who, and who may do what; an API without it is open. */
export interface Access {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  /** Whether `/metrics`, `/health` and `/ready` ask nobody who it is; they do unless told otherwise. */
  readonly openMetrics?: boolean;
}

const OPERATIONAL = new Set(['/metrics', '/health', '/ready']);

/** Why a request was turned away before its route saw it. */
export interface GuardRefusal {
  /** 401: say who you are; 403: you may not; 429: too many wrong guesses, try later. */
  readonly status: 401 | 403 | 429;
  /** For machines: `credentials-missing`, `cross-site`, `denied`, or what the authenticator said. */
  readonly code: string;
  /** One sentence for a person. */
  readonly why: string;
}

/** How one API is guarded. */
export interface GuardStyle {
  /** What anybody may ask for. */
  open(request: ApiRequest): boolean;
  /** What the request does, where the policy is asked before its route runs; undefined leaves it to the route. */
  asks?(request: ApiRequest): { readonly action: string; readonly object: string } | undefined;
  /** Answers who is turned away, in the words of this API. */
  refuse(request: ApiRequest, reply: ApiReply, refusal: GuardRefusal): ApiReply;
}

/** The path of a request as the route has it, parameters by their names: `/v1/hosts/:host`. */
export function pathOf(request: ApiRequest): string {
  return request.routeOptions.url ?? request.url.split('?', 1)[0] ?? '';
}

/** On the request itself: a WeakMap with an entry for each of thousands of calls makes full collections long. */
const SUBJECT = Symbol('subject');
type Examined = ApiRequest & { [SUBJECT]?: Subject };

/** Who sent a request, as the guard found; ANONYMOUS where nobody guards. */
export function subjectOf(request: ApiRequest): Subject {
  return (request as Examined)[SUBJECT] ?? ANONYMOUS;
}

/**
 * Have every request of an API prove who sent it, before its body is read. Call it before routes are added. Without
 * `access` it does nothing: then the API is open.
 */
export function guard(api: Api, access: Access | undefined, style: GuardStyle): void {
  if (access === undefined) return;
  api.addHook('onRequest', async (request, reply) => {
    if (access.openMetrics !== false && OPERATIONAL.has(pathOf(request))) return;
    if (style.open(request)) return;
    const refusal = await examine(access, style, request, reply);
    if (refusal !== undefined) return style.refuse(request, reply, refusal);
  });
}

async function examine(
  { authenticator, authorizer }: Access,
  style: GuardStyle,
  request: ApiRequest,
  reply: ApiReply,
): Promise<GuardRefusal | undefined> {
  if (isCrossSiteWrite(request))
    return { status: 403, code: 'cross-site', why: 'a cookie proves nothing in a request of another site' };
  const found = await authenticator.authenticate(proofOf(request));
  if (found.kind === 'refused') return refused(found.code, found.retryAfterMs, reply);
  const { subject } = found;
  if (subject.kind === 'anonymous')
    return { status: 401, code: 'credentials-missing', why: 'log in, or send a token' };
  (request as Examined)[SUBJECT] = subject;
  const question = style.asks?.(request);
  if (question === undefined) return undefined;
  const { allowed, rule } = authorizer.decide({ subject, ...question });
  if (allowed) return undefined;
  return { status: 403, code: 'denied', why: `the policy does not allow it (rule '${rule}')` };
}

function refused(code: string, retryAfterMs: number | undefined, reply: ApiReply): GuardRefusal {
  if (retryAfterMs === undefined) return { status: 401, code, why: 'what was sent proves nothing' };
  void reply.header('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  return { status: 429, code, why: 'too many wrong credentials: wait, then try again' };
}

/** What came with a request that may prove who sent it. */
export function proofOf(request: ApiRequest): Proof {
  const { authorization, cookie } = request.headers;
  const spiffeId = peerIdOf(request);
  return {
    address: request.ip,
    ...(spiffeId === undefined ? {} : { spiffeId }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(cookie === undefined ? {} : { cookie }),
  };
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A write that only a cookie vouches for: a page of another site can have a browser send it. */
function isCrossSiteWrite(request: ApiRequest): boolean {
  const { authorization, cookie } = request.headers;
  if (SAFE.has(request.method) || authorization !== undefined || cookie === undefined) return false;
  return !isSameOrigin(request, false);
}

/**
 * Whether a request comes from a page of our own origin, as browsers tell in `Sec-Fetch-Site` (Fetch Metadata) or `Origin`
 * (RFC 6454 §7); `otherwise` is for those that tell nothing.
 */
export function isSameOrigin(request: ApiRequest, otherwise: boolean): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin, host } = request.headers;
  if (origin === undefined) return otherwise;
  return origin === `http://${host}` || origin === `https://${host}`;
}
