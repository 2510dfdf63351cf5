import type { Filters, Resource, TaskInfo, Value } from '../../mesos/index.ts';
import { addResources, isEmptyResources, subtractResources, unallocated } from '../../mesos/index.ts';
import { refuseMs } from '../allocator/index.ts';
import type { OfferOperation, SchedulerCall } from '../input/scheduler-call.ts';
import { addTask, masterStatus, removeOffer, sendUpdate } from './bookkeeping.ts';
import { hasCapability } from './model.ts';
import type { AgentEntry, FrameworkEntry, OfferEntry, TaskEntry } from './model.ts';
import { taskProblem, taskResources } from './task-validation.ts';
import { count, toAgent, toFramework } from './step.ts';
import type { Step } from './step.ts';

type Accept = NonNullable<SchedulerCall['accept']>;

/** ACCEPT (mesos-api.md §1.9): launch what can be launched, give the rest back with the call's filters. */
export function accept(step: Step, framework: FrameworkEntry, call: Accept): void {
  const operations = call.operations ?? [];
  if (operations.length > 0) count(step, 'master/messages_launch_tasks');
  else count(step, 'master/messages_decline_offers');
  const ids = (call.offer_ids ?? []).map((id) => id.value);
  const offers = ids.flatMap((id) => {
    const offer = step.state.offers.get(id);
    return offer && offer.frameworkId === framework.id ? [offer] : [];
  });
  const problem = offersProblem(step, framework, ids);
  const [first] = offers;
  for (const offer of new Set(offers)) removeOffer(step, offer, false);
  if (problem !== undefined || first === undefined) {
    refuseAll(step, framework, operations, {
      reason: 'REASON_INVALID_OFFERS',
      message: `Task launched with invalid offers: ${problem ?? 'No offers specified'}`,
    });
    return;
  }
  const agent = step.state.agents.get(first.agentId);
  if (!agent || agent.streamId === undefined) {
    refuseAll(step, framework, operations, {
      reason: agent ? 'REASON_AGENT_DISCONNECTED' : 'REASON_AGENT_REMOVED',
      message: agent ? 'Agent disconnected' : 'Agent removed',
    });
    return;
  }
  let pool: readonly Resource[] = [];
  for (const offer of offers) pool = addResources(pool, offer.resources);
  for (const operation of operations) pool = perform(step, framework, agent, first.role, pool, operation);
  refuse(step, framework, first.role, agent.id, pool, call.filters);
}

function offersProblem(step: Step, framework: FrameworkEntry, ids: readonly string[]): string | undefined {
  if (ids.length === 0) return 'No offers specified';
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) return `Duplicate offer ${twice} in offer list`;
  let first: OfferEntry | undefined;
  for (const id of ids) {
    const offer = step.state.offers.get(id);
    if (!offer) return `Offer ${id} is no longer valid`;
    if (offer.frameworkId !== framework.id)
      return `Offer ${id} has invalid framework ${offer.frameworkId} while framework ${framework.id} is expected`;
    first ??= offer;
    if (offer.role !== first.role)
      return `Aggregated offers must be allocated to the same role. Offer ${id} uses role '${offer.role}' but another is using role '${first.role}'`;
    if (offer.agentId !== first.agentId)
      return `Aggregated offers must belong to one single agent. Offer ${id} uses agent ${offer.agentId} and agent ${first.agentId}`;
  }
  return undefined;
}

/** Nothing can be launched: every task hears why. */
function refuseAll(
  step: Step,
  framework: FrameworkEntry,
  operations: readonly OfferOperation[],
  why: { readonly reason: string; readonly message: string },
): void {
  const state = hasCapability(framework.info, 'PARTITION_AWARE') ? 'TASK_DROPPED' : 'TASK_LOST';
  for (const operation of operations) {
    for (const task of tasksOf(operation)) {
      sendUpdate(
        step,
        framework,
        masterStatus(step, task.task_id.value, state, { ...why, agent_id: task.agent_id }),
      );
    }
    if (operation.type !== 'LAUNCH' && operation.type !== 'LAUNCH_GROUP')
      operationError(step, framework, operation.id, why.message);
  }
}

function tasksOf(operation: OfferOperation): readonly TaskInfo[] {
  if (operation.type === 'LAUNCH') return operation.launch?.task_infos ?? [];
  if (operation.type === 'LAUNCH_GROUP') return operation.launch_group?.task_group.tasks ?? [];
  return [];
}

/** One operation over what is left of the offers; returns what is left after it. */
function perform(
  step: Step,
  framework: FrameworkEntry,
  agent: AgentEntry,
  role: string,
  pool: readonly Resource[],
  operation: OfferOperation,
): readonly Resource[] {
  if (operation.type !== 'LAUNCH') {
    refuseOperation(step, framework, operation);
    return pool;
  }
  let left = pool;
  for (const task of operation.launch?.task_infos ?? []) {
    const context = { framework, agentId: agent.id, role, available: left };
    const problem =
      operation.id === undefined
        ? taskProblem(task, context)
        : "'Offer.Operation.id' is not supported for LAUNCH: leave it out";
    if (problem === undefined) left = subtractResources(left, launch(step, framework, agent, role, task));
    else taskError(step, framework, task, 'REASON_TASK_INVALID', problem);
  }
  return left;
}

function launch(
  step: Step,
  framework: FrameworkEntry,
  agent: AgentEntry,
  role: string,
  given: TaskInfo,
): readonly Resource[] {
  const resources = taskResources(given, role);
  const info: TaskInfo = { ...given, resources };
  const task: TaskEntry = {
    id: given.task_id.value,
    frameworkId: framework.id,
    agentId: agent.id,
    info,
    role,
    state: 'TASK_STAGING',
    statuses: [],
  };
  addTask(step, framework, agent, task);
  toAgent(step, agent.streamId, {
    type: 'RUN_TASK',
    run_task: { framework_info: framework.info, task: info },
  });
  return resources;
}

function taskError(
  step: Step,
  framework: FrameworkEntry,
  task: TaskInfo,
  reason: string,
  message: string,
): void {
  count(step, 'master/tasks_error');
  count(step, `master/task_error/source_master/${reason.toLowerCase()}`);
  sendUpdate(
    step,
    framework,
    masterStatus(step, task.task_id.value, 'TASK_ERROR', { message, reason, agent_id: task.agent_id }),
  );
}

function refuseOperation(step: Step, framework: FrameworkEntry, operation: OfferOperation): void {
  const name = operation.type ?? 'without a known type';
  const message = `Operation ${name} is not supported by this master: only LAUNCH is`;
  for (const task of tasksOf(operation))
    taskError(step, framework, task, 'REASON_TASK_GROUP_INVALID', message);
  if (operation.type !== 'LAUNCH_GROUP') operationError(step, framework, operation.id, message);
}

/** Frameworks that gave the operation an id get to know; the others asked not to. */
function operationError(step: Step, framework: FrameworkEntry, id: Value | undefined, message: string): void {
  if (id === undefined) return;
  toFramework(step, framework.streamId, {
    type: 'UPDATE_OPERATION_STATUS',
    update_operation_status: { status: { operation_id: id, state: 'OPERATION_ERROR', message } },
  });
}

/** DECLINE: offers that are not the framework's or no longer valid are ignored. */
export function decline(
  step: Step,
  framework: FrameworkEntry,
  call: NonNullable<SchedulerCall['decline']>,
): void {
  count(step, 'master/messages_decline_offers');
  for (const { value } of call.offer_ids ?? []) {
    const offer = step.state.offers.get(value);
    if (!offer || offer.frameworkId !== framework.id) continue;
    removeOffer(step, offer, false);
    refuse(step, framework, offer.role, offer.agentId, offer.resources, call.filters);
  }
}

/** Remember a refusal; it holds for an allocation interval at least, so that others get their turn. */
function refuse(
  step: Step,
  framework: FrameworkEntry,
  role: string,
  agentId: string,
  resources: readonly Resource[],
  filters: Filters | undefined,
): void {
  const ms = refuseMs(filters?.refuse_seconds);
  if (ms === 0 || isEmptyResources(resources)) return;
  const { state, mono } = step;
  const until = mono + Math.max(ms, state.policy.allocationIntervalMs);
  state.filters.refuse(framework.id, role, agentId, unallocated(resources), until);
}
