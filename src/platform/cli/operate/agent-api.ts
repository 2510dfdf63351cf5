import { RimrockError } from '../../../core/errors.ts';
import { BRIEFLY_MS, callOf } from './connection.ts';
import type { Connection, Deed } from './connection.ts';
import { operateErrors } from './errors.ts';
import type { Found } from './find-task.ts';
import { idOf, text } from './entities.ts';
import { isJson } from './read-lists.ts';
import type { Json } from './read-lists.ts';
import type { AgentRow, TaskDetail } from './shapes.ts';
import { isoOfSeconds } from './times.ts';

type Statuses = TaskDetail['statuses'];

const MISSING = 404;

/** Where the API of an agent is. */
function originOf(connection: Connection, agent: AgentRow): string {
  return `${connection.scheme}://${agent.address}`;
}

function whoIs({ host, address }: AgentRow): string {
  return `the agent on ${host} (${address})`;
}

/** The folder of a task as its agent names it; undefined where the agent does not know the task any more. Throws a RimrockError. */
export async function sandboxOf(
  connection: Connection,
  { task, agent }: Pick<Found, 'task' | 'agent'>,
): Promise<string | undefined> {
  if (agent === undefined) return undefined;
  const origin = originOf(connection, agent);
  const state = await connection.ask(origin, '/state', { method: 'GET' }, whoIs(agent));
  let executor: Json | undefined;
  const look = (framework: Json): void => {
    if (framework['id'] === task.framework.id) executor ??= executorWith(framework, task.id);
  };
  await connection.readLists(state, '/state', { frameworks: look, completed_frameworks: look });
  const folder = text(executor?.['directory']);
  if (folder === '') return undefined;
  // A task of a group has a folder of its own where it has a container of its own.
  const own = `${folder}/tasks/${task.id}`;
  const isOfGroup = executor?.['type'] === 'DEFAULT' && (await isThere(connection, agent, own));
  return isOfGroup ? own : folder;
}

/** Of several runs the one that lives. */
function executorWith(framework: Json, taskId: string): Json | undefined {
  const list = (of: Json, name: string): Json[] => (Array.isArray(of[name]) ? of[name] : []).filter(isJson);
  const executors = ['executors', 'completed_executors'].flatMap((name) => list(framework, name));
  return executors.find((executor) =>
    ['tasks', 'queued_tasks', 'completed_tasks'].some((name) =>
      list(executor, name).some(({ id }) => id === taskId),
    ),
  );
}

async function isThere(connection: Connection, agent: AgentRow, path: string): Promise<boolean> {
  const asked = callOf('LIST_FILES', { path });
  const response = await connection.raw(originOf(connection, agent), '/api/v1', asked);
  await response.text();
  return response.status === 200;
}

export interface Part {
  readonly bytes: Uint8Array;
  /** Of the whole file. */
  readonly size: number;
}

/** A part of a file in a sandbox; undefined where there is no such file. Throws a RimrockError. */
export async function readFilePart(
  connection: Connection,
  { agent, json }: Pick<Found, 'agent' | 'json'>,
  path: string,
  offset: number,
  length: number,
): Promise<Part | undefined> {
  if (agent === undefined) return undefined;
  const deed: Deed = { action: 'access_sandboxes', object: text(json['user']) };
  const asked = callOf('READ_FILE', { path, offset, length });
  try {
    const response = await connection.ask(originOf(connection, agent), '/api/v1', asked, whoIs(agent), deed);
    const { read_file: file } = await connection.read(response, 'READ_FILE');
    const { data, size } = isJson(file) ? file : {};
    return { bytes: Buffer.from(text(data), 'base64'), size: Number(size) };
  } catch (error) {
    if (error instanceof RimrockError && error.details['status'] === MISSING) return undefined;
    throw error;
  }
}

/** All statuses with reasons and messages: of the agent, which keeps them, else of the master, which has to tell all tasks for it. */
export async function statusesOf(connection: Connection, found: Found): Promise<Statuses> {
  for (const ask of [ofAgent, ofMaster]) {
    const statuses = await ask(connection, found).catch((error: unknown) => {
      if (!(error instanceof RimrockError)) throw error;
    });
    if (statuses !== undefined) return statuses;
  }
  return ofTask(found.json);
}

async function ofAgent(connection: Connection, { task, agent }: Found): Promise<Statuses | undefined> {
  if (agent === undefined) return undefined;
  const seek = new Seeker(task);
  const asked = { ...callOf('GET_TASKS'), timeoutMs: BRIEFLY_MS };
  const response = await connection.ask(originOf(connection, agent), '/api/v1', asked, whoIs(agent));
  const lists = ['queued_tasks', 'launched_tasks', 'terminated_tasks', 'completed_tasks'];
  await connection.readLists(response, 'GET_TASKS', {
    get_tasks: Object.fromEntries(lists.map((name) => [name, seek.take])),
  });
  // The master may know better, as of a task whose agent was away.
  return seek.found?.['state'] === task.state ? ofTask(seek.found) : undefined;
}

async function ofMaster(connection: Connection, { task }: Found): Promise<Statuses | undefined> {
  const seek = new Seeker(task);
  const lists = ['tasks', 'unreachable_tasks', 'completed_tasks'];
  await connection.lists('GET_TASKS', {
    get_tasks: Object.fromEntries(lists.map((name) => [name, seek.take])),
  });
  return seek.found && ofTask(seek.found);
}

/** Takes tasks of v1 and keeps the one that is looked for. */
class Seeker {
  found: Json | undefined;
  readonly take: (json: Json) => void;

  constructor({ id, framework }: Found['task']) {
    this.take = (json) => {
      if (idOf(json['task_id']) === id && idOf(json['framework_id']) === framework.id) this.found = json;
    };
  }
}

function ofTask(json: Json): Statuses {
  const statuses = (Array.isArray(json['statuses']) ? json['statuses'] : []).filter(isJson);
  return statuses.map((status) => ({
    state: text(status['state']),
    time: isoOfSeconds(status['timestamp']),
    reason: text(status['reason']) || null,
    message: text(status['message']) || null,
    source: text(status['source']) || null,
    healthy: typeof status['healthy'] === 'boolean' ? status['healthy'] : null,
  }));
}

/** Throws where nobody can be asked for the files of a task. */
export function needsAgent({ task, agent }: Found): void {
  if (agent === undefined) throw operateErrors.CLI_AGENT_AWAY({ agent: task.agent.id });
}
