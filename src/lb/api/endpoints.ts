import type { Api, ApiReply } from '../../core/http/server.ts';
import type { Logger } from '../../core/log.ts';
import type { CheckView } from '../health/checks/index.ts';
import type { Drains, DrainTarget } from '../control/drains.ts';
import type { BackendSpec, PlaneQuestion } from '../plane/messages.ts';
import { endpointView } from './explain.ts';
import { liveEndpoints } from './live.ts';

export interface EndpointsParts {
  readonly specs: () => Iterable<BackendSpec>;
  readonly checks: () => readonly unknown[];
  readonly drains: Drains;
  readonly askAll: (question: PlaneQuestion) => Promise<readonly unknown[]>;
  readonly log: Logger;
}

type CheckedBackend = { readonly backend: string; readonly endpoints: readonly CheckView[] };

/** `/endpoints`, and `/endpoints/drain`, the only thing in the admin API that changes anything. */
export function addEndpointRoutes(api: Api, parts: EndpointsParts): void {
  api.get('/endpoints', async (request) => {
    const { service } = request.query as { service?: string };
    const specs = [...parts.specs()].filter((spec) => service === undefined || spec.serviceKey === service);
    const live = await liveEndpoints(new Set(specs.map(({ key }) => key)), parts.askAll);
    const checks = new Map(
      (parts.checks() as readonly CheckedBackend[]).map(({ backend, endpoints }) => [
        backend,
        new Map(endpoints.map((view) => [view.key, view])),
      ]),
    );
    return {
      drained: parts.drains.view,
      backends: specs.map(({ key, serviceKey, policy, endpoints }) => ({
        backend: key,
        service: serviceKey,
        balance: policy.balance,
        endpoints: endpoints.map((endpoint) => ({
          ...endpointView(endpoint),
          drainedByHand: parts.drains.drains(serviceKey, endpoint.taskId),
          // Null: no plane has said.
          inFlight: null,
          waiting: null,
          eligibility: null,
          ...live.get(key)?.get(endpoint.key),
          check: checkOf(checks.get(key)?.get(endpoint.key)),
        })),
      })),
    };
  });
  api.post('/endpoints/drain', async (request, reply) => {
    // A form of some web page cannot send this type without asking first.
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
      return refuse(reply, 415, "write 'Content-Type: application/json'");
    const wanted = readOrder(request.body);
    if (typeof wanted === 'string') return refuse(reply, 400, wanted);
    const { target, drain } = wanted;
    if (!parts.drains.set(target, drain))
      return refuse(reply, 404, 'no such service or task has a route; GET /endpoints lists them');
    parts.log.warn(
      { ...target, drain, client: request.ip },
      drain ? 'taken out of service by hand' : 'let in again',
    );
    return { ...target, drain, drained: parts.drains.view };
  });
}

const refuse = (reply: ApiReply, status: number, error: string): ApiReply =>
  reply.code(status).send({ error });

function checkOf(view: CheckView | undefined): unknown {
  if (view === undefined) return null;
  const { healthy, last, history } = view;
  return { healthy: healthy ?? null, last, history };
}

const HOW = 'write {"service": "marathon/web", "drain": true} or {"task": "<task id>", "drain": true}';

function readOrder(body: unknown): { readonly target: DrainTarget; readonly drain: boolean } | string {
  let order: unknown;
  try {
    order = JSON.parse(Buffer.isBuffer(body) ? body.toString('utf8') : '');
  } catch {
    return `the body is no JSON: ${HOW}`;
  }
  if (typeof order !== 'object' || order === null || Array.isArray(order)) return HOW;
  const { service, task, drain, ...more } = order as Record<string, unknown>;
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined) return `'${unknown}' is not known: ${HOW}`;
  if (typeof drain !== 'boolean') return `'drain' is neither true nor false: ${HOW}`;
  if (typeof service === 'string' && task === undefined) return { target: { service }, drain };
  if (typeof task === 'string' && service === undefined) return { target: { task }, drain };
  return `name either a service or a task: ${HOW}`;
}
