import type { Api, ApiReply, ApiRequest } from '../../../core/http/server.ts';
import { getApp, getAppTasks, getVersion, getVersions, listApps } from './apps-read.ts';
import type { Caller } from './apps-write.ts';
import { createApp, deleteApp, restartApp, updateApp, updateApps } from './apps-write.ts';
import { contextOf } from './context.ts';
import type { ApiContext, ApiParts } from './context.ts';
import { FORBIDDEN, mayView } from './permissions.ts';
import type { Answer } from './replies.ts';
import { failure, send } from './replies.ts';
import { jsonBody, Query, restOfPath } from './request.ts';
import { deleteAppTask, deleteAppTasks } from './tasks.ts';

const PREFIX = '/v2/apps';

/** What a path below /v2/apps means; app ids contain slashes, so it is read from its end. */
type Target =
  | { readonly kind: 'app'; readonly id: string }
  | { readonly kind: 'tasks'; readonly id: string }
  | { readonly kind: 'task'; readonly id: string; readonly taskId: string }
  | { readonly kind: 'versions'; readonly id: string }
  | { readonly kind: 'version'; readonly id: string; readonly version: string }
  | { readonly kind: 'restart'; readonly id: string };

export function parseTarget(path: string): Target {
  const parts = path.split('/').filter((p) => p !== '');
  const last = parts.at(-1) ?? '';
  const before = parts.at(-2);
  const id = (drop: number): string => `/${parts.slice(0, -drop).join('/')}`;
  if (parts.length >= 2 && (last === 'tasks' || last === 'versions' || last === 'restart'))
    return { kind: last, id: id(1) };
  if (parts.length >= 3 && before === 'tasks') return { kind: 'task', id: id(2), taskId: last };
  if (parts.length >= 3 && before === 'versions') return { kind: 'version', id: id(2), version: last };
  return { kind: 'app', id: path };
}

/** Everything below /v2/apps. */
export function addAppRoutes(api: Api, parts: ApiParts): void {
  const contextFor = (request: ApiRequest): ApiContext => contextOf(parts, request);
  api.get(PREFIX, (request, reply) => send(reply, listApps(contextFor(request), new Query(request.url))));
  api.post(PREFIX, (request, reply) =>
    withBody(request, reply, (body, query) => createApp(contextFor(request), body, query, callerOf(request))),
  );
  for (const create of [true, false]) {
    const method = create ? 'PUT' : 'PATCH';
    api.route({
      method,
      url: PREFIX,
      handler: (request, reply) =>
        withBody(request, reply, (body, query) =>
          updateApps(contextFor(request), body, query, { ...callerOf(request), create }),
        ),
    });
    api.route({
      method,
      url: `${PREFIX}/*`,
      handler: (request, reply) => {
        const target = parseTarget(restOfPath(request, PREFIX));
        if (target.kind !== 'app') return send(reply, wrongMethod(request));
        return withBody(request, reply, (body, query) =>
          updateApp(contextFor(request), target.id, body, query, { ...callerOf(request), create }),
        );
      },
    });
  }
  api.get(`${PREFIX}/*`, (request, reply) => send(reply, read(contextFor(request), request)));
  api.post(`${PREFIX}/*`, async (request, reply) => {
    const target = parseTarget(restOfPath(request, PREFIX));
    if (target.kind !== 'restart') return send(reply, wrongMethod(request));
    return send(reply, await restartApp(contextFor(request), target.id, new Query(request.url)));
  });
  api.delete(`${PREFIX}/*`, async (request, reply) =>
    send(reply, await remove(contextFor(request), request)),
  );
}

function read(context: ApiContext, request: ApiRequest): Answer {
  const target = parseTarget(restOfPath(request, PREFIX));
  // What is not there is told to everybody, as Marathon does; of several apps those are left out that may not be seen.
  if (context.scheduler.registry.get(target.id) && !mayView(context, target.id)) return FORBIDDEN;
  switch (target.kind) {
    case 'app':
      return getApp(context, target.id, new Query(request.url));
    case 'tasks':
      return getAppTasks(context, target.id);
    case 'versions':
      return getVersions(context, target.id);
    case 'version':
      return getVersion(context, target.id, target.version);
    case 'task':
    case 'restart':
      return wrongMethod(request);
  }
}

async function remove(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const target = parseTarget(restOfPath(request, PREFIX));
  const query = new Query(request.url);
  switch (target.kind) {
    case 'app':
      return deleteApp(context, target.id, query);
    case 'tasks':
      return deleteAppTasks(context, target.id, query);
    case 'task':
      return deleteAppTask(context, target.id, target.taskId, query);
    case 'versions':
    case 'version':
    case 'restart':
      return wrongMethod(request);
  }
}

function wrongMethod(request: ApiRequest): Answer {
  return failure(405, `${request.method} is not possible on ${request.url}`);
}

function callerOf(request: ApiRequest): Caller {
  return { clientIp: request.ip, uri: request.url.replace(/\?.*$/s, '') };
}

async function withBody(
  request: ApiRequest,
  reply: ApiReply,
  handler: (body: unknown, query: Query) => Promise<Answer>,
): Promise<ApiReply> {
  const body = jsonBody(request);
  return send(reply, body.ok ? await handler(body.value, new Query(request.url)) : body.answer);
}
