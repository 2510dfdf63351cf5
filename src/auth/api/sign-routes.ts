import { z } from 'zod';
import { decode } from '../../core/config/decode.ts';
import { RimrockError } from '../../core/errors.ts';
import { proofOf, subjectOf } from '../../core/http/guard.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { RunningTasks } from '../../core/identity.ts';
import type { Logger } from '../../core/log.ts';
import type { Authority } from '../ca/authority.ts';
import { workloadErrors } from '../workload/errors.ts';
import type { TaskAuthority, TaskClaim } from '../workload/task-authority.ts';

export interface SignContext {
  readonly room: TaskAuthority & { readonly jwks: string };
  readonly tasks: RunningTasks;
  readonly authority: Authority;
  readonly config: {
    readonly required: boolean;
    readonly trustDomain: string;
    readonly workload: { readonly jwtIssuer?: string | undefined };
  };
  readonly log: Logger;
}

const claim = { agentId: z.string(), frameworkId: z.string(), taskId: z.string() };
const signBody = z.strictObject({ ...claim, csr: z.string() });
const jwtBody = z.strictObject({ ...claim, audience: z.array(z.string()) });

const LONGEST_WAIT_MS = 30_000;
/** The keys of tokens are looked at again after this time, whether or not a root changed. */
const NEWS_WAIT_MS = 10_000;

export const SIGN_ROUTES = {
  sign: '/ca/v1/sign',
  signJwt: '/ca/v1/sign-jwt',
  news: '/ca/v1/task-news',
  jwks: '/ca/v1/jwks.json',
  discovery: '/.well-known/openid-configuration',
} as const;

/** What agents ask for their tasks, and what others need to verify tokens. */
export function addSignRoutes(api: Api, context: SignContext): void {
  const { room, authority } = context;
  api.post(SIGN_ROUTES.sign, (request, reply) =>
    answer(context, reply, async () => {
      const { csr, ...task } = bodyOf(signBody, request);
      checkAgent(context, request, task);
      return room.sign(task, csr);
    }),
  );
  api.post(SIGN_ROUTES.signJwt, (request, reply) =>
    answer(context, reply, async () => {
      const { audience, ...task } = bodyOf(jwtBody, request);
      checkAgent(context, request, task);
      return room.signJwt(task, audience);
    }),
  );
  // Public, as the bundle is: whom to believe, what to renew, and the keys of tokens.
  api.get(SIGN_ROUTES.news, async (request, reply) =>
    answer(context, reply, async () => {
      const { after = '0', waitMs = String(NEWS_WAIT_MS) } = request.query as Record<string, string>;
      const wait = Number(waitMs);
      if (!/^\d{1,15}$/.test(after) || !(wait >= 0 && wait <= LONGEST_WAIT_MS))
        throw workloadErrors.AUTH_SIGN_BAD_REQUEST({ reason: `after, waitMs: 0 to ${LONGEST_WAIT_MS}` });
      await authority.later(Number(after), wait);
      void reply.header('cache-control', 'no-store');
      return { ...authority.news, jwks: room.jwks };
    }),
  );
  api.get(SIGN_ROUTES.jwks, async (_request, reply) => {
    void reply.header('content-type', 'application/jwk-set+json').header('cache-control', 'max-age=60');
    return room.jwks;
  });
  api.get(SIGN_ROUTES.discovery, async () => discovery(context));
}

/** OpenID Connect Discovery §3: as much as is needed to verify a token. */
function discovery({ config }: SignContext): Record<string, unknown> {
  const issuer = config.workload.jwtIssuer ?? `spiffe://${config.trustDomain}`;
  const base = config.workload.jwtIssuer?.replace(/\/$/, '') ?? '';
  return {
    issuer,
    jwks_uri: `${base}${SIGN_ROUTES.jwks}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
}

const LOOPBACK = /^(::ffff:)?127\.|^::1$/;

/** Whoever asks for a task is the agent that runs it: by its certificate or, where nobody must log in, by being on this machine. */
function checkAgent({ config, tasks }: SignContext, request: ApiRequest, { agentId }: TaskClaim): void {
  const refused = (reason: string): RimrockError => workloadErrors.AUTH_SIGN_NOT_PROVEN({ agentId, reason });
  const subject = subjectOf(request);
  const shown = subject.kind === 'workload' ? subject.name : proofOf(request).spiffeId;
  if (shown !== undefined) {
    const agents = `spiffe://${config.trustDomain}/agent/`;
    const registered = tasks.agentIdentity?.(agentId) ?? agents + agentId;
    if (shown === registered && shown.startsWith(agents)) return;
    throw refused(`the certificate is of ${shown}`);
  }
  if (config.required) throw refused('no certificate was shown');
  if (!LOOPBACK.test(request.ip)) throw refused(`the request comes from ${request.ip}`);
}

function bodyOf<S extends z.ZodType>(schema: S, request: ApiRequest): z.output<S> {
  let input: unknown;
  try {
    input = JSON.parse(Buffer.isBuffer(request.body) ? request.body.toString() : '');
  } catch {
    throw workloadErrors.AUTH_SIGN_BAD_REQUEST({ reason: 'the body must be a JSON object' });
  }
  const decoded = decode(schema, input);
  if (decoded.ok) return decoded.value;
  const reason = decoded.issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw workloadErrors.AUTH_SIGN_BAD_REQUEST({ reason });
}

const STATUS: ReadonlyMap<string, number> = new Map([
  ['AUTH_SIGN_NOT_PROVEN', 403],
  ['AUTH_SIGN_BAD_REQUEST', 400],
  ['AUTH_SIGN_NO_TASK', 404],
  ['AUTH_SIGN_TOO_MANY', 429],
]);

/** Errors of ours are answered as what they are: `{code, message, hint}`. */
async function answer({ log }: SignContext, reply: ApiReply, work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RimrockError)) throw error;
    const { code, message, hint } = error;
    const status = STATUS.get(code) ?? 503;
    log.warn({ code, reason: message }, 'no identity for a task');
    if (status === 429) void reply.header('retry-after', '1');
    return reply.code(status).header('content-type', 'application/json').send({ code, message, hint });
  }
}
