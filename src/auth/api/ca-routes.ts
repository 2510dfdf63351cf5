import { z } from 'zod';
import type { Authorizer } from '../../core/access.ts';
import { decode } from '../../core/config/decode.ts';
import { RimrockError } from '../../core/errors.ts';
import { subjectOf } from '../../core/http/guard.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Audit } from '../ca/audit.ts';
import type { Authority } from '../ca/authority.ts';
import { spiffeBundle } from '../ca/spiffe-bundle.ts';
import type { AuthorityState, Root } from '../ca/state.ts';
import type { IssuedChain } from '../identity/issuer.ts';
import { readPkcs12 } from '../pkcs12/read.ts';
import { writePkcs12 } from '../pkcs12/write.ts';
import { makeKeyPair } from '../x509/make.ts';

const CA = '/ca/v1';

export interface CaContext {
  readonly authority: Authority;
  readonly audit: Audit;
  readonly authorizer: Authorizer;
  readonly random: Random;
  readonly log: Logger;
}

/** What is wrong with a request, as it is answered: `{code, message, hint}`. */
interface CaError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

type Handler = (request: ApiRequest, reply: ApiReply) => Promise<unknown>;

const identity = {
  path: z.string(),
  names: z.array(z.string()).default([]),
  lifetimeSeconds: z.number().positive().optional(),
};
const issueBody = z.strictObject({ publicKey: z.string(), ...identity });
const exportBody = z.strictObject({ password: z.string().min(1), ...identity });
const activateBody = z.strictObject({ force: z.boolean().default(false) });
const bringInBody = z.union([
  z.strictObject({ certificates: z.string(), privateKey: z.string().optional() }),
  z.strictObject({ pkcs12: z.base64(), password: z.string() }),
]);

const LONGEST_WAIT_MS = 30_000;
const MOST_ENTRIES = 10_000;

/** The certificate authority over HTTP. No private key leaves it but in PKCS#12 files, under the password that was asked for. */
export function addCaRoutes(api: Api, context: CaContext): void {
  const { authority, audit } = context;
  const guarded = guardedBy(context);
  const view = (path: string, handler: Handler): void => void api.get(CA + path, guarded('ca:view', handler));
  const update = (path: string, handler: Handler): void =>
    void api.post(CA + path, guarded('ca:update', handler));

  // To judge others by: for everybody.
  api.get(
    `${CA}/bundle`,
    guarded(undefined, (request, reply) => bundle(context, request, reply)),
  );
  view('/state', async () => stateView(authority));
  view('/audit', async ({ query }) => {
    const limit = Number((query as { limit?: string }).limit ?? 100);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ENTRIES)
      return badRequest(`limit: a number from 1 to ${MOST_ENTRIES}`);
    return { entries: await audit.latest(limit) };
  });
  const step = (path: string, act: (by: string, request: ApiRequest) => Promise<unknown>): void =>
    update(path, async (request) => {
      const refused = await act(byOf(request), request);
      return isError(refused) ? refused : stateView(authority);
    });
  step('/prepare', (by) => authority.prepare(by));
  step('/discard', (by) => authority.discard(by));
  step('/activate', async (by, request) => {
    const body = bodyOf(activateBody, request);
    return isError(body) ? body : authority.activate(by, body.force);
  });
  step('/taint', (by) => authority.taint(by));
  step('/revoke', (by) => authority.revoke(by));
  step('/rotate', (by) => authority.rotate(by));
  update('/csr', async (request, reply) => {
    void reply.header('content-type', 'application/pkcs10');
    return authority.request(byOf(request));
  });
  update('/intermediate', async (request) => {
    const body = bodyOf(bringInBody, request);
    if (isError(body)) return body;
    const brought =
      'pkcs12' in body ? readPkcs12(Buffer.from(body.pkcs12, 'base64'), body.password) : withoutHoles(body);
    return { intermediate: await authority.bringIn(brought, byOf(request)), ...stateView(authority) };
  });
  update('/issue', async (request) => {
    const body = bodyOf(issueBody, request);
    return isError(body) ? body : issuedView(issue(authority, body, byOf(request)));
  });
  update('/pkcs12', async (request, reply) => {
    const body = bodyOf(exportBody, request);
    if (isError(body)) return body;
    const { publicKey, privateKey } = makeKeyPair();
    const { certificateChain } = issue(authority, { ...body, publicKey }, byOf(request));
    const certificates = certificateChain + authority.bundle.roots[0];
    const name = body.path.slice(body.path.lastIndexOf('/') + 1);
    void reply.header('content-type', 'application/x-pkcs12');
    return writePkcs12(
      { privateKey, certificates },
      { password: body.password, name, random: context.random },
    );
  });
}

function issue(
  authority: Authority,
  asked: Omit<z.output<typeof issueBody>, 'names'> & { readonly names: readonly string[] },
  by: string,
): IssuedChain {
  const { publicKey, path, names, lifetimeSeconds } = asked;
  const lifetime = lifetimeSeconds === undefined ? {} : { lifetimeMs: lifetimeSeconds * 1000 };
  return authority.issue({ publicKey, path, names, by, ...lifetime });
}

/** PEM, or with `format=spiffe` a JWK set. `after` waits for a bundle of a higher sequence, for at most `waitMs`. */
async function bundle({ authority }: CaContext, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  const { format = 'pem', after, waitMs = '0' } = request.query as Record<string, string | undefined>;
  const wait = Number(waitMs);
  if (format !== 'pem' && format !== 'spiffe') return badRequest("format: 'pem' or 'spiffe'");
  if (!(wait >= 0 && wait <= LONGEST_WAIT_MS)) return badRequest(`waitMs: 0 to ${LONGEST_WAIT_MS}`);
  if (after !== undefined) {
    if (!/^\d{1,15}$/.test(after)) return badRequest('after: the sequence of the bundle that you have');
    await authority.later(Number(after), wait);
  }
  const now = authority.bundle;
  void reply.header('cache-control', 'no-store').header('x-bundle-sequence', String(now.sequence));
  if (format === 'spiffe') return spiffeBundle(now);
  void reply.header('content-type', 'application/x-pem-file');
  return now.roots.join('');
}

/** Everything but the certificates themselves; there are no keys in it. */
function stateView(authority: Authority): Record<string, unknown> {
  const { state, alarm } = authority.view();
  const { trustDomain, sequence, active, activeUntilMs, next, old, requested } = state;
  return {
    trustDomain,
    sequence,
    active: {
      root: rootView(active.root),
      intermediate: validityView(active.intermediate),
      issuedUntil: iso(activeUntilMs),
    },
    ...(next ? { next: { root: rootView(next.root), prepared: iso(next.preparedMs) } } : {}),
    ...(old
      ? { old: { root: rootView(old.root), believedUntil: iso(old.untilMs), tainted: old.tainted } }
      : {}),
    ...(requested ? { requested: requested.id } : {}),
    ...(alarm === undefined ? {} : { alarm }),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

const validityView = (of: Pick<Root, 'id' | 'notBeforeMs' | 'notAfterMs'>): Record<string, unknown> => ({
  id: of.id,
  notBefore: iso(of.notBeforeMs),
  notAfter: iso(of.notAfterMs),
});

const rootView = (root: AuthorityState['active']['root']): Record<string, unknown> => ({
  ...validityView(root),
  own: root.own,
});

const issuedView = ({ id, certificateChain, root, notAfterMs }: IssuedChain): Record<string, unknown> => ({
  id,
  certificateChain,
  root,
  notAfter: iso(notAfterMs),
});

/** Asks the policy, runs the handler, and answers errors of ours as what they are. */
function guardedBy({ authorizer, log }: CaContext) {
  return (action: string | undefined, handler: Handler) =>
    async (request: ApiRequest, reply: ApiReply): Promise<unknown> => {
      if (action !== undefined) {
        const { allowed, rule } = authorizer.decide({ subject: subjectOf(request), action, object: '' });
        if (!allowed)
          return fail(reply, {
            status: 403,
            code: 'denied',
            message: `the policy does not allow it (rule '${rule}')`,
          });
      }
      try {
        const answer = await handler(request, reply);
        return isError(answer) ? fail(reply, answer) : answer;
      } catch (error) {
        if (!(error instanceof RimrockError)) throw error;
        const { code, message, hint } = error;
        const status = statusOf(code);
        if (status >= 500) log.warn({ error }, 'the certificate authority could not do what was asked');
        return fail(reply, { status, code, message, hint });
      }
    };
}

const UNAVAILABLE = new Set(['AUTH_CA_NOT_STARTED', 'AUTH_CA_NOT_HERE', 'AUTH_CA_ENDED']);
const BAD_INPUT = /^AUTH_(CA_BAD_|PKCS12_)/;

function statusOf(code: string): number {
  if (BAD_INPUT.test(code)) return 400;
  if (UNAVAILABLE.has(code)) return 503;
  return code.startsWith('AUTH_CA_') ? 409 : 500;
}

function fail(reply: ApiReply, { status, ...error }: CaError): ApiReply {
  return reply.code(status).header('content-type', 'application/json').send(error);
}

const badRequest = (message: string): CaError => ({ status: 400, code: 'bad-request', message });

function isError(answer: unknown): answer is CaError {
  return typeof answer === 'object' && answer !== null && 'status' in answer && 'message' in answer;
}

/** An empty body is an empty object. What is wrong is told by field, never by value: there may be a key in it. */
function bodyOf<S extends z.ZodType>(schema: S, request: ApiRequest): z.output<S> | CaError {
  const text = Buffer.isBuffer(request.body) ? request.body.toString() : '';
  let input: unknown;
  try {
    input = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    return badRequest('the body must be a JSON object');
  }
  const decoded = decode(schema, input);
  if (decoded.ok) return decoded.value;
  return badRequest(decoded.issues.map(({ path, message }) => `${path}: ${message}`).join('; '));
}

function withoutHoles({
  certificates,
  privateKey,
}: {
  readonly certificates: string;
  readonly privateKey?: string | undefined;
}): { readonly certificates: string; readonly privateKey?: string } {
  return privateKey === undefined ? { certificates } : { certificates, privateKey };
}

/** On whose behalf, for the audit log. */
function byOf(request: ApiRequest): string {
  const { kind, name } = subjectOf(request);
  return kind === 'anonymous' ? `anonymous at ${request.ip}` : `${kind}:${name}`;
}
