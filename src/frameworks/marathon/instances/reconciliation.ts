import type { Clock, Timer } from '../../../core/clock.ts';
import type { SchedulerCall } from '../../driver/index.ts';
import type { Instances } from './instances.ts';

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

export interface ReconciliationParts {
  readonly instances: Instances;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** How long after a subscription the master's "unknown" is not yet believed. */
  readonly unknownGraceMs: number;
  readonly call: (call: SchedulerCall) => void;
}

/**
 * Compares our instances with the master's tasks (mesos-api.md §1.12): first those we know, asked again until each has
 * an answer; and all that the master knows, which brings up tasks that we do not. Done at each subscription and then
 * from time to time.
 */
export class Reconciliation {
  readonly #parts: ReconciliationParts;
  readonly #pending = new Set<string>();
  #retryMs = FIRST_RETRY_MS;
  #timer: Timer | undefined;
  #interval: Timer | undefined;
  #subscribedAtMs = 0;

  constructor(parts: ReconciliationParts) {
    this.#parts = parts;
  }

  /** How many tasks have not been answered for yet. */
  get pending(): number {
    return this.#pending.size;
  }

  subscribed(): void {
    this.#subscribedAtMs = this.#parts.clock.monotonic();
    this.stop();
    this.#begin();
    this.#interval = this.#parts.clock.every(this.#parts.intervalMs, () => this.#begin());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#interval?.cancel();
  }

  /** Ask about these now: what became of them is not known. */
  ask(taskIds: Iterable<string>): void {
    for (const taskId of taskIds) this.#pending.add(taskId);
    this.#timer?.cancel();
    this.#retryMs = FIRST_RETRY_MS;
    this.#askKnown();
  }

  answered(taskId: string): void {
    this.#pending.delete(taskId);
  }

  /**
   * Whether "unknown" may be believed. A master that has just started learns of tasks only when their agents come
   * back; starting replacements at once would run everything twice for a while.
   */
  confirmsUnknown(taskId: string): boolean {
    if (this.#parts.clock.monotonic() - this.#subscribedAtMs >= this.#parts.unknownGraceMs) return true;
    this.#pending.add(taskId);
    return false;
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#pending.clear();
    for (const instance of this.#parts.instances.all()) this.#pending.add(instance.taskId);
    this.#retryMs = FIRST_RETRY_MS;
    this.#askKnown();
    this.#parts.call({ type: 'RECONCILE', reconcile: { tasks: [] } });
  }

  #askKnown(): void {
    const tasks = [...this.#pending].flatMap((taskId) => {
      const instance = this.#parts.instances.get(taskId);
      if (!instance) this.#pending.delete(taskId);
      return instance ? [{ task_id: { value: taskId }, agent_id: { value: instance.agentId } }] : [];
    });
    if (tasks.length > 0) this.#parts.call({ type: 'RECONCILE', reconcile: { tasks } });
    this.#timer = this.#parts.clock.after(this.#retryMs, () => this.#retry());
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
  }

  #retry(): void {
    if (this.#pending.size > 0) this.#askKnown();
  }
}
