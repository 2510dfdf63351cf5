import type { Api } from '../../core/http/server.ts';
import type { Acl } from './acl.ts';

/** Answer 403 in plain text to clients that the list does not name. Call it before the routes are added. */
export function allowOnly(api: Api, acl: Acl): void {
  api.addHook('onRequest', async (request, reply) => {
    if (acl.allows(request.ip)) return;
    return reply.code(403).header('content-type', 'text/plain; charset=utf-8').send('403: Forbidden');
  });
}
