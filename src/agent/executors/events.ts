import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  TaskInfo,
  TaskStatus,
  Value,
} from '../../mesos/index.ts';
import type { RunPlace } from '../checkpoint/records.ts';

/** What the agent tells an executor (mesos-api.md §2.3). */
export type ExecutorEvent =
  | {
      readonly type: 'SUBSCRIBED';
      readonly subscribed: {
        readonly executor_info: ExecutorInfo;
        readonly framework_info: FrameworkInfo;
        readonly agent_info: AgentInfo;
        readonly container_id: Value;
      };
    }
  | { readonly type: 'LAUNCH'; readonly launch: { readonly task: TaskInfo } }
  | {
      readonly type: 'LAUNCH_GROUP';
      readonly launch_group: { readonly task_group: { readonly tasks: readonly TaskInfo[] } };
    }
  | {
      readonly type: 'KILL';
      readonly kill: { readonly task_id: Value; readonly kill_policy?: KillPolicy };
    }
  | {
      readonly type: 'ACKNOWLEDGED';
      readonly acknowledged: { readonly task_id: Value; readonly uuid: string };
    }
  | { readonly type: 'MESSAGE'; readonly message: { readonly data: string } }
  | { readonly type: 'SHUTDOWN' }
  | { readonly type: 'HEARTBEAT' };

/** The event stream of an executor that has subscribed. */
export interface ExecutorStream {
  send(event: ExecutorEvent): void;
  close(): void;
}

/** What an executor says when it subscribes. */
export interface Subscribe {
  /** Tasks that it was given, and of which it has not heard that an update is safe. */
  readonly taskIds: readonly string[];
  readonly updates: readonly TaskStatus[];
}

/** A status is on disk, or is not needed. */
export function acknowledgedEvent({ task_id, uuid = '' }: TaskStatus): ExecutorEvent {
  return { type: 'ACKNOWLEDGED', acknowledged: { task_id, uuid } };
}

/** The first event of an executor's stream. */
export function subscribedEvent(
  executor: { readonly place: RunPlace; readonly info: ExecutorInfo; readonly framework: FrameworkInfo },
  agent_info: AgentInfo,
): ExecutorEvent {
  const { info: executor_info, framework: framework_info, place } = executor;
  const container_id = { value: place.containerId };
  return { type: 'SUBSCRIBED', subscribed: { executor_info, framework_info, agent_info, container_id } };
}
