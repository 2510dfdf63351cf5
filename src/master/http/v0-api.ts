import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import { MASTER_CAPABILITIES } from '../build-info.ts';
import type { Engine } from '../engine.ts';
import { rolesV0 } from '../views/roles.ts';
import { stateSummary } from '../views/summary.ts';
import { agentFullV0, agentInfoV0, agentV0, allTasks, frameworkV0, taskV0 } from '../views/v0.ts';
import { sendEmpty, sendJson, sendMethodNotAllowed, sendStatus, sendText } from './answers.ts';
import { bodyText } from './front-door.ts';
import type { MasterFacts } from './facts.ts';
import { teardown } from './operator-api.ts';

type Json = Readonly<Record<string, unknown>>;
type Query = Readonly<Record<string, string | undefined>>;
type Route = readonly [string, (request: ApiRequest, reply: ApiReply) => unknown];

/** The v0 endpoints (mesos-api.md §3.5). They answer to any method, as those of Mesos do. */
export function v0Routes(engine: Engine, facts: MasterFacts): Route[] {
  const { state } = engine;
  const json = (name: string, make: (query: Query) => Json): Route => [
    name,
    (request, reply) => sendMaybeJsonp(reply, queryOf(request), make(queryOf(request))),
  ];
  return [
    json('state', () => stateV0(engine, facts)),
    json('state-summary', () => stateSummary(state, facts.cluster)),
    json('slaves', (query) => slavesV0(engine, query['slave_id'])),
    json('frameworks', (query) => frameworksV0(engine, query['framework_id'])),
    json('tasks', (query) => tasksV0(engine, query)),
    json('roles', () => rolesV0(state)),
    json('version', () => facts.version),
    json('flags', () => ({ flags: facts.flags() })),
    ['metrics/snapshot', (request, reply) => snapshot(facts, request, reply)],
    ['health', (_request, reply) => sendEmpty(reply, 200)],
    ['redirect', (request, reply) => redirect(engine, request, reply)],
    ['teardown', (request, reply) => teardownForm(engine, request, reply)],
  ];
}

function queryOf(request: ApiRequest): Query {
  const out: Record<string, string | undefined> = {};
  for (const [key, value] of Object.entries(request.query as Record<string, string | string[]>))
    out[key] = Array.isArray(value) ? value.at(-1) : value;
  return out;
}

/** `jsonp=cb` wraps the answer; a callback that is no plain name would be script injection and is refused. */
function sendMaybeJsonp(reply: ApiReply, query: Query, value: Json): ApiReply {
  const { jsonp } = query;
  if (jsonp === undefined) return sendJson(reply, value);
  if (!/^[\w$.]+$/.test(jsonp)) return sendText(reply, 400, "Expecting 'jsonp' to be the name of a function");
  return reply
    .code(200)
    .header('content-type', 'text/javascript')
    .send(Buffer.from(`${jsonp}(${JSON.stringify(value)})`));
}

function stateV0(engine: Engine, facts: MasterFacts): Json {
  const { state } = engine;
  const { info } = state;
  const agents = [...state.agents.values()];
  const active = agents.filter((a) => a.streamId !== undefined).length;
  return {
    ...facts.version,
    start_time: facts.startTime,
    elected_time: facts.electedTime,
    id: state.id,
    pid: info.pid,
    hostname: info.hostname,
    capabilities: MASTER_CAPABILITIES,
    activated_slaves: active,
    deactivated_slaves: agents.length - active,
    unreachable_slaves: state.unreachableAgents.size,
    leader: info.pid,
    leader_info: { id: state.id, pid: info.pid, port: info.port, hostname: info.hostname },
    ...(facts.cluster === undefined ? {} : { cluster: facts.cluster }),
    flags: facts.flags(),
    slaves: agents.map(agentV0),
    recovered_slaves: [...state.recoveredAgents.values()].map(agentInfoV0),
    frameworks: [...state.frameworks.values()].map((f) => frameworkV0(state, f)),
    completed_frameworks: [...state.completedFrameworks.values()].map((f) => frameworkV0(state, f)),
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

function slavesV0(engine: Engine, id: string | undefined): Json {
  const { agents, recoveredAgents } = engine.state;
  return {
    slaves: [...agents.values()].filter((a) => id === undefined || a.id === id).map(agentFullV0),
    recovered_slaves: [...recoveredAgents.values()]
      .filter((a) => id === undefined || a.id?.value === id)
      .map(agentInfoV0),
  };
}

function frameworksV0(engine: Engine, id: string | undefined): Json {
  const { state } = engine;
  const wanted = (frameworks: MapIterator<Parameters<typeof frameworkV0>[1]>): Json[] =>
    [...frameworks].filter((f) => id === undefined || f.id === id).map((f) => frameworkV0(state, f));
  return {
    frameworks: wanted(state.frameworks.values()),
    completed_frameworks: wanted(state.completedFrameworks.values()),
    unregistered_frameworks: [],
  };
}

const DEFAULT_TASK_LIMIT = 100;

/** /tasks: sorted by the time of the first status; numbers that are none fall back to their defaults. */
function tasksV0(engine: Engine, query: Query): Json {
  const whole = (text: string | undefined, otherwise: number): number =>
    text !== undefined && /^\d+$/.test(text) ? Number(text) : otherwise;
  const first = (t: { readonly statuses: readonly { readonly timestamp?: number }[] }): number =>
    t.statuses[0]?.timestamp ?? 0;
  const sign = query['order'] === 'asc' ? 1 : -1;
  const offset = whole(query['offset'], 0);
  const tasks = allTasks(engine.state, query['framework_id'])
    .filter((t) => query['task_id'] === undefined || t.id === query['task_id'])
    .sort((a, b) => sign * (first(a) - first(b)));
  return { tasks: tasks.slice(offset, offset + whole(query['limit'], DEFAULT_TASK_LIMIT)).map(taskV0) };
}

function snapshot(facts: MasterFacts, request: ApiRequest, reply: ApiReply): ApiReply {
  const query = queryOf(request);
  const { timeout } = query;
  if (timeout !== undefined && !/^\d+(\.\d+)?(ns|us|ms|secs|mins|hrs|days|weeks)$/.test(timeout)) {
    const number = /^[\d.]*/.exec(timeout)?.[0] ?? '';
    return sendText(reply, 400, `Invalid timeout '${timeout}': Failed to convert '${number}' to number.\n`);
  }
  return sendMaybeJsonp(reply, query, facts.metrics());
}

/** This master leads, so the way to the leader is the way to itself. */
function redirect(engine: Engine, request: ApiRequest, reply: ApiReply): ApiReply {
  const path = (request.url.split('?', 1)[0] ?? '').replace(/\/+$/, '');
  if (!path.endsWith('/redirect')) return sendStatus(reply, 404);
  const { hostname, port } = engine.state.info;
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return sendEmpty(reply.header('location', `//${host}:${port}`), 307);
}

function teardownForm(engine: Engine, request: ApiRequest, reply: ApiReply): ApiReply {
  if (request.method !== 'POST') return sendMethodNotAllowed(reply, 'POST', request.method);
  const frameworkId = new URLSearchParams(bodyText(request)).get('frameworkId');
  if (frameworkId === null)
    return sendText(reply, 400, "Missing 'frameworkId' query parameter in the request body");
  return teardown(engine, reply, frameworkId);
}
