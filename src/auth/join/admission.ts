import type { Api, ApiRequest } from '../../core/http/server.ts';
import { pathOf } from '../../core/http/guard.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { peerIdOf } from '../../core/http/tls-gate.ts';
import { IAM } from '../api/iam-context.ts';
import { SIGN_ROUTES } from '../api/sign-routes.ts';
import { readSpiffeId } from '../identity/spiffe-id.ts';
import { PATHS } from './messages.ts';
import { OPERATOR } from './own-identities.ts';

/** What is for everybody, also where TLS is required: to get a first certificate, or one after the end of the last, and to judge certificates and tokens. */
const PUBLIC: ReadonlySet<string> = new Set([
  PATHS.join,
  PATHS.renewEnded,
  PATHS.bundle,
  SIGN_ROUTES.jwks,
  SIGN_ROUTES.discovery,
]);
/** What the processes of the cluster change with their certificates; everything else is for people. */
const FOR_PROCESSES: ReadonlySet<string> = new Set([PATHS.renew, SIGN_ROUTES.sign, SIGN_ROUTES.signJwt]);
/** A service may log in with more than its certificate. */
const LOGIN = `${IAM}/auth/`;
const PEOPLE = /^\/(operator|people)(\/|$)/;
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Before the identity API: where TLS is required whoever comes has a certificate; and one who has that of an agent, an edge, a framework or a task
 * cannot make itself another identity, whether or not logins are required.
 */
export function admitByCertificate(api: Api, tls: MutualTls | undefined): void {
  if (!tls) return;
  api.addHook('onRequest', async (request, reply) => {
    const why = refusal(tls, request);
    if (why !== undefined) return reply.code(403).send(why);
  });
}

function refusal({ mode }: MutualTls, request: ApiRequest): object | undefined {
  const path = pathOf(request);
  if (PUBLIC.has(path)) return undefined;
  const id = peerIdOf(request);
  if (id === undefined) {
    if (mode === 'permissive') return undefined;
    return { code: 'certificate-missing', message: `show a certificate: auth.tls is ${mode}` };
  }
  if (READS.has(request.method) || FOR_PROCESSES.has(path) || path.startsWith(LOGIN)) return undefined;
  const reading = readSpiffeId(id);
  if (reading.ok && PEOPLE.test(reading.path)) return undefined;
  const who = `people: ${OPERATOR} and /people/…`;
  return { code: 'denied', message: `${id} may not change anything here; that is for ${who}` };
}
