import { pathOf } from '../../core/http/guard.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { Api } from '../../core/http/server.ts';
import { peerIdOf } from '../../core/http/tls-gate.ts';

/** Where executors come, who prove by a token which one they are. */
const FOR_EXECUTORS = /\/api\/v1\/executor$/;

/**
 * Where TLS is required, whoever comes to an API that lets executors in without a certificate has one for everything else. Call it before the routes are added.
 */
export function executorsWithoutCertificate(api: Api, tls: MutualTls | undefined): void {
  if (tls?.mode !== 'required') return;
  api.addHook('onRequest', async (request, reply) => {
    if (peerIdOf(request) !== undefined || FOR_EXECUTORS.test(pathOf(request))) return;
    tls.refused(request.ip, 'it has shown no certificate');
    return reply.code(403).type('text/plain').send('403 Forbidden.');
  });
}
