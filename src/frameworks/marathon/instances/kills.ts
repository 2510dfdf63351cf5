import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import type { SchedulerCall } from '../../driver/index.ts';
import type { Records } from '../records.ts';
import type { Instance } from './instance.ts';
import type { Instances } from './instances.ts';

export interface KillParts {
  readonly instances: Instances;
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a kill may be without effect before it is sent again. */
  readonly retryMs: number;
  readonly call: (call: SchedulerCall) => void;
}

/** Ends instances, and insists. */
export class Kills {
  readonly #parts: KillParts;
  readonly #sentAtMs = new Map<string, number>();

  constructor(parts: KillParts) {
    this.#parts = parts;
  }

  /** Ask an instance to end; doing so twice is harmless. */
  kill(taskId: string, reason: string): void {
    const instance = this.#parts.instances.get(taskId);
    if (!instance || instance.killing !== undefined) return;
    this.#parts.log.info({ taskId, reason }, 'killing an instance');
    const killing = { sinceMs: this.#parts.clock.now(), reason };
    this.#parts.records.later(this.#parts.instances.put({ ...instance, killing }));
    this.send(instance);
  }

  /** Send the kill (again). */
  send(instance: Instance): void {
    this.#sentAtMs.set(instance.taskId, this.#parts.clock.now());
    const grace = instance.app.taskKillGracePeriodSeconds;
    this.#parts.call({
      type: 'KILL',
      kill: {
        task_id: { value: instance.taskId },
        agent_id: { value: instance.agentId },
        ...(grace === undefined
          ? {}
          : { kill_policy: { grace_period: { nanoseconds: Math.round(grace * 1e9) } } }),
      },
    });
  }

  /** Kill a task that is none of ours (any more). */
  killUnknown(taskId: string, agentId: string | undefined): void {
    this.#parts.log.warn({ taskId }, 'killing a task that is not in the records');
    this.#parts.call({
      type: 'KILL',
      kill: {
        task_id: { value: taskId },
        ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
      },
    });
  }

  ended(taskId: string): void {
    this.#sentAtMs.delete(taskId);
  }

  /** Send again what is due; says when the next will be (milliseconds since the epoch). */
  retry(): number | undefined {
    const now = this.#parts.clock.now();
    let next: number | undefined;
    for (const instance of this.#parts.instances.all()) {
      if (instance.killing === undefined) continue;
      const grace = (instance.app.taskKillGracePeriodSeconds ?? 0) * 1000;
      let due = (this.#sentAtMs.get(instance.taskId) ?? 0) + this.#parts.retryMs + grace;
      if (due <= now) {
        this.send(instance);
        due = now + this.#parts.retryMs + grace;
      }
      next = Math.min(next ?? due, due);
    }
    return next;
  }
}
