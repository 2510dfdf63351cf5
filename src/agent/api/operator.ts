import { hideSecrets } from '../../mesos/index.ts';
import type { Task, TaskInfo } from '../../mesos/index.ts';
import type { ExecutorView } from '../executors/executor.ts';
import type { TaskView } from '../tasks/task-view.ts';
import { answerContainerCall, isContainerCall } from './containers.ts';
import { FORBIDDEN } from './operator-answer.ts';
import type { OperatorAnswer } from './operator-answer.ts';
import { flagsOf, VERSION_INFO } from './flags.ts';
import type { May } from '../../core/access.ts';
import { createOwners } from './owners.ts';
import { listFolder, readPart } from './sandbox-files.ts';
import type { FileAnswer } from './sandbox-files.ts';
import { isForbidden, seenBy } from './permissions.ts';
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
  'LAUNCH_NESTED_CONTAINER_SESSION',
  'ATTACH_CONTAINER_INPUT',
  'ATTACH_CONTAINER_OUTPUT',
  'ADD_RESOURCE_PROVIDER_CONFIG',
  'UPDATE_RESOURCE_PROVIDER_CONFIG',
  'REMOVE_RESOURCE_PROVIDER_CONFIG',
  'MARK_RESOURCE_PROVIDER_GONE',
  'PRUNE_IMAGES',
]);

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
  ['GET_AGENT', (view) => ({ agent_info: view.info, ...drainOf(view) })],
  ['GET_CONTAINERS', (view, call) => containers(view, call)],
]);

/** Answer a parsed call of `POST /api/v1` (mesos-api.md §3.4). */
export async function answerCall(view: AgentView, call: unknown, may: May): Promise<OperatorAnswer> {
  const type = (call as { type?: unknown } | null)?.type;
  if (typeof type !== 'string') return expecting('type');
  const read = READS.get(type);
  if (type === 'GET_FLAGS' && !may('view_flags', '')) return FORBIDDEN;
  if (read)
    return { status: 200, body: { type, [type.toLowerCase()]: await read(seenBy(view, may), call as Call) } };
  if (type === 'LIST_FILES') return listFiles(view, call as Call, may);
  if (type === 'READ_FILE') return readFileCall(view, call as Call, may);
  if (view.containers && isContainerCall(type))
    return answerContainerCall(view.containers, call as Call, may);
  if (NOT_SERVED.has(type) || isContainerCall(type))
    return { status: 501, text: `${type} is not served by this agent` };
  return expecting('type');
}

function expecting(field: string): OperatorAnswer {
  return { status: 400, text: `Failed to validate agent::Call: Expecting '${field}' to be present` };
}

/** As Apache Mesos: the time in whole seconds. */
function drainOf({ draining }: AgentView): Record<string, unknown> {
  const { config, startedMs = 0 } = draining ?? {};
  if (config === undefined) return {};
  const nanoseconds = Math.floor(startedMs / 1000) * 1e9;
  return { drain_config: config, estimated_drain_start_time: { nanoseconds } };
}

function pairs<T>(record: Record<string, T>): { name: string; value: T }[] {
  return Object.entries(record)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
}

function tasks(view: AgentView): unknown {
  const all = view.live.flatMap((executor) => executor.tasks.map((task) => ({ executor, task })));
  const ended = [...view.completed, ...view.live].flatMap((executor) =>
    executor.completed.map((task) => ({ executor, task })),
  );
  return {
    pending_tasks: [],
    queued_tasks: view.live.flatMap((executor) => executor.queued.map((task) => queuedOf(executor, task))),
    launched_tasks: all.filter(({ task }) => !task.over).map(taskOf),
    terminated_tasks: all.filter(({ task }) => task.over).map(taskOf),
    completed_tasks: ended.map(taskOf),
  };
}

/** A task of an executor that the framework knows names it. */
const executorIdOf = ({ isOfCommand, place }: ExecutorView): Pick<Task, 'executor_id'> =>
  isOfCommand === true ? {} : { executor_id: { value: place.executorId } };

function queuedOf(executor: ExecutorView, task: TaskInfo): Task {
  return {
    name: task.name,
    task_id: task.task_id,
    framework_id: { value: executor.place.frameworkId },
    ...executorIdOf(executor),
    agent_id: { value: executor.place.agentId },
    state: 'TASK_STAGING',
    resources: task.resources,
  };
}

function taskOf({ executor, task: run }: { readonly executor: ExecutorView; readonly task: TaskView }): Task {
  const { task, place, updates } = run;
  const last = updates.lastSent;
  return {
    name: task.name,
    task_id: task.task_id,
    framework_id: { value: place.frameworkId },
    ...executorIdOf(executor),
    agent_id: { value: place.agentId },
    state: run.state,
    resources: task.resources,
    statuses: updates.all,
    ...(last?.uuid ? { status_update_state: last.state, status_update_uuid: last.uuid } : {}),
    ...(task.labels ? { labels: task.labels } : {}),
    ...(task.discovery ? { discovery: task.discovery } : {}),
    ...(task.container === undefined ? {} : { container: hideSecrets(task.container) }),
    ...(task.health_check ? { health_check: hideSecrets(task.health_check) } : {}),
    ...(task.kill_policy ? { kill_policy: task.kill_policy } : {}),
  };
}

function executors(view: AgentView): unknown {
  const info = ({ info: executor }: ExecutorView): unknown => ({ executor_info: hideSecrets(executor) });
  return { executors: view.live.map(info), completed_executors: view.completed.map(info) };
}

function frameworks(view: AgentView): unknown {
  const active = byFramework(view.live);
  const past = [...byFramework(view.completed)].filter(([id]) => !active.has(id));
  const info = ([, all]: [string, ExecutorView[]]): unknown => ({ framework_info: all[0]?.framework });
  return { frameworks: [...active].map(info), completed_frameworks: past.map(info) };
}

async function containers(view: AgentView, call: Call): Promise<unknown> {
  const { show_nested, show_standalone } = (call['get_containers'] ?? {}) as Readonly<
    Record<string, unknown>
  >;
  const all = await containersOf(view, show_nested === true, show_standalone === true);
  return {
    containers: all.map(({ executor, id, status, statistics }) => ({
      ...(executor
        ? {
            framework_id: { value: executor.place.frameworkId },
            executor_id: { value: executor.place.executorId },
            executor_name: executor.info.name ?? '',
          }
        : {}),
      container_id: { value: id },
      container_status: status,
      resource_statistics: statistics,
    })),
  };
}

function refused(answer: FileAnswer<unknown> & { ok: false }): OperatorAnswer {
  return { status: answer.status, text: answer.text };
}

async function listFiles(view: AgentView, call: Call, may: May): Promise<OperatorAnswer> {
  const path = (call['list_files'] as { path?: unknown } | undefined)?.path;
  if (typeof path !== 'string') return expecting('list_files');
  if (isForbidden(view, may, path)) return FORBIDDEN;
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

async function readFileCall(view: AgentView, call: Call, may: May): Promise<OperatorAnswer> {
  const args = call['read_file'] as { path?: unknown; offset?: unknown; length?: unknown } | undefined;
  if (typeof args?.path !== 'string') return expecting('read_file');
  if (isForbidden(view, may, args.path)) return FORBIDDEN;
  const offset = Number(args.offset ?? 0);
  const length = Number(args.length ?? -1);
  if (!Number.isSafeInteger(offset) || offset < 0) return expecting('read_file.offset');
  if (!Number.isSafeInteger(length) || length < -1) return expecting('read_file.length');
  const part = await readPart(attachedPaths([...view.completed, ...view.live]), args.path, offset, length);
  if (!part.ok) return refused(part);
  const { bytes, size } = part.value;
  return { status: 200, body: { type: 'READ_FILE', read_file: { size, data: bytes.toString('base64') } } };
}
