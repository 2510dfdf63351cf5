import { addOperationalRoutes } from '../../core/http/operational.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Health } from '../../core/health.ts';
import type { Metrics } from '../../core/metrics.ts';
import { addFilesRoutes } from './files-routes.ts';
import { flagsOf, VERSION_INFO } from './flags.ts';
import { answerCall } from './operator.ts';
import { metricsSnapshot } from './snapshot.ts';
import { stateDocument } from './state.ts';
import { containersDocument, monitorDocument } from './statistics.ts';
import type { AgentView } from './view.ts';

/** Every route exists bare and under the name of the agent's process. */
const PREFIXES = ['', '/slave(1)'];

/** The agent's HTTP API (mesos-api.md §3.4, §3.6, §3.7). */
export function createAgentApi(view: AgentView, parts: { metrics: Metrics; health: Health }): Api {
  const api = createApi();
  api.setNotFoundHandler((_request, reply) => text(reply, 404, '404 Not Found.'));
  for (const prefix of PREFIXES) {
    addDocuments(api, prefix, view);
    addFilesRoutes(api, prefix, view);
    api.post(`${prefix}/api/v1`, (request, reply) => operatorCall(view, request, reply));
  }
  addOperationalRoutes(api, { ...parts, skip: ['/health'] });
  return api;
}

function addDocuments(api: Api, prefix: string, view: AgentView): void {
  const document = (path: string, read: () => unknown): void => {
    api.route({
      method: ['GET', 'POST'],
      url: `${prefix}${path}`,
      handler: async (_request, reply) => {
        if (!view.recovered) return recovering(reply);
        return reply.type('application/json').send(JSON.stringify(read()));
      },
    });
  };
  document('/state', () => stateDocument(view));
  document('/containers', () => containersDocument(view));
  document('/monitor/statistics', () => monitorDocument(view));
  document('/metrics/snapshot', () => metricsSnapshot(view));
  api.get(`${prefix}/flags`, async () => ({ flags: flagsOf(view.config) }));
  api.get(`${prefix}/version`, async () => VERSION_INFO);
  api.get(`${prefix}/health`, async (_request, reply) => reply.code(200).send());
}

/** In Mesos' order: media type, body, call (mesos-api.md §0.1). */
async function operatorCall(view: AgentView, request: ApiRequest, reply: ApiReply): Promise<ApiReply> {
  if (!view.recovered) return recovering(reply);
  const media = request.headers['content-type'];
  if (media === undefined) return text(reply, 400, "Expecting 'Content-Type' to be present");
  if (media !== 'application/json') return text(reply, 415, "Expecting 'Content-Type' of application/json");
  let call: unknown;
  try {
    call = JSON.parse((request.body as Buffer | null)?.toString('utf8') ?? '');
  } catch (error) {
    return text(reply, 400, `Failed to parse body into JSON: ${String(error)}`);
  }
  const answer = await answerCall(view, call);
  if (answer.status !== 200) return text(reply, answer.status, answer.text);
  return reply.type('application/json').send(JSON.stringify(answer.body));
}

function recovering(reply: ApiReply): ApiReply {
  return text(reply, 503, 'Agent has not finished recovery');
}

function text(reply: ApiReply, status: number, body: string): ApiReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(body);
}
