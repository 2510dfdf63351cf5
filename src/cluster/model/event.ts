import { isTaskState, isTerminal } from '../../mesos/index.ts';
import type { TaskState } from '../../mesos/index.ts';
import { readAgent } from './agent.ts';
import { sameValue } from './equal.ts';
import { readFramework, removedFrameworkId } from './framework.ts';
import { asId, asText, at, member } from './json.ts';
import { changesOfRead, changesOfRemoval, keepStart } from './model.ts';
import { readRunningStatus, statusTimeMs } from './status.ts';
import { keepPid } from './summary.ts';
import { readTask } from './task.ts';
import { taskWith } from './task-value.ts';
import type { Change, ClusterState, ModelAgent, ModelTask, Read } from './types.ts';
import { taskKey } from './types.ts';

/** What an operator event means for the state it arrives at. */
export type Effect =
  | { readonly kind: 'changes'; readonly changes: readonly Change[] }
  /** It cannot follow on this state: something was missed, and only a fresh snapshot helps. */
  | { readonly kind: 'inconsistent'; readonly reason: string };

const NOTHING: Effect = { kind: 'changes', changes: [] };

/**
 * The effect of one event of the operator API's stream (mesos-api.md §3.3), except SUBSCRIBED. Total; unknown types
 * and heartbeats have none. Applying the changes is left to the caller.
 */
export function effectOf(state: ClusterState, event: unknown): Effect {
  switch (member(event, 'type')) {
    case 'TASK_ADDED':
      return taskAdded(state, at(event, 'task_added', 'task'));
    case 'TASK_UPDATED':
      return taskUpdated(state, member(event, 'task_updated'));
    case 'AGENT_ADDED':
      return agentAdded(state, readAgent(at(event, 'agent_added', 'agent'), 'AGENT_ADDED'));
    case 'AGENT_REMOVED': {
      const id = asId(at(event, 'agent_removed', 'agent_id'));
      return id === undefined ? NOTHING : changed(changesOfRemoval(state, 'agent', id));
    }
    case 'FRAMEWORK_ADDED':
      return framework(state, at(event, 'framework_added', 'framework'), 'FRAMEWORK_ADDED');
    case 'FRAMEWORK_UPDATED':
      return framework(state, at(event, 'framework_updated', 'framework'), 'FRAMEWORK_UPDATED');
    case 'FRAMEWORK_REMOVED':
      return frameworkRemoved(state, removedFrameworkId(member(event, 'framework_removed')));
    default:
      return NOTHING;
  }
}

function changed(changes: readonly Change[]): Effect {
  return { kind: 'changes', changes };
}

/**
 * An agent that we have already is a new one all the same: the master had lost it without a word. The change says so, also
 * where nothing else is new, to whoever asked for a summary before.
 */
function agentAdded(state: ClusterState, read: Read<ModelAgent>): Effect {
  const changes = changesOfRead(state, 'agent', read);
  const { id, value } = read;
  const told = changes.some((change) => change.kind === 'agent');
  return changed(told || !value ? changes : [{ kind: 'agent', id, value: { ...value } }, ...changes]);
}

function inconsistent(reason: string): Effect {
  return { kind: 'inconsistent', reason };
}

function framework(state: ClusterState, json: unknown, where: string): Effect {
  const read = readFramework(json, where);
  // The stream never shows the pid; keep the one that a v0 document told us.
  const value = read.value && keepPid(state.frameworks.get(read.id), read.value);
  return changed(changesOfRead(state, 'framework', { ...read, value }));
}

function frameworkRemoved(state: ClusterState, id: string | undefined): Effect {
  if (id === undefined) return NOTHING;
  const changes = changesOfRemoval(state, 'framework', id);
  for (const task of state.tasks.values())
    if (task.frameworkId === id) changes.push({ kind: 'task', id: task.key, value: undefined });
  const prefix = `task ${taskKey(id, '')}`;
  for (const key of state.rejected.keys())
    if (key.startsWith(prefix)) changes.push({ kind: 'rejected', id: key, value: undefined });
  return changed(changes);
}

/** A task was launched, or came back with its agent (then before the agent, and with its history). */
function taskAdded(state: ClusterState, json: unknown): Effect {
  const read = readTask(json, 'TASK_ADDED');
  const before = state.tasks.get(read.id);
  if (!read.value) return changed(changesOfRead(state, 'task', read));
  if (isTerminal(read.value.state)) return changed(changesOfRemoval(state, 'task', read.id));
  const value = keepStart(before, read.value);
  if (before && goesBack(before.state, value.state))
    return inconsistent(`task ${value.id} was added as ${value.state} while it is ${before.state}`);
  return changed(changesOfRead(state, 'task', { ...read, value }));
}

function taskUpdated(state: ClusterState, json: unknown): Effect {
  const status = member(json, 'status');
  const frameworkId = asId(member(json, 'framework_id'));
  const id = asId(member(status, 'task_id'));
  if (frameworkId === undefined || id === undefined) return inconsistent('a task update names no task');
  const key = taskKey(frameworkId, id);
  const latest = [member(json, 'state'), member(status, 'state')].find(isTaskState);
  if (latest === undefined) return inconsistent(`an update of task ${id} has no known state`);
  const changes = agentLost(state, status);
  if (isTerminal(latest)) return changed([...changes, ...changesOfRemoval(state, 'task', key)]);
  const before = state.tasks.get(key);
  if (!before) {
    if (state.rejected.has(`task ${key}`)) return changed(changes);
    return inconsistent(`task ${id} was updated to ${latest} and is not known`);
  }
  if (goesBack(before.state, latest))
    return inconsistent(`task ${id} went from ${before.state} back to ${latest}`);
  const value = updated(before, latest, status);
  if (!sameValue(before, value)) changes.push({ kind: 'task', id: key, value });
  return changed(changes);
}

/** The task after a status. Only a TASK_RUNNING status says anything about addresses and health. */
function updated(before: ModelTask, state: TaskState, status: unknown): ModelTask {
  if (member(status, 'state') !== 'TASK_RUNNING') return taskWith(before, { state });
  const timestampMs = statusTimeMs(status);
  const stale = before.running !== undefined && timestampMs < before.running.timestampMs;
  return taskWith(before, {
    state,
    running: stale ? before.running : readRunningStatus(status),
    startedAtMs: before.startedAtMs === 0 ? timestampMs : before.startedAtMs,
  });
}

const ORDER: ReadonlyMap<TaskState, number> = new Map([
  ['TASK_STAGING', 0],
  ['TASK_STARTING', 1],
  ['TASK_RUNNING', 2],
  ['TASK_KILLING', 3],
]);

/** A living task never returns to an earlier state; only from unreachable or unknown everything is possible. */
function goesBack(before: TaskState, after: TaskState): boolean {
  const from = ORDER.get(before);
  const to = ORDER.get(after);
  return from !== undefined && to !== undefined && to < from;
}

/**
 * The stream has no event for an agent that became unreachable or was marked gone; it shows only in what the master
 * says about the agent's tasks.
 */
function agentLost(state: ClusterState, status: unknown): Change[] {
  if (asText(member(status, 'source')) !== 'SOURCE_MASTER') return [];
  const reason = asText(member(status, 'reason')) ?? '';
  if (!/^REASON_(AGENT|SLAVE)_REMOVED/.test(reason)) return [];
  const id = asId(member(status, 'agent_id')) ?? asId(member(status, 'slave_id'));
  return id === undefined ? [] : changesOfRemoval(state, 'agent', id);
}
