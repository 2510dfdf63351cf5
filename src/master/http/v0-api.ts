import type { May } from '../../core/access.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import { MASTER_CAPABILITIES } from '../build-info.ts';
import type { Engine } from '../engine.ts';
import { isActive, seenBy } from '../state/index.ts';
import type { MasterState } from '../state/index.ts';
import { registryV0 } from '../views/registry.ts';
import { rolesV0 } from '../views/roles.ts';
import { stateSummary } from '../views/summary.ts';
import { clusterV0, frameworksV0, slavesV0, tasksV0 } from '../views/lists-v0.ts';
import type { TasksWanted } from '../views/lists-v0.ts';
import { sendEmpty, sendMethodNotAllowed, sendStatus, sendText } from './answers.ts';
import { filesRoutes } from './files-api.ts';
import { bodyText } from './front-door.ts';
import type { MasterFacts } from './facts.ts';
import { allocationRoutes } from './allocation-api.ts';
import { maintenanceRoutes } from './maintenance-api.ts';
import { sendToLeader } from './leader-answers.ts';
import type { Document, LongAnswers } from './long-answers.ts';
import { teardown } from './operator-api.ts';
import { isCallback, queryOf, sendBadCallback, sendMaybeJsonp } from './query.ts';
import type { Query } from './query.ts';

type Json = Readonly<Record<string, unknown>>;
type Route = readonly [string, (request: ApiRequest, reply: ApiReply) => unknown];

/** What whoever asks may know. */
interface Sight {
  readonly state: MasterState;
  readonly may: May;
}

/** The v0 endpoints (mesos-api.md §3.5). They answer to any method, as those of Mesos do. */
export function v0Routes(engine: Engine, facts: MasterFacts, answers: LongAnswers): Route[] {
  const json = (name: string, make: (sight: Sight) => Json): Route => [
    name,
    (request, reply) => sendMaybeJsonp(reply, queryOf(request), make(sightOf(engine, facts, request))),
  ];
  const long = (name: string, make: (sight: Sight, query: Query) => Document): Route => [
    name,
    (request, reply) => {
      const query = queryOf(request);
      if (!isCallback(query['jsonp'])) return sendBadCallback(reply);
      return answers.json(reply, () => make(sightOf(engine, facts, request), query), query['jsonp']);
    },
  ];
  return [
    long('state', (sight) => stateV0(sight, facts)),
    long('state-summary', ({ state }) => stateSummary(state, facts.cluster)),
    long('slaves', ({ state }, query) => slavesV0(state, query['slave_id'])),
    long('frameworks', ({ state }, query) => frameworksV0(state, query['framework_id'])),
    long('tasks', ({ state }, query) => tasksV0(state, wantedTasks(query))),
    json('roles', ({ state, may }) => rolesV0(state, may)),
    json('version', () => facts.version),
    ['registrar(1)/registry', (request, reply) => registry(engine, facts, answers, request, reply)],
    ['flags', (request, reply) => flags(facts, request, reply)],
    ['metrics/snapshot', (request, reply) => snapshot(facts, request, reply)],
    ['health', (_request, reply) => sendEmpty(reply, 200)],
    ['redirect', (request, reply) => redirect(facts, request, reply)],
    ['teardown', (request, reply) => teardownForm(engine, facts, request, reply)],
    ...allocationRoutes(engine, facts),
    ...maintenanceRoutes(engine, facts),
    ...filesRoutes(facts),
  ];
}

function sightOf(engine: Engine, facts: MasterFacts, request: ApiRequest): Sight {
  const may = facts.mayOf(request);
  return { state: seenBy(engine.state, may), may };
}

function stateV0({ state, may }: Sight, facts: MasterFacts): Json {
  const { info } = state;
  let active = 0;
  for (const agent of state.agents.values()) if (isActive(agent)) active++;
  const domain = info.domain === undefined ? {} : { domain: info.domain };
  return {
    ...facts.version,
    start_time: facts.startTime,
    elected_time: facts.electedTime,
    id: state.id,
    pid: info.pid,
    hostname: info.hostname,
    capabilities: MASTER_CAPABILITIES,
    activated_slaves: active,
    deactivated_slaves: state.agents.size - active,
    unreachable_slaves: state.unreachableAgents.size,
    leader: info.pid,
    leader_info: { id: state.id, pid: info.pid, port: info.port, hostname: info.hostname, ...domain },
    ...domain,
    ...(facts.cluster === undefined ? {} : { cluster: facts.cluster }),
    ...(may('view_flags', '') ? { flags: facts.flags() } : {}),
    ...clusterV0(state),
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

const DEFAULT_TASK_LIMIT = 100;

/** Numbers that are none fall back to their defaults. */
function wantedTasks(query: Query): TasksWanted {
  const whole = (text: string | undefined, otherwise: number): number =>
    text !== undefined && /^\d+$/.test(text) ? Number(text) : otherwise;
  return {
    frameworkId: query['framework_id'],
    taskId: query['task_id'],
    offset: whole(query['offset'], 0),
    limit: whole(query['limit'], DEFAULT_TASK_LIMIT),
    ascending: query['order'] === 'asc',
  };
}

function flags(facts: MasterFacts, request: ApiRequest, reply: ApiReply): ApiReply {
  if (!facts.mayOf(request)('view_flags', '')) return sendStatus(reply, 403);
  return sendMaybeJsonp(reply, queryOf(request), { flags: facts.flags() });
}

/** All that can be known of agents that are away. As in Mesos no single one of them is guarded. */
function registry(
  engine: Engine,
  facts: MasterFacts,
  answers: LongAnswers,
  request: ApiRequest,
  reply: ApiReply,
): ApiReply | Promise<ApiReply> {
  const { jsonp } = queryOf(request);
  if (!facts.mayOf(request)('get_endpoints', '/registrar(1)/registry')) return sendStatus(reply, 403);
  if (!isCallback(jsonp)) return sendBadCallback(reply);
  return answers.json(reply, () => registryV0(engine.state), jsonp);
}

function snapshot(facts: MasterFacts, request: ApiRequest, reply: ApiReply): ApiReply {
  if (!facts.mayOf(request)('get_endpoints', '/metrics/snapshot')) return sendStatus(reply, 403);
  const query = queryOf(request);
  const { timeout } = query;
  if (timeout !== undefined && !/^\d+(\.\d+)?(ns|us|ms|secs|mins|hrs|days|weeks)$/.test(timeout)) {
    const number = /^[\d.]*/.exec(timeout)?.[0] ?? '';
    return sendText(reply, 400, `Invalid timeout '${timeout}': Failed to convert '${number}' to number.\n`);
  }
  return sendMaybeJsonp(reply, query, facts.metrics());
}

function redirect(facts: MasterFacts, request: ApiRequest, reply: ApiReply): ApiReply {
  const path = (request.url.split('?', 1)[0] ?? '').replace(/\/+$/, '');
  if (!path.endsWith('/redirect')) return sendStatus(reply, 404);
  return sendToLeader(reply, facts.leader());
}

function teardownForm(engine: Engine, facts: MasterFacts, request: ApiRequest, reply: ApiReply): ApiReply {
  if (request.method !== 'POST') return sendMethodNotAllowed(reply, 'POST', request.method);
  const frameworkId = new URLSearchParams(bodyText(request)).get('frameworkId');
  if (frameworkId === null)
    return sendText(reply, 400, "Missing 'frameworkId' query parameter in the request body");
  return teardown(engine, facts.mayOf(request), reply, frameworkId);
}
