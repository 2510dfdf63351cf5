import { sleep } from '../../../core/clock.ts';
import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import type { TaskState, TaskStatus } from '../../../mesos/index.ts';
import { isTaskState, isTerminal } from '../../../mesos/index.ts';
import { timestamp } from '../apps/app.ts';
import type { SchedulerCall } from '../../driver/index.ts';
import type { EventBus } from '../events/bus.ts';
import type { HealthChecks } from '../health/health-checks.ts';
import type { LaunchQueue } from '../queue/launch-queue.ts';
import { errorText } from '../../../core/errors.ts';
import type { TaskFailure } from './failures.ts';
import type { Instance } from './instance.ts';
import { conditionName } from './instance.ts';
import type { Instances } from './instances.ts';
import type { Kills } from './kills.ts';
import type { Reconciliation } from './reconciliation.ts';

export interface StatusParts {
  readonly instances: Instances;
  readonly queue: LaunchQueue;
  readonly health: HealthChecks;
  readonly kills: Kills;
  readonly reconciliation: Reconciliation;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly call: (call: SchedulerCall) => void;
  readonly kick: () => void;
}

const REMOVE_AGAIN_MS = 5_000;

/** Takes in what the master says about tasks. */
export class StatusUpdates {
  readonly #parts: StatusParts;
  readonly #failures = new Map<string, TaskFailure>();
  readonly ended = new Map<string, number>();
  readonly #stopped = new AbortController();

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped.abort();
  }

  lastFailure(appId: string): TaskFailure | undefined {
    return this.#failures.get(appId);
  }

  forgetApp(appId: string): void {
    this.#failures.delete(appId);
  }

  handle(status: TaskStatus): void {
    if (!isTaskState(status.state)) return;
    const { instances, kills, reconciliation, events } = this.#parts;
    const taskId = status.task_id.value;
    const instance = instances.get(taskId);
    if (instance && status.state === 'TASK_UNKNOWN' && !reconciliation.confirmsUnknown(taskId)) return;
    reconciliation.answered(taskId);
    if (!instance) {
      if (isTerminal(status.state))
        events.publish('unknown_instance_terminated_event', {
          instanceId: taskId,
          condition: conditionName(status.state),
        });
      else if (status.state !== 'TASK_UNREACHABLE' && status.state !== 'TASK_UNKNOWN')
        kills.killUnknown(taskId, status.agent_id?.value);
      // the disk may still have one whose end it did not take
      this.#whenWritten(instances.remove(taskId), status);
      return;
    }
    if (isTerminal(status.state) || status.state === 'TASK_UNKNOWN') this.#end(instance, status);
    else this.#update(instance, status);
    this.#parts.kick();
  }

  /** Take an instance out as if its task had ended (it never started, or is given up). */
  giveUp(instance: Instance, state: TaskState, message: string): void {
    this.#end(instance, { task_id: { value: instance.taskId }, state, message }, false);
    this.#parts.kick();
  }

  #update(instance: Instance, status: TaskStatus): void {
    const { instances, health, kills, clock } = this.#parts;
    const next = updated(instance, status, clock.now());
    const changed = next.state !== instance.state;
    const same = JSON.stringify(next) === JSON.stringify(instance) && instances.isKept(next.taskId);
    this.#whenWritten(same ? Promise.resolve() : instances.put(next), status);
    if (changed || status.reason !== 'REASON_RECONCILIATION') this.#announce(next, status);
    if (changed) this.#announceCondition(next, status.state);
    if (next.executorHealthy !== instance.executorHealthy) health.announce(next);
    if (next.state === 'TASK_RUNNING') health.watch(next);
    if (status.state === 'TASK_UNREACHABLE') health.unwatch(next.taskId);
    // A kill that got lost on the way (or was asked for while the agent was away).
    if (
      next.killing !== undefined &&
      next.state === 'TASK_RUNNING' &&
      status.reason === 'REASON_RECONCILIATION'
    )
      kills.send(next);
  }

  /** `reported`: the master says so; then failures count for the launch delay. */
  #end(instance: Instance, status: TaskStatus, reported = true): void {
    const { health, kills, queue, clock, log } = this.#parts;
    const { state } = status;
    health.unwatch(instance.taskId);
    kills.ended(instance.taskId);
    this.#whenWritten(this.#removed(instance.taskId), status);
    const asked = instance.killing !== undefined;
    const killedByOthers = state === 'TASK_KILLED' && status.healthy !== false;
    this.ended.set(state, (this.ended.get(state) ?? 0) + 1);
    if (!asked) {
      log.info({ taskId: instance.taskId, state, message: status.message }, 'an instance ended');
      if (reported && !killedByOthers && state !== 'TASK_GONE' && state !== 'TASK_UNKNOWN')
        queue.delays.failed(instance.app, clock.now());
      if (state !== 'TASK_FINISHED' && state !== 'TASK_KILLED')
        this.#failures.set(instance.app.id, failureOf(instance, status, clock.now()));
    }
    const last = { ...instance, state };
    this.#announce(last, status);
    this.#announceCondition(last, state);
  }

  #announce(instance: Instance, status: TaskStatus): void {
    this.#parts.events.publish('status_update_event', {
      slaveId: instance.agentId,
      taskId: instance.taskId,
      taskStatus: status.state,
      message: status.message ?? '',
      appId: instance.app.id,
      host: instance.host,
      ipAddresses: instance.ipAddresses,
      ports: instance.ports,
      version: instance.app.version,
    });
  }

  #announceCondition(instance: Instance, state: TaskState): void {
    this.#parts.events.publish('instance_changed_event', {
      instanceId: instance.id,
      condition: conditionName(state),
      runSpecId: instance.app.id,
      agentId: instance.agentId,
      host: instance.host,
      runSpecVersion: instance.app.version,
    });
  }

  /**
   * Remove an instance, and insist: nobody may ever say again that it is over, and the next life of this scheduler would
   * take it for one that runs, and end another for it.
   */
  async #removed(taskId: string): Promise<void> {
    const { instances, clock, log } = this.#parts;
    for (;;) {
      try {
        return await instances.remove(taskId);
      } catch (error) {
        log.error({ taskId, error: errorText(error) }, 'the store did not take the end of an instance');
        await sleep(clock, REMOVE_AGAIN_MS, this.#stopped.signal);
        if (this.#stopped.signal.aborted) throw error;
      }
    }
  }

  /** An update is acknowledged when what it changed is on disk; until then the agent keeps it. */
  #whenWritten(written: Promise<void>, status: TaskStatus): void {
    written.then(
      () => this.#acknowledge(status),
      (error: unknown) =>
        this.#parts.log.error({ error: errorText(error) }, 'the store did not take a status update'),
    );
  }

  #acknowledge(status: TaskStatus): void {
    if (status.uuid === undefined || status.agent_id === undefined) return;
    this.#parts.call({
      type: 'ACKNOWLEDGE',
      acknowledge: { agent_id: status.agent_id, task_id: status.task_id, uuid: status.uuid },
    });
  }
}

/** The instance with what a status says of it. */
function updated(instance: Instance, status: TaskStatus, nowMs: number): Instance {
  const { unreachableSinceMs, ...rest } = instance;
  const { state } = status;
  const ips = status.container_status?.network_infos?.flatMap((n) => n.ip_addresses ?? []) ?? [];
  const starts = state === 'TASK_RUNNING' && rest.startedAtMs === undefined;
  return {
    ...rest,
    state,
    ...(starts ? { startedAtMs: startOf(status, nowMs) } : {}),
    ...(state === 'TASK_UNREACHABLE' ? { unreachableSinceMs: unreachableSinceMs ?? nowMs } : {}),
    ...(ips.length > 0 ? { ipAddresses: ips } : {}),
    ...(status.healthy === undefined ? {} : { executorHealthy: status.healthy }),
  };
}

function startOf(status: TaskStatus, nowMs: number): number {
  return status.timestamp === undefined ? nowMs : Math.round(status.timestamp * 1000);
}

function failureOf(instance: Instance, status: TaskStatus, nowMs: number): TaskFailure {
  return {
    appId: instance.app.id,
    host: instance.host,
    message: status.message ?? '',
    slaveId: instance.agentId,
    state: status.state,
    taskId: instance.taskId,
    timestamp: timestamp(nowMs),
    version: instance.app.version,
  };
}
