import type { Value } from '../../mesos/index.ts';
import type { OfferOperation, OperationRef } from '../input/scheduler-call.ts';
import type { FrameworkEntry } from './model.ts';
import { count, toFramework } from './step.ts';
import type { Step } from './step.ts';

/**
 * Offer operations other than launches: reservations, volumes and disks. This master carries out none, so none is ever
 * known to it; what is asked about them gets the answers that Mesos gives of operations it does not know.
 */
export function refuseOperation(step: Step, framework: FrameworkEntry, { type, id }: OfferOperation): void {
  const name = type ?? 'without a known type';
  const message = `Operation ${name} is not supported by this master: only LAUNCH and LAUNCH_GROUP are`;
  operationError(step, framework, id, message);
}

/** Frameworks that gave the operation an id get to know; the others asked not to. */
export function operationError(
  step: Step,
  framework: FrameworkEntry,
  id: Value | undefined,
  message: string,
): void {
  if (id === undefined) return;
  toFramework(step, framework.streamId, {
    type: 'UPDATE_OPERATION_STATUS',
    update_operation_status: { status: { operation_id: id, state: 'OPERATION_ERROR', message } },
  });
}

/** RECONCILE_OPERATIONS: without operations there is none to tell of; else what becomes of each by where it was. */
export function reconcileOperations(
  step: Step,
  framework: FrameworkEntry,
  refs: readonly OperationRef[],
): void {
  count(step, 'master/messages_reconcile_operations');
  for (const { operation_id, agent_id } of refs) {
    const [state, message] = absence(step, agent_id?.value);
    toFramework(step, framework.streamId, {
      type: 'UPDATE_OPERATION_STATUS',
      update_operation_status: {
        status: {
          operation_id,
          state,
          message: `Reconciliation: ${message}`,
          ...(agent_id && { agent_id }),
        },
      },
    });
  }
}

function absence(step: Step, agentId: string | undefined): readonly [state: string, message: string] {
  const { state } = step;
  if (agentId === undefined)
    return ['OPERATION_UNKNOWN', "Operation is unknown and no 'agent_id' was provided"];
  if (state.recoveredAgents.has(agentId))
    return ['OPERATION_RECOVERING', 'Agent is recovered but has not re-registered'];
  if (state.agents.has(agentId)) return ['OPERATION_UNKNOWN', 'Operation is unknown'];
  if (state.unreachableAgents.has(agentId)) return ['OPERATION_UNREACHABLE', 'Agent is unreachable'];
  if (state.goneAgents.has(agentId)) return ['OPERATION_GONE_BY_OPERATOR', 'Agent marked gone by operator'];
  return ['OPERATION_UNKNOWN', 'Both operation and agent are unknown'];
}

/** ACKNOWLEDGE_OPERATION_STATUS: none of our updates asks for one, so it belongs to nothing. */
export function acknowledgeOperation(step: Step): void {
  count(step, 'master/messages_operation_status_update_acknowledgement');
  count(step, 'master/invalid_operation_status_update_acknowledgements');
}
