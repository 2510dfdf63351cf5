import type { Task, TaskStatus } from '../../mesos/index.ts';
import { executorName } from '../tasks/command.ts';
import type { TaskRun } from '../tasks/task-run.ts';
import { flagsOf, VERSION_INFO } from './flags.ts';
import { createOwners } from './owners.ts';
import { listFolder, readPart } from './sandbox-files.ts';
import type { FileAnswer } from './sandbox-files.ts';
import { metricsSnapshot } from './snapshot.ts';
import { byFramework } from './state.ts';
import { containersOf } from './statistics.ts';
import type { AgentView } from './view.ts';
import { attachedPaths } from './virtual-paths.ts';

/** Calls of Mesos' agent operator API that this agent does not serve. */
const NOT_SERVED: ReadonlySet<string> = new Set([
  'GET_LOGGING_LEVEL',
  'SET_LOGGING_LEVEL',
  'GET_OPERATIONS',
  'GET_RESOURCE_PROVIDERS',
  'LAUNCH_CONTAINER',
  'LAUNCH_NESTED_CONTAINER',
  'LAUNCH_NESTED_CONTAINER_SESSION',
  'WAIT_CONTAINER',
  'WAIT_NESTED_CONTAINER',
  'KILL_CONTAINER',
  'KILL_NESTED_CONTAINER',
  'REMOVE_CONTAINER',
  'REMOVE_NESTED_CONTAINER',
  'ATTACH_CONTAINER_INPUT',
  'ATTACH_CONTAINER_OUTPUT',
  'ADD_RESOURCE_PROVIDER_CONFIG',
  'UPDATE_RESOURCE_PROVIDER_CONFIG',
  'REMOVE_RESOURCE_PROVIDER_CONFIG',
  'MARK_RESOURCE_PROVIDER_GONE',
  'PRUNE_IMAGES',
]);

export type OperatorAnswer =
  | { readonly status: 200; readonly body: unknown }
  | { readonly status: 400 | 404 | 501; readonly text: string };

type Call = Record<string, unknown> & { readonly type: string };
type Handler = (view: AgentView, call: Call) => unknown;

const READS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['GET_HEALTH', () => ({ healthy: true })],
  ['GET_VERSION', () => ({ version_info: VERSION_INFO })],
  ['GET_FLAGS', (view) => ({ flags: pairs(flagsOf(view.config)) })],
  ['GET_METRICS', (view) => ({ metrics: pairs(metricsSnapshot(view)) })],
  ['GET_TASKS', (view) => tasks(view)],
  ['GET_EXECUTORS', (view) => executors(view)],
  ['GET_FRAMEWORKS', (view) => frameworks(view)],
  [
    'GET_STATE',
    (view) => ({ get_tasks: tasks(view), get_executors: executors(view), get_frameworks: frameworks(view) }),
  ],
  ['GET_AGENT', (view) => ({ agent_info: view.info })],
  ['GET_CONTAINERS', (view) => containers(view)],
]);

/** Answer a parsed call of `POST /api/v1` (mesos-api.md §3.4). */
export async function answerCall(view: AgentView, call: unknown): Promise<OperatorAnswer> {
  const type = (call as { type?: unknown } | null)?.type;
  if (typeof type !== 'string') return expecting('type');
  const read = READS.get(type);
  if (read) return { status: 200, body: { type, [type.toLowerCase()]: read(view, call as Call) } };
  if (type === 'LIST_FILES') return listFiles(view, call as Call);
  if (type === 'READ_FILE') return readFileCall(view, call as Call);
  if (NOT_SERVED.has(type)) return { status: 501, text: `${type} is not served by this agent` };
  return expecting('type');
}

function expecting(field: string): OperatorAnswer {
  return { status: 400, text: `Failed to validate agent::Call: Expecting '${field}' to be present` };
}

function pairs<T>(record: Record<string, T>): { name: string; value: T }[] {
  return Object.entries(record)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
}

function tasks(view: AgentView): unknown {
  const over = view.live.filter((r) => r.over);
  return {
    pending_tasks: [],
    queued_tasks: [],
    launched_tasks: view.live.filter((r) => !r.over).map(taskOf),
    terminated_tasks: over.map(taskOf),
    completed_tasks: view.completed.map(taskOf),
  };
}

function taskOf(run: TaskRun): Task {
  const { task } = run;
  const last: TaskStatus | undefined = run.updates.lastSent;
  return {
    name: task.name,
    task_id: task.task_id,
    framework_id: { value: run.place.frameworkId },
    agent_id: { value: run.place.agentId },
    state: run.state,
    resources: task.resources,
    statuses: run.updates.all,
    ...(last?.uuid ? { status_update_state: last.state, status_update_uuid: last.uuid } : {}),
    ...(task.labels ? { labels: task.labels } : {}),
    ...(task.discovery ? { discovery: task.discovery } : {}),
    ...(task.container === undefined ? {} : { container: task.container }),
    ...(task.health_check ? { health_check: task.health_check } : {}),
    ...(task.kill_policy ? { kill_policy: task.kill_policy } : {}),
  };
}

function executors(view: AgentView): unknown {
  const info = (run: TaskRun): unknown => ({
    executor_info: {
      executor_id: run.task.task_id,
      framework_id: { value: run.place.frameworkId },
      command: run.task.command,
      resources: run.task.resources,
      name: executorName(run.task),
      source: run.place.taskId,
    },
  });
  return { executors: view.live.map(info), completed_executors: view.completed.map(info) };
}

function frameworks(view: AgentView): unknown {
  const active = byFramework(view.live);
  const past = [...byFramework(view.completed)].filter(([id]) => !active.has(id));
  const info = ([, runs]: [string, TaskRun[]]): unknown => ({ framework_info: runs[0]?.framework });
  return { frameworks: [...active].map(info), completed_frameworks: past.map(info) };
}

function containers(view: AgentView): unknown {
  return {
    containers: containersOf(view).map(({ run, name, status, statistics }) => ({
      framework_id: { value: run.place.frameworkId },
      executor_id: { value: run.place.taskId },
      executor_name: name,
      container_id: { value: run.place.containerId },
      container_status: status,
      resource_statistics: statistics,
    })),
  };
}

function refused(answer: FileAnswer<unknown> & { ok: false }): OperatorAnswer {
  return { status: answer.status, text: answer.text };
}

async function listFiles(view: AgentView, call: Call): Promise<OperatorAnswer> {
  const path = (call['list_files'] as { path?: unknown } | undefined)?.path;
  if (typeof path !== 'string') return expecting('list_files');
  const listed = await listFolder(attachedPaths([...view.completed, ...view.live]), path);
  if (!listed.ok) return refused(listed);
  const owners = createOwners();
  const infos = listed.value.map(({ path, stats }) => ({
    path,
    nlink: stats.nlink,
    size: stats.size,
    mtime: { nanoseconds: Math.floor(stats.mtimeMs / 1000) * 1e9 },
    mode: stats.mode,
    uid: owners.user(stats.uid),
    gid: owners.group(stats.gid),
  }));
  return { status: 200, body: { type: 'LIST_FILES', list_files: infos.length ? { file_infos: infos } : {} } };
}

async function readFileCall(view: AgentView, call: Call): Promise<OperatorAnswer> {
  const args = call['read_file'] as { path?: unknown; offset?: unknown; length?: unknown } | undefined;
  if (typeof args?.path !== 'string') return expecting('read_file');
  const offset = Number(args.offset ?? 0);
  const length = Number(args.length ?? -1);
  if (!Number.isSafeInteger(offset) || offset < 0) return expecting('read_file.offset');
  if (!Number.isSafeInteger(length) || length < -1) return expecting('read_file.length');
  const part = await readPart(attachedPaths([...view.completed, ...view.live]), args.path, offset, length);
  if (!part.ok) return refused(part);
  const { bytes, size } = part.value;
  return { status: 200, body: { type: 'READ_FILE', read_file: { size, data: bytes.toString('base64') } } };
}
