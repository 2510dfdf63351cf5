import { TLSSocket } from 'node:tls';
import { z } from 'zod';
import type { Authorizer } from '../../core/access.ts';
import type { Clock } from '../../core/clock.ts';
import { decode } from '../../core/config/decode.ts';
import { RimrockError } from '../../core/errors.ts';
import { subjectOf } from '../../core/http/guard.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import { peerIdOf } from '../../core/http/tls-gate.ts';
import type { Logger } from '../../core/log.ts';
import type { Authority } from '../ca/authority.ts';
import { BACKDATE_MS } from '../ca/parts.ts';
import type { IssuedChain } from '../identity/issuer.ts';
import { readSpiffeId } from '../identity/spiffe-id.ts';
import { provenKey } from '../x509/csr.ts';
import { parseCertificate } from '../x509/parse.ts';
import type { Rates } from '../workload/rates.ts';
import { keyHash, vouchedBy } from './after-end.ts';
import { joinErrors } from './errors.ts';
import { PATHS } from './messages.ts';
import type { Issued, News } from './messages.ts';
import { readToken } from './token-text.ts';
import { JOINERS, pathOf } from './tokens.ts';
import type { JoinTokens, TokenRecord } from './tokens.ts';

export interface JoinContext {
  readonly authority: Authority;
  readonly tokens: JoinTokens;
  readonly authorizer: Authorizer;
  readonly log: Logger;
  readonly clock: Clock;
  /** So long after it was issued an identity is renewed by its key alone. */
  readonly renewableMs: number;
  /** Of those who come without a certificate. */
  readonly rates: Rates;
}

const joinBody = z.strictObject({ token: z.string().max(1024), csr: z.string().max(16_384) });
const renewBody = z.strictObject({ csr: z.string().max(16_384) });
const endedBody = z.strictObject({
  id: z.string().max(2048),
  csr: z.string().max(16_384),
  publicKey: z.string().max(4096),
  signature: z.string().max(4096),
});
const createBody = z.strictObject({
  for: z.enum(JOINERS),
  name: z.string().optional(),
  names: z.array(z.string()).max(20).default([]),
  ttlSeconds: z.number().positive().default(3600),
});

const LONGEST_WAIT_MS = 30_000;

/**
 * How processes away from the authority get and keep an identity: `join` with a token, `renew` with the certificate of the connection,
 * `news` of whom to believe; and the tokens themselves.
 */
export function addJoinRoutes(api: Api, context: JoinContext): void {
  const { tokens } = context;
  const answer = answering(context);
  api.post(
    PATHS.join,
    answer((request) => join(context, request)),
  );
  api.post(
    PATHS.renew,
    answer((request) => renew(context, request)),
  );
  api.post(
    PATHS.renewEnded,
    answer((request) => renewEnded(context, request)),
  );
  api.get(
    PATHS.news,
    answer((request) => news(context, request)),
  );
  api.get(
    PATHS.tokens,
    answer(async (request) => {
      allow(context, request, 'ca:view');
      return { tokens: (await tokens.list()).map(view) };
    }),
  );
  api.post(
    PATHS.tokens,
    answer(async (request) => {
      allow(context, request, 'ca:update');
      const { ttlSeconds, name, ...rest } = bodyOf(createBody, request);
      const wish = { ...rest, ...(name === undefined ? {} : { name }), ttlMs: ttlSeconds * 1000 };
      const [root = ''] = context.authority.bundle.roots;
      const { token, record } = await tokens.create({ ...wish, by: byOf(request) }, root);
      return { token, ...view(record) };
    }),
  );
  api.delete(
    `${PATHS.tokens}/:id`,
    answer(async (request, reply) => {
      allow(context, request, 'ca:update');
      await tokens.revoke((request.params as { id: string }).id);
      return reply.code(204).send();
    }),
  );
}

async function join({ authority, tokens, log }: JoinContext, request: ApiRequest): Promise<Issued> {
  const { token, csr } = bodyOf(joinBody, request);
  const text = readToken(token);
  const publicKey = provenKey(csr);
  if (publicKey === undefined)
    throw joinErrors.AUTH_JOIN_BAD_REQUEST({ field: 'csr', reason: 'it proves no key' });
  const record = await tokens.spend(text, keyHash(publicKey), request.ip);
  log.info({ token: record.id, id: pathOf(record), from: request.ip }, 'a process has joined');
  return issue(authority, record, publicKey);
}

/** The id is that of the certificate; what else the certificate says comes from the token that it came by. */
async function renew({ authority, tokens }: JoinContext, request: ApiRequest): Promise<Issued> {
  const id = peerIdOf(request);
  if (id === undefined)
    throw joinErrors.AUTH_JOIN_NOT_RENEWED({ id: '(none)', reason: 'no certificate was shown' });
  const { csr } = bodyOf(renewBody, request);
  const reading = readSpiffeId(id);
  const record = reading.ok ? await tokens.behind(reading.path) : undefined;
  if (!record) throw joinErrors.AUTH_JOIN_NOT_RENEWED({ id, reason: 'no token vouches for it' });
  const publicKey = provenKey(csr);
  const shown = shownBy(request);
  if (publicKey === undefined || shown === undefined)
    throw joinErrors.AUTH_JOIN_BAD_REQUEST({ field: 'csr', reason: 'it proves no key' });
  // What a revoked token has bought is good until its end, and must not be renewed by the next token for that name.
  if (!record.keys?.includes(shown.key) && shown.issuedMs < (record.spentMs ?? 0))
    throw joinErrors.AUTH_JOIN_NOT_RENEWED({ id, reason: 'it came by a token before' });
  await tokens.renewed(record, shown.key, keyHash(publicKey));
  return issue(authority, record, publicKey);
}

/**
 * One that was off while its certificate ended: the key of that certificate vouches for the new one. Whoever sends the same again gets a certificate for the
 * same new key, which is of no use without it.
 */
async function renewEnded(context: JoinContext, request: ApiRequest): Promise<Issued> {
  const { authority, tokens, clock, log, rates, renewableMs } = context;
  const { id, csr, publicKey: old, signature } = bodyOf(endedBody, request);
  const refused = (reason: string): Error => joinErrors.AUTH_JOIN_NOT_RENEWED({ id, reason });
  if (!rates.take('')) throw joinErrors.AUTH_JOIN_TOO_MANY();
  const key = vouchedBy(old, signature, id, csr);
  const publicKey = provenKey(csr);
  if (key === undefined || publicKey === undefined) throw refused('no key is proven');
  const reading = readSpiffeId(id);
  const own = reading.ok && reading.trustDomain === authority.bundle.trustDomain;
  const record = own ? await tokens.behind(reading.path) : undefined;
  if (!record?.keys?.includes(key)) throw refused('no token vouches for it');
  const issuedMs = record.renewedMs ?? record.spentMs ?? 0;
  if (clock.now() >= issuedMs + renewableMs) throw refused('it has ended too long ago');
  await tokens.renewed(record, key, keyHash(publicKey));
  log.info({ id, from: request.ip }, 'a process has renewed its identity after the end');
  return issue(authority, record, publicKey);
}

/** The key of the certificate of the connection, and since when there is that certificate. */
function shownBy({
  raw: { socket },
}: ApiRequest): { readonly key: string; readonly issuedMs: number } | undefined {
  const leaf = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (leaf === undefined) return undefined;
  const key = keyHash(leaf.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  return { key, issuedMs: parseCertificate(leaf.raw).notBeforeMs + BACKDATE_MS };
}

function issue(authority: Authority, record: TokenRecord, publicKey: string): Issued {
  const { names, id } = record;
  const issued: IssuedChain = authority.issue({
    publicKey,
    path: pathOf(record),
    names,
    by: `join token ${id}`,
  });
  return { ...issued, news: newsOf(authority) };
}

async function news({ authority }: JoinContext, request: ApiRequest): Promise<News> {
  const { after = '0', waitMs = '0' } = request.query as Record<string, string | undefined>;
  const wait = Number(waitMs);
  if (!(wait >= 0 && wait <= LONGEST_WAIT_MS) || !/^\d{1,15}$/.test(after))
    throw joinErrors.AUTH_JOIN_BAD_REQUEST({ field: 'waitMs', reason: `0 to ${LONGEST_WAIT_MS}` });
  await authority.later(Number(after), wait);
  return newsOf(authority);
}

function newsOf(authority: Authority): News {
  const { bundle, tainted } = authority.news;
  return { bundle: { ...bundle, roots: [...bundle.roots] }, tainted: [...tainted] };
}

/** No hash, and no secret. */
function view({
  hash: _,
  keys: _keys,
  createdMs,
  expiresMs,
  spentMs,
  renewedMs,
  ...record
}: TokenRecord): object {
  return {
    ...record,
    path: pathOf(record),
    created: new Date(createdMs).toISOString(),
    expires: new Date(expiresMs).toISOString(),
    ...(spentMs === undefined ? {} : { spent: new Date(spentMs).toISOString() }),
    ...(renewedMs === undefined ? {} : { renewed: new Date(renewedMs).toISOString() }),
  };
}

/** What a request was refused for that is no error of ours. */
class Denied extends Error {}

function allow({ authorizer }: JoinContext, request: ApiRequest, action: string): void {
  const { allowed, rule } = authorizer.decide({ subject: subjectOf(request), action, object: '' });
  if (!allowed) throw new Denied(`the policy does not allow it (rule '${rule}')`);
}

type Handler = (request: ApiRequest, reply: ApiReply) => Promise<unknown>;

const STATUS: ReadonlyMap<string, number> = new Map([
  ['AUTH_JOIN_TOKEN_REFUSED', 403],
  ['AUTH_JOIN_NOT_RENEWED', 403],
  ['AUTH_JOIN_NO_SUCH_TOKEN', 404],
  ['AUTH_JOIN_TOO_MANY', 429],
  ['AUTH_CA_NOT_STARTED', 503],
  ['AUTH_CA_NOT_HERE', 503],
  ['AUTH_CA_ENDED', 503],
]);

/** Errors of ours are answered as `{code, message, hint}`. */
function answering({ log }: JoinContext): (handler: Handler) => Handler {
  return (handler) => async (request, reply) => {
    void reply.header('cache-control', 'no-store');
    try {
      return await handler(request, reply);
    } catch (error) {
      if (error instanceof Denied) return reply.code(403).send({ code: 'denied', message: error.message });
      if (!(error instanceof RimrockError)) throw error;
      const { code, message, hint } = error;
      log.warn({ code, from: request.ip, path: request.url }, 'somebody was not let in');
      return reply.code(STATUS.get(code) ?? 400).send({ code, message, hint });
    }
  };
}

/** What is wrong is told by field, never by value: there may be a token in it. */
function bodyOf<S extends z.ZodType>(schema: S, request: ApiRequest): z.output<S> {
  let input: unknown;
  try {
    input = JSON.parse(Buffer.isBuffer(request.body) ? request.body.toString() : '');
  } catch {
    throw joinErrors.AUTH_JOIN_BAD_REQUEST({ field: 'body', reason: 'not a JSON object' });
  }
  const decoded = decode(schema, input);
  if (decoded.ok) return decoded.value;
  const [{ path, message } = { path: 'body', message: 'not what is expected' }] = decoded.issues;
  throw joinErrors.AUTH_JOIN_BAD_REQUEST({ field: path, reason: message });
}

function byOf(request: ApiRequest): string {
  const { kind, name } = subjectOf(request);
  if (kind !== 'anonymous') return `${kind}:${name}`;
  return peerIdOf(request) ?? `anonymous at ${request.ip}`;
}
