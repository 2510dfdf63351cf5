import type { Clock, Timer } from '../../core/clock.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { TaskState, TaskStatus } from '../../mesos/index.ts';
import type { Journal, JournalRecord } from '../checkpoint/records.ts';

export interface RetryPolicy {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** How many statuses of a task are remembered; those that still have to be delivered are never dropped. */
const KEPT = 100;

/**
 * The status updates of one task on their way to the framework (mesos-api.md §1.11, D.5): first in, first out, only the
 * head in flight, sent again until it is acknowledged, each on disk before it is sent. Delivered at least once.
 */
export class StatusUpdates {
  readonly #clock: Clock;
  readonly #journal: Pick<Journal, 'append'>;
  readonly #retry: RetryPolicy;
  readonly #send: (status: TaskStatus, latest: TaskState) => void;
  readonly #onClosed: () => void;
  readonly #seen = new Set<string>();
  readonly #all: TaskStatus[] = [];
  readonly #pending: TaskStatus[] = [];
  #chain: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #paused = true;
  #closed = false;
  #leaving = false;

  /** `onClosed` runs once, when the terminal update has been acknowledged. */
  constructor(parts: {
    clock: Clock;
    journal: Pick<Journal, 'append'>;
    retry: RetryPolicy;
    send: (status: TaskStatus, latest: TaskState) => void;
    onClosed: () => void;
  }) {
    this.#clock = parts.clock;
    this.#journal = parts.journal;
    this.#retry = parts.retry;
    this.#send = parts.send;
    this.#onClosed = parts.onClosed;
  }

  /** Take over what a journal tells, before anything else is done with this queue. */
  replay(records: readonly JournalRecord[]): void {
    for (const r of records) {
      if (r.type === 'UPDATE') this.#take(r.status);
      else if (r.type === 'ACK' && this.#pending[0]?.uuid === r.uuid) this.#pop();
    }
  }

  /** The statuses so far (the last 100), oldest first. */
  get all(): readonly TaskStatus[] {
    return this.#all;
  }

  get latest(): TaskStatus | undefined {
    return this.#all.at(-1);
  }

  /** The last status that was sent towards the framework. */
  get lastSent(): TaskStatus | undefined {
    const head = this.#pending[0];
    return head ?? this.latest;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The acknowledgement of the end has come; from here on it is on its way to `closed`. */
  get leaving(): boolean {
    return this.#leaving || this.#closed;
  }

  /** Add a status (it has a uuid). Resolves when it is on disk; nothing follows a terminal one. */
  update(status: TaskStatus): Promise<void> {
    return this.#serially(async () => {
      const latest = this.latest;
      if (this.#seen.has(status.uuid ?? '') || (latest && isTerminal(latest.state))) return;
      await this.#journal.append({ type: 'UPDATE', status });
      this.#take(status);
      if (this.#pending.length === 1) this.#sendHead(this.#retry.firstMs);
    });
  }

  /** An acknowledgement; any but that of the head is ignored. */
  ack(uuid: string): Promise<void> {
    const head = this.#pending[0];
    if (head?.uuid === uuid && isTerminal(head.state)) this.#leaving = true;
    return this.#serially(async () => {
      if (this.#pending[0]?.uuid !== uuid) return;
      await this.#journal.append({ type: 'ACK', uuid });
      this.#timer?.cancel();
      this.#pop();
      if (this.#closed) this.#onClosed();
      else this.#sendHead(this.#retry.firstMs);
    });
  }

  /** The master is lost: nothing is sent until `resume`. */
  pause(): void {
    this.#paused = true;
    this.#timer?.cancel();
  }

  /** A master is there (again): the head goes out at once. */
  resume(): void {
    this.#paused = false;
    this.#sendHead(this.#retry.firstMs);
  }

  #take(status: TaskStatus): void {
    this.#seen.add(status.uuid ?? '');
    this.#all.push(status);
    // a task that flaps for weeks must not grow for weeks
    if (this.#all.length > KEPT) this.#seen.delete(this.#all.shift()?.uuid ?? '');
    this.#pending.push(status);
  }

  #pop(): void {
    const popped = this.#pending.shift();
    if (popped && isTerminal(popped.state)) this.#closed = true;
  }

  #sendHead(againMs: number): void {
    this.#timer?.cancel();
    const head = this.#pending[0];
    if (!head || this.#paused) return;
    this.#send(head, this.latest?.state ?? head.state);
    this.#timer = this.#clock.after(againMs, () => this.#sendHead(Math.min(againMs * 2, this.#retry.maxMs)));
  }

  #serially(work: () => Promise<void>): Promise<void> {
    const result = this.#chain.then(work);
    this.#chain = result.catch(() => {});
    return result;
  }
}
