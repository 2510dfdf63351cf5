import type { May } from '../../core/access.ts';
import { guard, pathOf } from '../../core/http/guard.ts';
import type { Access, GuardStyle } from '../../core/http/guard.ts';
import { addOperationalRoutes } from '../../core/http/operational.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { systemSockets } from '../../core/http/sockets.ts';
import type { Sockets } from '../../core/http/sockets.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import { examineCall } from '../../core/http/v1-calls.ts';
import { encodeDocument } from '../../mesos/proto/index.ts';
import type { Health } from '../../core/health.ts';
import type { Metrics } from '../../core/metrics.ts';
import { executorsWithoutCertificate } from './by-certificate.ts';
import { addExecutorRoute } from './executor-route.ts';
import type { ExecutorDoor } from './executor-route.ts';
import { addFilesRoutes } from './files-routes.ts';
import { flagsOf, VERSION_INFO } from './flags.ts';
import { OPERATOR_CALLS } from './operator-call.ts';
import { answerCall } from './operator.ts';
import { metricsSnapshot } from './snapshot.ts';
import { stateDocument } from './state.ts';
import { containersDocument, monitorDocument } from './statistics.ts';
import { askedOf, seenBy } from './permissions.ts';
import type { MayOf } from './permissions.ts';
import type { AgentView } from './view.ts';

/** Every route exists bare and under the name of the agent's process. */
const PREFIXES = ['', '/slave(1)'];

/** The agent's HTTP API (mesos-api.md §3.4, §3.6, §3.7). */
export function createAgentApi(
  view: AgentView,
  parts: {
    readonly metrics: Metrics;
    readonly health: Health;
    readonly access?: Access | undefined;
    readonly tls?: MutualTls | undefined;
  },
  sockets: Sockets = systemSockets,
  executors?: ExecutorDoor,
): Api {
  const api = sockets.createApi();
  if (executors?.tokens) executorsWithoutCertificate(api, parts.tls);
  guard(api, parts.access, GUARD);
  const asked = askedOf(parts.access?.authorizer);
  api.setNotFoundHandler((_request, reply) => text(reply, 404, '404 Not Found.'));
  for (const prefix of PREFIXES) {
    addDocuments(api, prefix, view, asked);
    addFilesRoutes(api, prefix, view, asked);
    if (executors) addExecutorRoute(api, prefix, executors);
    api.all(`${prefix}/api/v1`, (request, reply) => operatorCall(view, asked, request, reply));
  }
  addOperationalRoutes(api, { ...parts, skip: ['/health'] });
  return api;
}

/** What `get_endpoints` is asked for. */
const ENDPOINTS: ReadonlySet<string> = new Set(['/containers', '/monitor/statistics', '/metrics/snapshot']);

function addDocuments(api: Api, prefix: string, view: AgentView, asked: MayOf): void {
  const document = (path: string, read: (seen: AgentView, may: May) => unknown): void => {
    api.route({
      method: ['GET', 'POST'],
      url: `${prefix}${path}`,
      handler: async (request, reply) => {
        if (!view.recovered) return recovering(reply);
        const may = asked(request);
        if (ENDPOINTS.has(path) && !may('get_endpoints', path)) return forbidden(reply);
        return reply.type('application/json').send(JSON.stringify(await read(seenBy(view, may), may)));
      },
    });
  };
  document('/state', (seen, may) => {
    const { flags, ...rest } = stateDocument(seen);
    return may('view_flags', '') ? { ...rest, flags } : rest;
  });
  document('/containers', containersDocument);
  document('/monitor/statistics', monitorDocument);
  document('/metrics/snapshot', () => metricsSnapshot(view));
  api.get(`${prefix}/flags`, async (request, reply) =>
    asked(request)('view_flags', '') ? { flags: flagsOf(view.config) } : forbidden(reply),
  );
  api.get(`${prefix}/version`, async () => VERSION_INFO);
  api.get(`${prefix}/health`, async (_request, reply) => reply.code(200).send());
}

/** Executors prove who they are in a way of their own. */
const OPEN = /^(\/slave\(1\))?\/(health|version|api\/v1\/executor)$/;

/** The realms of Mesos (mesos-api.md §6.1). */
const GUARD: GuardStyle = {
  open: (request) => OPEN.test(pathOf(request)),
  refuse: (request, reply, { status }) => {
    const realm = pathOf(request).endsWith('/api/v1') ? 'readwrite' : 'readonly';
    if (status === 401) void reply.header('www-authenticate', `Basic realm="mesos-agent-${realm}"`);
    const words = { 401: 'Unauthorized', 403: 'Forbidden', 429: 'Too Many Requests' } as const;
    return text(reply, status, `${status} ${words[status]}.`);
  },
};

/** In Mesos' order: method, media type, body, call (mesos-api.md §0.1). */
async function operatorCall(
  view: AgentView,
  asked: MayOf,
  request: ApiRequest,
  reply: ApiReply,
): Promise<ApiReply> {
  if (!view.recovered) return recovering(reply);
  if (request.method !== 'POST') {
    const refusal = `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${request.method}'.`;
    return text(reply.header('allow', 'POST'), 405, refusal);
  }
  const read = examineCall(request, OPERATOR_CALLS);
  if (!('call' in read)) return text(reply, read.status, read.text);
  if (read.call['type'] === 'UNKNOWN') return text(reply, 501, '501 Not Implemented.');
  const answer = await answerCall(view, read.call, asked(request));
  if ('text' in answer) return text(reply, answer.status, answer.text);
  if (answer.body === undefined) return reply.code(answer.status).send();
  return reply.type(read.answerAs).send(encodeDocument(read.answerAs, 'agent.Response', answer.body));
}

function forbidden(reply: ApiReply): ApiReply {
  return text(reply, 403, '403 Forbidden.');
}

function recovering(reply: ApiReply): ApiReply {
  return text(reply, 503, 'Agent has not finished recovery');
}

function text(reply: ApiReply, status: number, body: string): ApiReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(body);
}
