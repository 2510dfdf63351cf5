import type { Health } from '../health.ts';
import type { Metrics } from '../metrics.ts';
import type { Api } from './server.ts';

/**
 * `/metrics`, `/health` and `/ready`, the same on every port of ours. `/health` is 200 while the part can answer and
 * tells all conditions; `/ready` is 200 only when every condition holds and nothing drains, else 503.
 * `skip` leaves out paths which the API itself defines in its own way (a Mesos master's /health has an empty body).
 */
export function addOperationalRoutes(
  api: Api,
  parts: { readonly metrics: Metrics; readonly health: Health; readonly skip?: readonly string[] },
): void {
  const skip = new Set(parts.skip);
  if (!skip.has('/metrics')) {
    api.get('/metrics', async (_request, reply) => {
      void reply.header('content-type', parts.metrics.contentType);
      return parts.metrics.text();
    });
  }
  if (!skip.has('/health')) api.get('/health', async () => ({ alive: true, ...parts.health.report() }));
  if (!skip.has('/ready')) {
    api.get('/ready', async (_request, reply) => {
      const report = parts.health.report();
      return reply.code(report.ready ? 200 : 503).send(report);
    });
  }
}
