import { MAY_ALL } from '../../core/access.ts';
import type { May } from '../../core/access.ts';
import type { Filters, Resource, TaskInfo } from '../../mesos/index.ts';
import { addResources, isEmptyResources } from '../../mesos/index.ts';
import { refuseMs } from '../allocator/index.ts';
import type { Parcel } from '../allocator/index.ts';
import type { OfferOperation, SchedulerCall } from '../input/scheduler-call.ts';
import { masterStatus, removeOffer, sendUpdate } from './bookkeeping.ts';
import { launchGroup, launchTasks, taskError } from './launch.ts';
import type { Launching } from './launch.ts';
import { refusedOf } from './offered.ts';
import { hasCapability } from './model.ts';
import type { FrameworkEntry, OfferEntry } from './model.ts';
import { operationError, refuseOperation } from './operations.ts';
import { count } from './step.ts';
import type { Step } from './step.ts';

type Accept = NonNullable<SchedulerCall['accept']>;

/** ACCEPT (mesos-api.md §1.9): launch what can and may be launched, give the rest back with the call's filters. */
export function accept(step: Step, framework: FrameworkEntry, call: Accept, may: May = MAY_ALL): void {
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
  const launching = { framework, agent, role: first.role, may };
  for (const operation of operations) pool = perform(step, launching, pool, operation);
  if (isEmptyResources(pool)) return;
  refuse(step, framework, first, () => refusedOf(agent, pool), call.filters);
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
      // the call came twice, and the first one has launched it: it is anything but dropped
      if (framework.tasks.has(task.task_id.value)) continue;
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
  at: Launching,
  pool: readonly Resource[],
  operation: OfferOperation,
): readonly Resource[] {
  const { type, id, launch, launch_group: group } = operation;
  if (type !== 'LAUNCH' && type !== 'LAUNCH_GROUP') {
    refuseOperation(step, at.framework, operation);
    return pool;
  }
  if (id !== undefined) {
    // Launches have the updates of their tasks instead.
    const reason = type === 'LAUNCH' ? 'REASON_TASK_INVALID' : 'REASON_TASK_GROUP_INVALID';
    const message = `'Offer.Operation.id' is not supported for ${type}: leave it out`;
    for (const task of tasksOf(operation)) taskError(step, at.framework, task, reason, message);
    return pool;
  }
  if (type === 'LAUNCH') return launch ? launchTasks(step, at, pool, launch) : pool;
  return group ? launchGroup(step, at, pool, group) : pool;
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
    refuse(step, framework, offer, () => offer.lot.parcel, call.filters);
  }
}

/** Remember a refusal; it holds for an allocation interval at least, so that others get their turn. */
function refuse(
  step: Step,
  framework: FrameworkEntry,
  { role, agentId }: OfferEntry,
  refused: () => Parcel,
  filters: Filters | undefined,
): void {
  const ms = refuseMs(filters?.refuse_seconds);
  if (ms === 0) return;
  const { state, mono } = step;
  const until = mono + Math.max(ms, state.policy.allocationIntervalMs);
  state.filters.refuse(framework.id, role, agentId, refused(), until);
}
