import type { Clock } from '../../core/clock.ts';
import { guard } from '../../core/http/guard.ts';
import type { Access } from '../../core/http/guard.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import type { Logger } from '../../core/log.ts';
import type { Engine } from '../engine.ts';
import { EMPTY_REGISTRY, REGISTRY_HEADER } from '../../mesos/index.ts';
import type { MasterInfo } from '../../mesos/index.ts';
import type { Standing } from '../../store/index.ts';
import { handleAgentApi } from './agent-api.ts';
import { sendStatus, sendText } from './answers.ts';
import { CallLine } from './call-line.ts';
import type { Caller } from './call-line.ts';
import type { MasterFacts } from './facts.ts';
import { leaderAnswer } from './leader-answers.ts';
import { LongAnswers } from './long-answers.ts';
import { handleOperatorApi } from './operator-api.ts';
import { masterGuard } from './realms.ts';
import { handleSchedulerApi } from './scheduler-api.ts';
import { v0Routes } from './v0-api.ts';

export type Handler = (request: ApiRequest, reply: ApiReply) => unknown;

/** Handlers by their paths. */
export type MasterTable = ReadonlyMap<string, Handler>;

/** What an engine answers. */
export function masterTable(engine: Engine, facts: MasterFacts): MasterTable {
  const answers = new LongAnswers(engine.clock, engine.log);
  return new Map<string, Handler>([
    ...v0Routes(engine, facts, answers),
    ['api/v1', (request, reply) => handleOperatorApi(engine, facts, answers, request, reply)],
    ['api/v1/scheduler', (request, reply) => handleSchedulerApi(engine, facts, request, reply)],
    ['api/v1/agent', (request, reply) => handleAgentApi(engine, facts, request, reply)],
  ]);
}

/** Where thousands of calls may come at once. */
const IN_LINE: ReadonlyMap<string, Caller> = new Map([
  ['api/v1/scheduler', 'scheduler'],
  ['api/v1/agent', 'agent'],
]);

/**
 * The routes of the master, found as libprocess finds them (mesos-api.md §0.1): with or without `/master` before, a
 * trailing slash ignored, and by the longest known prefix, so that `/api/v1/operator` is `/api/v1`.
 * Whoever does not lead sends most requests on to who does, before it looks at them.
 */
export function addMasterRoutes(
  api: Api,
  master: {
    readonly access?: Access | undefined;
    readonly log: Logger;
    readonly clock: Clock;
    /** That of the engine that works now. */
    table(): MasterTable;
    standing(): Standing<MasterInfo>;
    /** Where the leader alone knows who is who. Then a standby sends on before it asks, while one of Mesos asks first. */
    readonly along?: object | undefined;
    /** Its registry was empty, and agents may be about to come back that it does not know of. */
    beganEmpty(): boolean;
  },
): void {
  const names = new Map(Array.from(master.table().keys(), (name) => [name, name]));
  if (master.along)
    api.addHook('onRequest', (request, reply, done) => {
      const standing = master.standing();
      const name = standing.kind === 'leads' ? undefined : findRoute(names, request.url);
      if (name === undefined || !leaderAnswer(standing, name, request, reply)) done();
    });
  guard(
    api,
    master.access,
    masterGuard((url) => findRoute(names, url)),
  );
  const line = new CallLine(master.clock, (f) => void setImmediate(f));
  const handle: Handler = (request, reply) => {
    const name = findRoute(names, request.url);
    if (name === undefined) return sendStatus(reply, 404);
    const answer = (): unknown => {
      const refusal = leaderAnswer(master.standing(), name, request, reply);
      if (refusal) return refusal;
      if (master.beganEmpty()) void reply.header(REGISTRY_HEADER, EMPTY_REGISTRY);
      return master.table().get(name)?.(request, reply);
    };
    const caller = IN_LINE.get(name);
    return caller === undefined ? answer() : line.take(caller, answer);
  };
  api.route({ method: [...METHODS], url: '/*', exposeHeadRoute: false, handler: handle });
  api.setNotFoundHandler(handle);
  api.setErrorHandler(
    (error: { readonly statusCode?: number; readonly message: string }, _request, reply) => {
      const status = error.statusCode ?? 500;
      if (status >= 500) master.log.error({ error }, 'request failed');
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
