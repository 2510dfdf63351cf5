import type { AgentEvent, Offer, TaskStatus, Value } from '../../mesos/index.ts';
import type { InverseOffer, MasterInfo } from '../../mesos/index.ts';
import type { MasterState } from './model.ts';

/** Events on a scheduler's stream (mesos-api.md §1.5, §1.13). */
export type SchedulerEvent =
  | {
      readonly type: 'SUBSCRIBED';
      readonly subscribed: {
        readonly framework_id: Value;
        readonly heartbeat_interval_seconds: number;
        readonly master_info: MasterInfo;
      };
    }
  | { readonly type: 'HEARTBEAT' }
  | { readonly type: 'OFFERS'; readonly offers: { readonly offers: readonly Offer[] } }
  | { readonly type: 'RESCIND'; readonly rescind: { readonly offer_id: Value } }
  | {
      readonly type: 'INVERSE_OFFERS';
      readonly inverse_offers: { readonly inverse_offers: readonly InverseOffer[] };
    }
  | {
      readonly type: 'RESCIND_INVERSE_OFFER';
      readonly rescind_inverse_offer: { readonly inverse_offer_id: Value };
    }
  | { readonly type: 'UPDATE'; readonly update: { readonly status: TaskStatus } }
  | {
      readonly type: 'UPDATE_OPERATION_STATUS';
      readonly update_operation_status: { readonly status: Readonly<Record<string, unknown>> };
    }
  | {
      readonly type: 'MESSAGE';
      readonly message: { readonly agent_id: Value; readonly executor_id: Value; readonly data: string };
    }
  /** An agent is lost; with `executor_id` only that executor of it, and `status` as wait(2) tells it (-1: nobody knows). */
  | {
      readonly type: 'FAILURE';
      readonly failure: { readonly agent_id: Value; readonly executor_id?: Value; readonly status?: number };
    }
  | { readonly type: 'ERROR'; readonly error: { readonly message: string } };

/** Events on the operator stream (mesos-api.md §3.3). */
export interface OperatorEvent {
  readonly type:
    | 'TASK_ADDED'
    | 'TASK_UPDATED'
    | 'AGENT_ADDED'
    | 'AGENT_REMOVED'
    | 'FRAMEWORK_ADDED'
    | 'FRAMEWORK_UPDATED'
    | 'FRAMEWORK_REMOVED';
  readonly [payload: string]: unknown;
}

/** What the world outside has to do after a step, in this order. */
export type Effect =
  | { readonly kind: 'send'; readonly streamId: string; readonly event: SchedulerEvent | AgentEvent }
  | { readonly kind: 'end'; readonly streamId: string }
  | { readonly kind: 'operators'; readonly event: OperatorEvent }
  /** Run the allocator soon, not only with the next batch. */
  | { readonly kind: 'allocate' }
  /** The agent has been silent for too long: write that to the registry, then call `markUnreachable`. */
  | { readonly kind: 'give-up-agent'; readonly agentId: string }
  /** It has answered after all: if it is to be given up, do not. */
  | { readonly kind: 'keep-agent'; readonly agentId: string }
  /** Nothing is left on an agent that is being drained: write that to the registry, or that it is gone if so ordered. */
  | { readonly kind: 'drained'; readonly agentId: string }
  /** More agents are missing after a failover than may be given up: end, so that somebody looks. */
  | { readonly kind: 'too-many-lost'; readonly lost: number; readonly total: number };

/**
 * One turn of the state machine. Functions of this folder take a step, change its state and append effects; they read
 * no clock and touch no socket, so a test or a simulation can drive them.
 */
export interface Step {
  readonly state: MasterState;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Monotonic milliseconds, for deadlines. */
  readonly mono: number;
  readonly effects: Effect[];
}

export function newStep(state: MasterState, now: number, mono: number): Step {
  return { state, now, mono, effects: [] };
}

export function count(step: Step, metric: string, by = 1): void {
  step.state.counters.set(metric, (step.state.counters.get(metric) ?? 0) + by);
}

export function toFramework(step: Step, streamId: string | undefined, event: SchedulerEvent): void {
  if (streamId !== undefined) step.effects.push({ kind: 'send', streamId, event });
}

export function toAgent(step: Step, streamId: string | undefined, event: AgentEvent): void {
  if (streamId !== undefined) step.effects.push({ kind: 'send', streamId, event });
}

export function toOperators(step: Step, event: OperatorEvent): void {
  step.effects.push({ kind: 'operators', event });
}

export function seconds(ms: number): number {
  return ms / 1000;
}

export function nanoseconds(ms: number): { readonly nanoseconds: number } {
  return { nanoseconds: Math.round(ms * 1e6) };
}
