import { pathOf } from '../../core/http/guard.ts';
import type { Api, ApiReply } from '../../core/http/server.ts';
import type { Standing } from '../../store/index.ts';
import { authErrors } from '../errors.ts';

/** What every master answers for itself. */
const OWN = new Set(['/metrics', '/health', '/ready']);

/**
 * Have requests answered by the office of the leader: here, by its API, or where they are sent with 307; 503 while there is none. Nobody is asked who it is before: only
 * the leader knows.
 */
export function sendOn(
  api: Api,
  at: { readonly standing: () => Standing<string>; readonly office: () => Api | undefined },
): void {
  // A path that is not known here is one for the office.
  api.setNotFoundHandler((_request, reply) => reply.code(404).send());
  api.addHook('onRequest', async (request, reply) => {
    const standing = at.standing();
    const office = at.office();
    if (standing.kind === 'leads' && office) {
      reply.hijack();
      office.routing(request.raw, reply.raw);
      return reply;
    }
    if (OWN.has(pathOf(request))) return undefined;
    const leader = standing.kind === 'stands-by' ? standing.leader : undefined;
    if (leader === undefined) return refuse(reply, 503).header('retry-after', '1').send(body());
    return refuse(reply, 307).header('location', `//${leader}${request.url}`).send(body());
  });
}

function refuse(reply: ApiReply, status: number): ApiReply {
  return reply.code(status).header('content-type', 'application/json').header('cache-control', 'no-store');
}

function body(): object {
  const { code, message, hint } = authErrors.AUTH_STANDS_BY();
  return { code, message, hint };
}
