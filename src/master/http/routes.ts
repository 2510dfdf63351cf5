import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import type { Engine } from '../engine.ts';
import { handleAgentApi } from './agent-api.ts';
import { sendStatus, sendText } from './answers.ts';
import type { MasterFacts } from './facts.ts';
import { handleOperatorApi } from './operator-api.ts';
import { handleSchedulerApi } from './scheduler-api.ts';
import { v0Routes } from './v0-api.ts';

export type Handler = (request: ApiRequest, reply: ApiReply) => unknown;

/**
 * The routes of the master, found as libprocess finds them (mesos-api.md §0.1): with or without `/master` before, a
 * trailing slash ignored, and by the longest known prefix, so that `/api/v1/operator` is `/api/v1`.
 */
export function addMasterRoutes(api: Api, engine: Engine, facts: MasterFacts): void {
  const table = new Map<string, Handler>([
    ...v0Routes(engine, facts),
    ['api/v1', (request, reply) => handleOperatorApi(engine, facts, request, reply)],
    ['api/v1/scheduler', (request, reply) => handleSchedulerApi(engine, request, reply)],
    ['api/v1/agent', (request, reply) => handleAgentApi(engine, request, reply)],
  ]);
  const handle: Handler = (request, reply) => {
    const handler = findRoute(table, request.url);
    return handler ? handler(request, reply) : sendStatus(reply, 404);
  };
  api.route({ method: [...METHODS], url: '/*', exposeHeadRoute: false, handler: handle });
  api.setNotFoundHandler(handle);
  api.setErrorHandler(
    (error: { readonly statusCode?: number; readonly message: string }, _request, reply) => {
      const status = error.statusCode ?? 500;
      if (status >= 500) engine.log.error({ error }, 'request failed');
      return status >= 500 || status === 413 || status === 415
        ? sendStatus(reply, status)
        : sendText(reply, status, error.message);
    },
  );
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export function findRoute<T>(table: ReadonlyMap<string, T>, url: string): T | undefined {
  const path = url.split('?', 1)[0] ?? '';
  const segments = path.split('/').filter((s) => s !== '');
  return longestPrefix(table, decoded(segments[0]) === 'master' ? segments.slice(1) : segments);
}

function longestPrefix<T>(table: ReadonlyMap<string, T>, segments: readonly string[]): T | undefined {
  for (let n = segments.length; n > 0; n--) {
    const found = table.get(segments.slice(0, n).join('/'));
    if (found !== undefined) return found;
  }
  return undefined;
}

function decoded(segment: string | undefined): string | undefined {
  if (segment === undefined) return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
