import type { Api, ApiReply, ApiRequest } from '../../../core/http/server.ts';
import type { EventStreams } from '../events/sse.ts';
import { addAppRoutes } from './app-routes.ts';
import type { ApiContext } from './context.ts';
import { deleteDeployment, listDeployments } from './deployments.ts';
import { getGroup } from './groups.ts';
import { info, leader } from './info.ts';
import { listQueue, resetDelay } from './queue.ts';
import type { Answer } from './replies.ts';
import { failure, ok, send } from './replies.ts';
import { jsonBody, Query, restOfPath } from './request.ts';
import { deleteTasks, listTasks } from './tasks.ts';
import { WELCOME } from './welcome.ts';

/** Every path of the Marathon API. */
export function addRoutes(api: Api, context: ApiContext, streams: EventStreams): void {
  addCommonHeaders(api, context);
  addAppRoutes(api, context);

  const get = (path: string, handler: (request: ApiRequest, query: Query) => Answer): void => {
    api.get(path, (request, reply) => send(reply, handler(request, new Query(request.url))));
  };
  get('/v2/tasks', (_, query) => listTasks(context, query));
  get('/v2/deployments', () => listDeployments(context));
  get('/v2/queue', (_, query) => listQueue(context, query));
  get('/v2/groups', (_, query) => getGroup(context, '/', query));
  get('/v2/groups/*', (request, query) => getGroup(context, restOfPath(request, '/v2/groups'), query));
  get('/v2/info', () => info(context));
  get('/v2/leader', () => leader(context));
  get('/v2/plugins', () => ok({ plugins: [] }));

  const deleteTasksHandler = async (request: ApiRequest, reply: ApiReply): Promise<ApiReply> => {
    const body = jsonBody(request);
    return send(
      reply,
      body.ok ? await deleteTasks(context, body.value, new Query(request.url)) : body.answer,
    );
  };
  api.post('/v2/tasks/delete', deleteTasksHandler);
  api.delete('/v2/deployments/:id', async (request, reply) => {
    const { id } = request.params as { id: string };
    return send(reply, await deleteDeployment(context, id, new Query(request.url)));
  });
  api.delete('/v2/queue/*', (request, reply) => {
    const rest = restOfPath(request, '/v2/queue');
    if (!rest.endsWith('/delay')) return send(reply, notFound(request));
    return send(reply, resetDelay(context, rest.slice(0, -'/delay'.length)));
  });
  api.get('/v2/events', (request, reply) => {
    if (request.method !== 'GET' || !(request.headers.accept ?? '').includes('text/event-stream'))
      return send(reply, failure(405, 'ask for the event stream with the header Accept: text/event-stream'));
    streams.attach(request, reply, new Set(new Query(request.url).all('event_type')));
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

function addCommonHeaders(api: Api, context: ApiContext): void {
  api.addHook('onRequest', (_request, reply, done) => {
    void reply.headers({
      'cache-control': 'no-cache, no-store, must-revalidate',
      pragma: 'no-cache',
      expires: '0',
      'x-marathon-leader': `http://${context.self()}`,
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
