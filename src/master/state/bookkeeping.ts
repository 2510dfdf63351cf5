import type { TaskStatus } from '../../mesos/index.ts';
import { addResources, holdsResources, nextTaskState, subtractResources } from '../../mesos/index.ts';
import type { TaskState } from '../../mesos/index.ts';
import { isDrained } from './agent-facts.ts';
import type { AgentEntry, FrameworkEntry, OfferEntry, TaskEntry } from './model.ts';
import { count, seconds, toFramework, toOperators } from './step.ts';
import type { Step } from './step.ts';

/** The only functions that move tasks and offers in and out of the sums of agents and frameworks. */

/** Put a task on its framework and agent; it takes resources unless its state no longer does. */
export function addTask(step: Step, framework: FrameworkEntry, agent: AgentEntry, task: TaskEntry): void {
  framework.tasks.set(task.id, task);
  agent.tasks.add(task);
  if (holdsResources(task.state)) {
    const { resources } = task.info;
    framework.used = addResources(framework.used, resources);
    agent.used = addResources(agent.used, resources);
  }
  toOperators(step, { type: 'TASK_ADDED', task_added: { task: task.document() } });
}

/** Change the state of a task, giving its resources back when it no longer holds them. */
export function setTaskState(step: Step, task: TaskEntry, reported: TaskState): void {
  const next = nextTaskState(task.state, reported);
  const held = holdsResources(task.state);
  const holds = holdsResources(next);
  task.state = next;
  if (held === holds) return;
  const change = holds ? addResources : subtractResources;
  const framework = step.state.frameworks.get(task.frameworkId);
  const agent = step.state.agents.get(task.agentId);
  const { resources } = task.info;
  if (framework) framework.used = change(framework.used, resources);
  if (agent) agent.used = change(agent.used, resources);
}

/** Take a task whose end is known to its framework off the list of running ones. */
export function completeTask(step: Step, framework: FrameworkEntry, task: TaskEntry): void {
  framework.tasks.delete(task.id);
  framework.unreachableTasks.delete(task.id);
  const agent = step.state.agents.get(task.agentId);
  agent?.tasks.delete(task);
  if (isDrained(agent)) step.effects.push({ kind: 'drained', agentId: task.agentId });
  pushRing(framework.completedTasks, task, step.state.policy.maxCompletedTasksPerFramework);
}

function pushRing<T>(ring: T[], item: T, limit: number): void {
  ring.push(item);
  if (ring.length > limit) ring.splice(0, ring.length - limit);
}

/** The latest of those with this id whose end was acknowledged, as long as it is remembered. */
export function completedTask(framework: FrameworkEntry, id: string): TaskEntry | undefined {
  return framework.completedTasks.findLast((task) => task.id === id);
}

/** Set a task aside with its lost agent. */
export function setAsideTask(step: Step, framework: FrameworkEntry, task: TaskEntry): void {
  framework.tasks.delete(task.id);
  step.state.agents.get(task.agentId)?.tasks.delete(task);
  framework.unreachableTasks.set(task.id, task);
  const oldest = framework.unreachableTasks.keys().next().value;
  if (framework.unreachableTasks.size > step.state.policy.maxUnreachableTasksPerFramework && oldest)
    framework.unreachableTasks.delete(oldest);
}

/**
 * Keep a status in the history of its task: one per distinct consecutive state, a later one of the same state replaces
 * it (mesos-api.md §3.2). Operators hear of it when the state is new, a (health) check says something, or it says anything
 * else than the one that it replaces: who follows is to know what who asks is told.
 * `moved`: what came with the status has taken the task to another state.
 */
export function recordStatus(step: Step, task: TaskEntry, status: TaskStatus, moved = false): void {
  const { data, ...kept } = status;
  const { statuses } = task;
  const last = statuses.at(-1);
  const news =
    last?.state !== status.state ||
    status.reason === 'REASON_TASK_CHECK_STATUS_UPDATED' ||
    status.reason === 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED';
  task.record([...(last?.state === status.state ? statuses.slice(0, -1) : statuses), kept], status);
  if (news || moved || saysElse(last, kept)) tellState(step, task, status);
  if (!news) return;
  const state = status.state.slice('TASK_'.length).toLowerCase();
  if (!holdsResources(status.state) && status.state !== 'TASK_UNREACHABLE') {
    count(step, `master/tasks_${state}`);
    if (status.source && status.reason)
      count(
        step,
        `master/task_${state}/${status.source.toLowerCase().replace('_agent', '_slave')}/${status.reason.toLowerCase()}`,
      );
  }
}

/** Said again for want of an acknowledgement, a status has another uuid at most. */
function saysElse(before: TaskStatus, now: TaskStatus): boolean {
  const text = ({ uuid, ...rest }: TaskStatus): string => JSON.stringify(rest);
  return text(before) !== text(now);
}

/** Operators follow the state of a task, of which its framework may hear much later. */
export function tellState(step: Step, task: TaskEntry, status: TaskStatus): void {
  const framework_id = { value: task.frameworkId };
  toOperators(step, { type: 'TASK_UPDATED', task_updated: { framework_id, status, state: task.state } });
}

/** A status that the master itself says; without a uuid, so nobody acknowledges it. */
export function masterStatus(
  step: Step,
  taskId: string,
  state: TaskState,
  rest: Pick<TaskStatus, 'message' | 'reason'> & Partial<TaskStatus>,
): TaskStatus {
  return {
    task_id: { value: taskId },
    state,
    source: 'SOURCE_MASTER',
    timestamp: seconds(step.now),
    ...rest,
  };
}

/** The same of a task that the master has: where it is, and who runs it. */
export function statusOf(
  step: Step,
  task: TaskEntry,
  state: TaskState,
  rest: Pick<TaskStatus, 'message' | 'reason'> & Partial<TaskStatus>,
): TaskStatus {
  return masterStatus(step, task.id, state, {
    agent_id: { value: task.agentId },
    ...(task.executorId !== undefined && { executor_id: { value: task.executorId } }),
    ...rest,
  });
}

/** Tell the framework, if it is there. */
export function sendUpdate(step: Step, framework: FrameworkEntry, status: TaskStatus): void {
  toFramework(step, framework.streamId, { type: 'UPDATE', update: { status } });
}

/** Take an offer back into what is free. With `rescind` the framework is told. */
export function removeOffer(step: Step, offer: OfferEntry, rescind: boolean): void {
  if (!step.state.offers.delete(offer.id)) return;
  const framework = step.state.frameworks.get(offer.frameworkId);
  const agent = step.state.agents.get(offer.agentId);
  if (framework) {
    framework.offers.delete(offer.id);
    framework.offeredSum.subtract(offer.lot.summands);
    if (rescind)
      toFramework(step, framework.streamId, {
        type: 'RESCIND',
        rescind: { offer_id: { value: offer.id } },
      });
  }
  if (agent) {
    agent.offers.delete(offer.id);
    agent.offered = agent.offers.size === 0 ? [] : subtractResources(agent.offered, offer.resources);
  }
}

export function removeOffers(step: Step, ids: Iterable<string>, rescind: boolean): void {
  for (const id of ids) {
    const offer = step.state.offers.get(id);
    if (offer) removeOffer(step, offer, rescind);
  }
}
