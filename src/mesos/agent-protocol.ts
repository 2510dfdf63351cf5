import type { TaskState } from './task-state.ts';
import type { ExecutorInfo } from './executor-types.ts';
import type { AgentInfo, FrameworkInfo, KillPolicy, TaskInfo, TaskStatus, Value } from './types.ts';

/**
 * The link between our agent and our master. Apache Mesos uses libprocess messages here, which are private to it; ours
 * is built like the scheduler API: the agent POSTs `SUBSCRIBE` to `/api/v1/agent` and gets a RecordIO stream with a
 * `Mesos-Stream-Id`; every other call is a POST of its own with that header, answered 202. The agent always dials, so
 * it works from behind NAT, and messages mean what their namesakes in Mesos mean (mesos-api.md §4).
 */

/** What the agent knows of one of its tasks when it (re-)subscribes. */
export interface AgentTask {
  readonly framework_id: Value;
  /** What masters show of it: of its command and its executor only who they are, and no data. */
  readonly task: TaskInfo;
  /** Latest state known to the agent; may be ahead of what the framework was told. */
  readonly state: TaskState;
  /** The last status that was sent towards the framework, if any. */
  readonly last_status?: TaskStatus;
  /** The executor that runs it; absent for command tasks, which have none of the framework's. */
  readonly executor_id?: Value;
}

/** An executor that lives on the agent: custom and default ones, not the one that a command task is told to have. */
export interface AgentExecutor {
  readonly framework_id: Value;
  readonly executor_info: ExecutorInfo;
}

/** What DRAIN_AGENT asks of an agent; written down by both sides, so it holds over restarts. */
export interface DrainConfig {
  /** No task gets longer than this to end. */
  readonly max_grace_period?: { readonly nanoseconds: number };
  readonly mark_gone?: boolean;
}

export type AgentCall =
  | {
      readonly type: 'SUBSCRIBE';
      readonly subscribe: {
        /** Without `id`: a new agent. With it: one that comes back. */
        readonly agent_info: AgentInfo;
        /** Where the agent's own HTTP API listens. */
        readonly address: { readonly ip: string; readonly port: number };
        readonly version: string;
        readonly capabilities: readonly { readonly type: string }[];
        readonly frameworks: readonly FrameworkInfo[];
        /** Launched and not yet terminated-and-acknowledged tasks. */
        readonly tasks: readonly AgentTask[];
        readonly executors?: readonly AgentExecutor[];
        /** The agent believes that it is being drained: a master that has ended that meanwhile says CANCEL_DRAIN again. */
        readonly drain_config?: DrainConfig;
      };
    }
  | {
      readonly type: 'UPDATE';
      readonly agent_id: Value;
      readonly update: {
        readonly framework_id: Value;
        readonly status: TaskStatus;
        readonly latest_state: TaskState;
      };
    }
  | { readonly type: 'PONG'; readonly agent_id: Value }
  /**
   * An executor is over, or was asked for and never came to be; `status` as wait(2) tells it, -1 where nobody knows. Sent
   * once, may get lost.
   */
  | {
      readonly type: 'EXITED_EXECUTOR';
      readonly agent_id: Value;
      readonly exited_executor: {
        readonly framework_id: Value;
        readonly executor_id: Value;
        readonly status: number;
      };
    }
  /** A graceful goodbye: the agent's tasks are over and it does not come back. */
  | { readonly type: 'UNREGISTER'; readonly agent_id: Value }
  | {
      readonly type: 'MESSAGE';
      readonly agent_id: Value;
      readonly message: { readonly framework_id: Value; readonly executor_id: Value; readonly data: string };
    };

/**
 * Whether the agent is to start the executor of what it is given. `false`: the master believes that it lives and counts
 * no resources for a new one, so when it is over by now (EXITED_EXECUTOR is on its way) what was meant for it is dropped:
 * TASK_DROPPED or TASK_LOST with REASON_EXECUTOR_TERMINATED. Absent like `true`.
 */
export type LaunchExecutor = boolean;

export type AgentEvent =
  | {
      readonly type: 'SUBSCRIBED';
      readonly subscribed: {
        readonly agent_id: Value;
        readonly ping_interval_seconds: number;
        /** Without a ping for this long the agent looks for the leader again. */
        readonly ping_timeout_seconds: number;
        /** Tasks that the master believed in and the agent did not report: the agent answers with TASK_LOST/TASK_GONE updates. */
        readonly unknown_tasks: readonly { readonly framework_id: Value; readonly task_id: Value }[];
      };
    }
  | { readonly type: 'PING' }
  | {
      readonly type: 'RUN_TASK';
      /** A task with `executor` goes to that executor. */
      readonly run_task: {
        readonly framework_info: FrameworkInfo;
        readonly task: TaskInfo;
        readonly launch_executor?: LaunchExecutor;
      };
    }
  | {
      readonly type: 'RUN_TASK_GROUP';
      /** All of the tasks or none: each carries `executor`, the same as `executor_info`. */
      readonly run_task_group: {
        readonly framework_info: FrameworkInfo;
        readonly executor_info: ExecutorInfo;
        readonly tasks: readonly TaskInfo[];
        readonly launch_executor?: LaunchExecutor;
      };
    }
  | {
      readonly type: 'SHUTDOWN_EXECUTOR';
      readonly shutdown_executor: { readonly framework_id: Value; readonly executor_id: Value };
    }
  /** End all tasks within the grace period and take no new ones, until CANCEL_DRAIN. */
  | { readonly type: 'DRAIN'; readonly drain: { readonly config: DrainConfig } }
  | { readonly type: 'CANCEL_DRAIN' }
  | {
      readonly type: 'KILL_TASK';
      readonly kill_task: {
        readonly framework_id: Value;
        readonly task_id: Value;
        readonly kill_policy?: KillPolicy;
      };
    }
  | {
      readonly type: 'ACKNOWLEDGE';
      readonly acknowledge: { readonly framework_id: Value; readonly task_id: Value; readonly uuid: string };
    }
  | {
      readonly type: 'UPDATE_FRAMEWORK';
      readonly update_framework: { readonly framework_info: FrameworkInfo };
    }
  /** The framework is gone: kill all of its tasks. */
  | { readonly type: 'SHUTDOWN_FRAMEWORK'; readonly shutdown_framework: { readonly framework_id: Value } }
  | {
      readonly type: 'MESSAGE';
      readonly message: { readonly framework_id: Value; readonly executor_id: Value; readonly data: string };
    }
  /** The master refuses this agent for good (marked gone, incompatible): stop, and say why. */
  | { readonly type: 'SHUTDOWN'; readonly shutdown: { readonly message: string } };

export const AGENT_API_PATH = '/api/v1/agent';
