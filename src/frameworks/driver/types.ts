import type {
  Filters,
  FrameworkInfo,
  KillPolicy,
  MasterInfo,
  Offer,
  TaskInfo,
  TaskStatus,
  Value,
} from '../../mesos/index.ts';

/** Events of the scheduler API v1 that a scheduler of ours acts on (mesos-api.md §1.2, §1.13). */
export type SchedulerEvent =
  | {
      readonly type: 'SUBSCRIBED';
      readonly subscribed: {
        readonly framework_id: Value;
        readonly heartbeat_interval_seconds?: number;
        readonly master_info?: MasterInfo;
      };
    }
  | { readonly type: 'OFFERS'; readonly offers: { readonly offers: readonly Offer[] } }
  | { readonly type: 'RESCIND'; readonly rescind: { readonly offer_id: Value } }
  | { readonly type: 'UPDATE'; readonly update: { readonly status: TaskStatus } }
  | {
      readonly type: 'FAILURE';
      readonly failure: { readonly agent_id?: Value; readonly executor_id?: Value; readonly status?: number };
    }
  | {
      readonly type: 'MESSAGE';
      readonly message: { readonly agent_id: Value; readonly executor_id: Value; readonly data: string };
    }
  | { readonly type: 'ERROR'; readonly error: { readonly message: string } }
  | { readonly type: 'HEARTBEAT' };

/** Calls without their envelope: the driver adds the framework id and the stream id. */
export type SchedulerCall =
  | {
      readonly type: 'ACCEPT';
      readonly accept: {
        readonly offer_ids: readonly Value[];
        readonly operations: readonly {
          readonly type: 'LAUNCH';
          readonly launch: { readonly task_infos: readonly TaskInfo[] };
        }[];
        readonly filters?: Filters;
      };
    }
  | {
      readonly type: 'DECLINE';
      readonly decline: { readonly offer_ids: readonly Value[]; readonly filters?: Filters };
    }
  | { readonly type: 'REVIVE' }
  | { readonly type: 'SUPPRESS' }
  | {
      readonly type: 'KILL';
      readonly kill: {
        readonly task_id: Value;
        readonly agent_id?: Value;
        readonly kill_policy?: KillPolicy;
      };
    }
  | {
      readonly type: 'ACKNOWLEDGE';
      readonly acknowledge: { readonly agent_id: Value; readonly task_id: Value; readonly uuid: string };
    }
  | {
      readonly type: 'RECONCILE';
      readonly reconcile: {
        readonly tasks: readonly { readonly task_id: Value; readonly agent_id?: Value }[];
      };
    }
  | {
      readonly type: 'UPDATE_FRAMEWORK';
      readonly update_framework: { readonly framework_info: FrameworkInfo };
    };

/**
 * What became of a call. `refused`: the master answered and did not take it. `unknown`: no answer came, so it may or
 * may not have happened (reconciliation tells).
 */
export type CallOutcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'not-connected' };

/** What a scheduler does with what the driver brings. Events come one at a time, in order. */
export interface SchedulerHandler {
  /** The present FrameworkInfo, without an id. */
  frameworkInfo(): FrameworkInfo;
  onSubscribed(subscription: Subscription): void;
  onEvent(event: SchedulerEvent): void;
  onDisconnected(reason: string): void;
}

export interface Subscription {
  readonly frameworkId: string;
  /** `host:port` of the master that answered. */
  readonly master: string;
  /** Whether the id was ours before (then tasks may be running). */
  readonly again: boolean;
}

/** Keeps the framework id over restarts. */
export interface FrameworkIdStore {
  load(): Promise<string | undefined>;
  save(id: string | undefined): Promise<void>;
}
