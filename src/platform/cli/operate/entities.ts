import { isTaskState, isTerminal, parseUpid } from '../../../mesos/index.ts';
import type { Connection } from './connection.ts';
import type { Kind } from './find.ts';
import { isJson } from './read-lists.ts';
import type { Json } from './read-lists.ts';
import type { AgentRow, FrameworkRow, TaskRow } from './shapes.ts';
import { isoOfNanoseconds, isoOfSeconds } from './times.ts';

// What the master's documents say, in our words (mesos-api.md §3.2, §3.5).

export const AGENT: Kind = { what: 'agent', list: 'agents', more: ', or its id where a host has several' };
export const FRAMEWORK: Kind = { what: 'framework', list: 'frameworks' };
export const TASK: Kind = { what: 'task', list: 'tasks --all', more: ', or its framework (--framework)' };

/** The id, the host, and the end of the id, `S12`, which is what people say. */
export function namesOfAgent({ id, host }: Pick<AgentRow, 'id' | 'host'>): string[] {
  return [id, host, id.slice(id.lastIndexOf('-') + 1)];
}

/** The agents that are registered, by `/slaves` or `/state-summary`. */
export function readAgent(json: Json): AgentRow {
  const upid = parseUpid(text(json['pid']));
  return {
    id: text(json['id']),
    host: text(json['hostname']),
    address: upid ? `${upid.host.includes(':') ? `[${upid.host}]` : upid.host}:${upid.port}` : '',
    state: stateOfAgent(json),
    since:
      isoOfSeconds(json['estimated_drain_start_time_seconds']) ??
      isoOfSeconds(json['reregistered_time']) ??
      isoOfSeconds(json['registered_time']),
    version: text(json['version']),
    attributes: flat(json['attributes']),
    total: flat(json['resources']),
    used: flat(json['used_resources']),
    tasks: countOf(json),
  };
}

function stateOfAgent(json: Json): AgentRow['state'] {
  const drain = isJson(json['drain_info']) ? json['drain_info']['state'] : undefined;
  if (drain === 'DRAINED') return 'drained';
  if (drain === 'DRAINING') return 'draining';
  if (json['deactivated'] === true) return 'deactivated';
  return json['active'] === false ? 'disconnected' : 'active';
}

/** The tasks that hold resources, as `/state-summary` counts them. */
export function countOf(json: Json): number {
  const counted = ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'];
  return counted.reduce((sum, state) => sum + (Number(json[state]) || 0), 0);
}

/** A framework by GET_FRAMEWORKS; how many tasks it has is told elsewhere. */
export function readFramework(json: Json): FrameworkRow {
  const info = isJson(json['framework_info']) ? json['framework_info'] : {};
  const roles = Array.isArray(info['roles']) ? info['roles'].map(text) : [];
  return {
    id: idOf(info['id']),
    name: text(info['name']),
    state: stateOfFramework(json),
    roles: roles.length > 0 ? roles : [text(info['role']) || '*'],
    user: text(info['user']),
    principal: text(info['principal']) || null,
    webUi: text(info['webui_url']) || null,
    since: isoOfNanoseconds(json['reregistered_time']) ?? isoOfNanoseconds(json['registered_time']),
    tasks: 0,
    used: {},
  };
}

function stateOfFramework({ active, connected, recovered }: Json): FrameworkRow['state'] {
  if (recovered === true) return 'recovered';
  if (connected === false) return 'disconnected';
  return active === false ? 'inactive' : 'active';
}

/** A task by `/tasks`, whose framework and host have no names yet. */
export function readTask(json: Json): TaskRow {
  const statuses = (Array.isArray(json['statuses']) ? json['statuses'] : []).filter(isJson);
  const state = text(json['state']);
  const healthy = statuses.findLast((status) => typeof status['healthy'] === 'boolean')?.['healthy'];
  return {
    id: text(json['id']),
    name: text(json['name']),
    framework: { id: text(json['framework_id']), name: '' },
    agent: { id: text(json['slave_id']), host: '' },
    state,
    since: isoOfSeconds(beginOf(state, statuses)),
    healthy: typeof healthy === 'boolean' ? healthy : null,
    ports: portsOf(isJson(json['resources']) ? json['resources']['ports'] : undefined),
    role: text(json['role']),
  };
}

/** Of the last statuses that are all of this state, the first: a task that has become healthy does not run since then. */
function beginOf(state: string, statuses: readonly Json[]): unknown {
  const before = statuses.findLastIndex((status) => status['state'] !== state);
  return statuses[before + 1]?.['timestamp'];
}

/** `[31000-31001, 31005-31005]`. No task has so many that they could not be told one by one. */
export function portsOf(ranges: unknown): number[] {
  const found: number[] = [];
  for (const [, begin, end] of text(ranges).matchAll(/(\d+)-(\d+)/g))
    for (let port = Number(begin); port <= Number(end) && port < 65_536; port++) found.push(port);
  return found;
}

/** Whether a task is over, or as good as that. */
export function isOver(state: string): boolean {
  return isTaskState(state) && isTerminal(state);
}

/** `{value: id}` of v1. */
export function idOf(value: unknown): string {
  return isJson(value) ? text(value['value']) : '';
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What has a plain value. */
export function flat(value: unknown): Record<string, number | string> {
  const entries = isJson(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.filter((e): e is [string, number | string] => ['number', 'string'].includes(typeof e[1])),
  );
}

/** All frameworks that live, with their names. */
export async function frameworksOf(connection: Connection): Promise<FrameworkRow[]> {
  const found: FrameworkRow[] = [];
  await connection.lists('GET_FRAMEWORKS', {
    get_frameworks: { frameworks: (json) => void found.push(readFramework(json)) },
  });
  return found;
}

/** The registered agents as far as lists of tasks need them. */
export async function hostsOf(connection: Connection): Promise<Pick<AgentRow, 'id' | 'host'>[]> {
  const found: Pick<AgentRow, 'id' | 'host'>[] = [];
  await connection.lists('/slaves', {
    slaves: (json) => void found.push({ id: text(json['id']), host: text(json['hostname']) }),
  });
  return found;
}

/** One agent that is registered, without the number of its tasks. */
export async function agentOf(connection: Connection, id: string): Promise<AgentRow | undefined> {
  let found: AgentRow | undefined;
  await connection.lists(`/slaves?slave_id=${encodeURIComponent(id)}`, {
    // Others may take no notice of the parameter.
    slaves: (json) => void (found = json['id'] === id ? readAgent(json) : found),
  });
  return found;
}
