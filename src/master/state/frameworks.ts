import { MAY_ALL } from '../../core/access.ts';
import type { May } from '../../core/access.ts';
import type { FrameworkInfo } from '../../mesos/index.ts';
import { isTerminal, ResourceSum } from '../../mesos/index.ts';
import { frameworkEventV1 } from '../views/v1.ts';
import { completeTask, recordStatus, removeOffers, setTaskState, statusOf } from './bookkeeping.ts';
import { firstOf } from './first.ts';
import { removeExecutor, runsFor } from './executor-books.ts';
import { constraintsOf, frameworkProblem, immutableProblem } from './framework-validation.ts';
import { dropInverseOffers } from './inverse-offers.ts';
import { NO_CONSTRAINTS, rolesOf } from './model.ts';
import type { FrameworkEntry } from './model.ts';
import { rolesProblem } from './permissions.ts';
import { count, toAgent, toFramework, toOperators } from './step.ts';
import type { Step } from './step.ts';

/** SUBSCRIBE (mesos-api.md §1.5). A refusal is an ERROR on the new stream, which then ends. */
export function subscribeFramework(
  step: Step,
  given: FrameworkInfo,
  suppressed: readonly string[],
  streamId: string,
  may: May = MAY_ALL,
  constraints?: unknown,
): void {
  const { state } = step;
  const id = given.id?.value ?? '';
  const info = withDefaults(given);
  const known = state.frameworks.get(id);
  const wanted = constraintsOf(state, info, constraints);
  count(step, id === '' ? 'master/messages_register_framework' : 'master/messages_reregister_framework');
  const problem =
    frameworkProblem(state, info, suppressed) ??
    (state.completedFrameworks.has(id) ? 'Framework has been removed' : undefined) ??
    (known && !known.recovered && known.info.principal !== info.principal
      ? "Changing framework's principal is not allowed."
      : undefined) ??
    wanted.problem ??
    rolesProblem(given, may);
  if (problem !== undefined) {
    toFramework(step, streamId, { type: 'ERROR', error: { message: problem } });
    step.effects.push({ kind: 'end', streamId });
    return;
  }
  const framework = known ?? addFramework(step, { ...info, id: { value: id === '' ? nextId(step) : id } });
  if (known) reconnect(step, known, info);
  framework.streamId = streamId;
  framework.active = true;
  framework.recovered = false;
  framework.failoverAt = undefined;
  suppress(framework, suppressed);
  framework.constraints = wanted.constraints;
  toFramework(step, streamId, {
    type: 'SUBSCRIBED',
    subscribed: {
      framework_id: { value: framework.id },
      heartbeat_interval_seconds: state.policy.heartbeatSeconds,
      master_info: state.info,
    },
  });
  toFramework(step, streamId, { type: 'HEARTBEAT' });
  announce(step, framework, known ? 'FRAMEWORK_UPDATED' : 'FRAMEWORK_ADDED');
  step.effects.push({ kind: 'allocate' });
}

function withDefaults(info: FrameworkInfo): FrameworkInfo {
  return { ...info, failover_timeout: info.failover_timeout ?? 0, checkpoint: info.checkpoint ?? false };
}

function nextId(step: Step): string {
  return `${step.state.id}-${String(step.state.nextFramework++).padStart(4, '0')}`;
}

export function addFramework(step: Step, info: FrameworkInfo & { id: { value: string } }): FrameworkEntry {
  const offeredSum = new ResourceSum();
  const framework: FrameworkEntry = {
    id: info.id.value,
    info: withDefaults(info),
    streamId: undefined,
    active: false,
    recovered: false,
    registeredMs: step.now,
    reregisteredMs: step.now,
    unregisteredMs: 0,
    failoverAt: undefined,
    suppressed: new Set(),
    tasks: new Map(),
    unreachableTasks: new Map(),
    completedTasks: [],
    executors: new Set(),
    offers: new Set(),
    used: [],
    get offered() {
      return offeredSum.list;
    },
    offeredSum,
    constraints: NO_CONSTRAINTS,
  };
  step.state.frameworks.set(framework.id, framework);
  return framework;
}

/** A framework whose tasks an agent brought, but which has not been seen since this master started. */
export function recoverFramework(
  step: Step,
  info: FrameworkInfo & { id: { value: string } },
): FrameworkEntry {
  const framework = addFramework(step, info);
  framework.recovered = true;
  announce(step, framework, 'FRAMEWORK_ADDED');
  return framework;
}

/** The failover path: the new stream always wins. */
function reconnect(step: Step, framework: FrameworkEntry, info: FrameworkInfo): void {
  const { streamId } = framework;
  if (streamId !== undefined) {
    toFramework(step, streamId, { type: 'ERROR', error: { message: 'Framework failed over' } });
    step.effects.push({ kind: 'end', streamId });
    framework.streamId = undefined;
  }
  removeOffers(step, framework.offers, false);
  dropInverseOffers(step, framework.id);
  step.state.filters.clear(framework.id);
  const { user, checkpoint } = framework.info;
  changeInfo(step, framework, framework.recovered ? info : { ...info, user, checkpoint });
  framework.reregisteredMs = step.now;
}

function changeInfo(step: Step, framework: FrameworkEntry, info: FrameworkInfo): void {
  framework.info = { ...info, id: { value: framework.id } };
  for (const agent of step.state.agents.values()) {
    if (runsFor(agent, framework.id))
      toAgent(step, agent.streamId, {
        type: 'UPDATE_FRAMEWORK',
        update_framework: { framework_info: framework.info },
      });
  }
}

function suppress(framework: FrameworkEntry, roles: readonly string[]): void {
  framework.suppressed.clear();
  for (const role of roles) framework.suppressed.add(role);
}

function announce(
  step: Step,
  framework: FrameworkEntry,
  type: 'FRAMEWORK_ADDED' | 'FRAMEWORK_UPDATED',
): void {
  toOperators(step, { type, [type.toLowerCase()]: { framework: frameworkEventV1(framework) } });
}

/** UPDATE_FRAMEWORK: the problem for a 400, or undefined and it is done. */
export function updateFramework(
  step: Step,
  framework: FrameworkEntry,
  given: FrameworkInfo,
  suppressed: readonly string[],
  constraints?: unknown,
): string | undefined {
  const info = withDefaults(given);
  const problem = frameworkProblem(step.state, info, suppressed);
  if (problem !== undefined) return `'UpdateFramework.framework_info' is not valid: ${problem}`;
  const immutable = immutableProblem(framework, info);
  if (immutable !== undefined) return `FrameworkInfo update is not valid: ${immutable}`;
  const wanted = constraintsOf(step.state, info, constraints);
  if (wanted.problem !== undefined) return wanted.problem;
  const roles = new Set(rolesOf(info));
  for (const role of rolesOf(framework.info)) if (!roles.has(role)) leaveRole(step, framework, role);
  changeInfo(step, framework, info);
  suppress(framework, suppressed);
  framework.constraints = wanted.constraints;
  announce(step, framework, 'FRAMEWORK_UPDATED');
  step.effects.push({ kind: 'allocate' });
  return undefined;
}

function leaveRole(step: Step, framework: FrameworkEntry, role: string): void {
  const offers = [...framework.offers].filter((id) => step.state.offers.get(id)?.role === role);
  removeOffers(step, offers, true);
  step.state.filters.clear(framework.id, role);
}

/** REVIVE: forget refusals and offer again. A role the framework is not in makes the whole call void. */
export function revive(step: Step, framework: FrameworkEntry, roles: readonly string[]): void {
  count(step, 'master/messages_revive_offers');
  for (const role of concerned(framework, roles)) {
    framework.suppressed.delete(role);
    step.state.filters.clear(framework.id, role);
  }
  step.effects.push({ kind: 'allocate' });
}

export function suppressRoles(step: Step, framework: FrameworkEntry, roles: readonly string[]): void {
  count(step, 'master/messages_suppress_offers');
  for (const role of concerned(framework, roles)) framework.suppressed.add(role);
}

function concerned(framework: FrameworkEntry, roles: readonly string[]): readonly string[] {
  const mine = rolesOf(framework.info);
  if (roles.length === 0) return mine;
  return roles.every((r) => mine.includes(r)) ? roles : [];
}

/** The stream of a scheduler is gone, whoever ended it. Without a failover timeout that is the end of the framework. */
export function frameworkStreamClosed(step: Step, streamId: string): void {
  const framework = firstOf(step.state.frameworks.values(), (f) => f.streamId === streamId);
  if (!framework) return;
  framework.streamId = undefined;
  framework.active = false;
  removeOffers(step, framework.offers, false);
  dropInverseOffers(step, framework.id);
  step.state.filters.clear(framework.id);
  const timeoutMs = Math.max(0, framework.info.failover_timeout) * 1000;
  // Apache Mesos tells operators nothing of a mere disconnection.
  if (timeoutMs === 0) removeFramework(step, framework);
  else framework.failoverAt = step.mono + timeoutMs;
}

/** Remove frameworks that did not come back in time. */
export function expireFrameworks(step: Step): void {
  for (const framework of step.state.frameworks.values())
    if (framework.failoverAt !== undefined && framework.failoverAt <= step.mono)
      removeFramework(step, framework);
}

/** Teardown, by its scheduler, by an operator or by time. Its tasks are killed; nobody is told of each (§1.6). */
export function removeFramework(step: Step, framework: FrameworkEntry): void {
  const { state } = step;
  removeOffers(step, framework.offers, false);
  dropInverseOffers(step, framework.id);
  state.inverse.forgetFramework(framework.id);
  state.filters.clear(framework.id);
  for (const agent of state.agents.values()) {
    if (runsFor(agent, framework.id))
      toAgent(step, agent.streamId, {
        type: 'SHUTDOWN_FRAMEWORK',
        shutdown_framework: { framework_id: { value: framework.id } },
      });
  }
  for (const task of [...framework.tasks.values(), ...framework.unreachableTasks.values()]) {
    if (!isTerminal(task.state)) {
      setTaskState(step, task, 'TASK_KILLED');
      recordStatus(
        step,
        task,
        statusOf(step, task, 'TASK_KILLED', {
          message: `Framework ${framework.id} removed`,
          reason: 'REASON_FRAMEWORK_REMOVED',
        }),
      );
    }
    completeTask(step, framework, task);
  }
  for (const executor of framework.executors) removeExecutor(step, executor);
  if (framework.streamId !== undefined) step.effects.push({ kind: 'end', streamId: framework.streamId });
  framework.streamId = undefined;
  framework.active = false;
  framework.failoverAt = undefined;
  framework.unregisteredMs = step.now;
  state.frameworks.delete(framework.id);
  state.completedFrameworks.set(framework.id, framework);
  const oldest = state.completedFrameworks.keys().next().value;
  if (state.completedFrameworks.size > state.policy.maxCompletedFrameworks && oldest !== undefined)
    state.completedFrameworks.delete(oldest);
  toOperators(step, { type: 'FRAMEWORK_REMOVED', framework_removed: { framework_info: framework.info } });
}
