import { pathOf } from '../../../core/http/guard.ts';
import type { Api, ApiReply, ApiRequest } from '../../../core/http/server.ts';
import type { EventStreams } from '../events/sse.ts';
import { addAppRoutes } from './app-routes.ts';
import { contextOf } from './context.ts';
import type { ApiContext, ApiParts } from './context.ts';
import { deleteDeployment, listDeployments } from './deployments.ts';
import { getGroup } from './groups.ts';
import { info, leader, leaderOf } from './info.ts';
import { hears } from './permissions.ts';
import { listQueue, resetDelay } from './queue.ts';
import type { Answer } from './replies.ts';
import { failure, ok, send } from './replies.ts';
import { jsonBody, Query, restOfPath } from './request.ts';
import { deleteTasks, listTasks } from './tasks.ts';
import { WELCOME } from './welcome.ts';

/** Every path of the Marathon API. */
export function addRoutes(api: Api, parts: ApiParts, streams: () => EventStreams): void {
  addCommonHeaders(api, parts);
  sendToLeader(api, parts);
  addAppRoutes(api, parts);

  const get = (
    path: string,
    handler: (context: ApiContext, query: Query, request: ApiRequest) => Answer,
  ): void => {
    api.get(path, (request, reply) =>
      send(reply, handler(contextOf(parts, request), new Query(request.url), request)),
    );
  };
  get('/v2/tasks', listTasks);
  get('/v2/deployments', listDeployments);
  get('/v2/queue', listQueue);
  get('/v2/groups', (context, query) => getGroup(context, '/', query));
  get('/v2/groups/*', (context, query, request) =>
    getGroup(context, restOfPath(request, '/v2/groups'), query),
  );
  get('/v2/info', info);
  get('/v2/leader', leader);
  get('/v2/plugins', () => ok({ plugins: [] }));

  const deleteTasksHandler = async (request: ApiRequest, reply: ApiReply): Promise<ApiReply> => {
    const body = jsonBody(request);
    return send(
      reply,
      body.ok
        ? await deleteTasks(contextOf(parts, request), body.value, new Query(request.url))
        : body.answer,
    );
  };
  api.post('/v2/tasks/delete', deleteTasksHandler);
  api.delete('/v2/deployments/:id', async (request, reply) => {
    const { id } = request.params as { id: string };
    return send(reply, await deleteDeployment(contextOf(parts, request), id, new Query(request.url)));
  });
  api.delete('/v2/queue/*', (request, reply) => {
    const rest = restOfPath(request, '/v2/queue');
    if (!rest.endsWith('/delay')) return send(reply, notFound(request));
    return send(reply, resetDelay(contextOf(parts, request), rest.slice(0, -'/delay'.length)));
  });
  api.get('/v2/events', (request, reply) => {
    if (request.method !== 'GET' || !(request.headers.accept ?? '').includes('text/event-stream'))
      return send(reply, failure(405, 'ask for the event stream with the header Accept: text/event-stream'));
    const types = new Set(new Query(request.url).all('event_type'));
    streams().attach(request, reply, types, (event) => hears(contextOf(parts, request).may, event));
    return reply;
  });
  api.get('/ping', (request, reply) => {
    const json = (request.headers.accept ?? '').includes('application/json');
    void reply.header('content-type', json ? 'application/json' : 'text/plain; charset=utf-8');
    return reply.send(json ? '"pong"' : 'pong');
  });
  api.get('/', (_, reply) => reply.redirect('/ui/', 302));
  api.get('/ui', (_, reply) => reply.header('content-type', 'text/html; charset=utf-8').send(WELCOME));
}

function notFound(request: ApiRequest): Answer {
  return failure(404, `URI not found: ${request.url}`);
}

/** What every one answers, whether it leads or not. */
const EVERYWHERE = new Set([
  '/ping',
  '/v2/leader',
  '/v2/info',
  '/v2/plugins',
  '/',
  '/ui',
  '/metrics',
  '/health',
  '/ready',
]);

/** Whoever does not lead sends on to who does (307); 503 while nobody does. */
function sendToLeader(api: Api, parts: ApiParts): void {
  api.addHook('onRequest', async (request, reply) => {
    const standing = parts.standing();
    if (standing.kind === 'leads' || EVERYWHERE.has(pathOf(request))) return;
    if (standing.kind === 'recovers') return send(reply, failure(503, 'The leader reads what was known'));
    if (standing.leader === undefined) return send(reply, failure(503, 'There is no leader'));
    return reply.redirect(`${request.protocol}://${standing.leader}${request.url}`, 307);
  });
}

function leaderHeader(parts: ApiParts): Readonly<Record<string, string>> {
  const leader = leaderOf(parts);
  return leader === undefined ? {} : { 'x-marathon-leader': `http://${leader}` };
}

function addCommonHeaders(api: Api, parts: ApiParts): void {
  api.addHook('onRequest', (_request, reply, done) => {
    void reply.headers({
      'cache-control': 'no-cache, no-store, must-revalidate',
      pragma: 'no-cache',
      expires: '0',
      ...leaderHeader(parts),
      'x-frame-options': 'DENY',
      'x-xss-protection': '1; mode=block',
    });
    done();
  });
  api.setNotFoundHandler((request, reply) => send(reply, notFound(request)));
  api.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) =>
    send(reply, failure(error.statusCode ?? 500, error.message)),
  );
}
