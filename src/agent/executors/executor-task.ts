import { isTerminal } from '../../mesos/index.ts';
import type { ContainerStatus, FrameworkInfo, TaskInfo, TaskState, TaskStatus } from '../../mesos/index.ts';
import type { Journal, JournalRecord, TaskPlace } from '../checkpoint/records.ts';
import type { TaskContext } from '../tasks/context.ts';
import type { TaskView } from '../tasks/task-view.ts';
import { makeStatus, withDrainReason } from '../updates/status.ts';
import type { StatusFacts } from '../updates/status.ts';
import { StatusUpdates } from '../updates/status-updates.ts';

/** What a task of a custom executor is made of. */
interface Parts {
  readonly context: TaskContext;
  readonly place: TaskPlace;
  readonly task: TaskInfo;
  readonly journal: Pick<Journal, 'append'>;
  /** Its executor, as far as that is known by now. */
  executor(): { readonly framework: FrameworkInfo; readonly container: ContainerStatus };
  /** It has ended; its end may wait for its acknowledgement. */
  over(task: ExecutorTask): void;
  closed(task: ExecutorTask): void;
}

/** A task that a custom executor runs: the agent keeps its status updates, and knows nothing else of it. */
export class ExecutorTask implements TaskView {
  readonly place: TaskPlace;
  readonly task: TaskInfo;
  readonly updates: StatusUpdates;
  readonly closed: Promise<void>;
  /** Whether the executor has been given it. */
  given = false;
  readonly #parts: Parts;
  #resolveClosed: () => void = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    this.place = parts.place;
    this.task = parts.task;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const { context, place } = parts;
    this.updates = new StatusUpdates({
      clock: context.clock,
      retry: context.retry,
      journal: { append: (record) => this.#persist(record) },
      send: (status, latest) => context.send(place.frameworkId, status, latest),
      onClosed: () => this.#close(),
    });
  }

  get framework(): FrameworkInfo {
    return this.#parts.executor().framework;
  }

  get state(): TaskState {
    return this.updates.latest?.state ?? 'TASK_STAGING';
  }

  get over(): boolean {
    return isTerminal(this.state);
  }

  /** What the agent has to say of it. */
  tell(facts: StatusFacts): Promise<void> {
    const { context, place } = this.#parts;
    const { taskId, agentId, executorId } = place;
    const { container } = this.#parts.executor();
    const who = { taskId, agentId, executorId, container };
    return this.#take(makeStatus(context, who, { source: 'SOURCE_AGENT', ...facts }));
  }

  /** What its executor says; resolves when it is on disk. One that is known by its uuid, or comes after the end, is dropped. */
  update(status: TaskStatus): Promise<void> {
    const { context, place } = this.#parts;
    const told: TaskStatus = {
      ...status,
      agent_id: { value: place.agentId },
      executor_id: { value: place.executorId },
      timestamp: status.timestamp ?? context.clock.now() / 1000,
      // the executor knows its networks better
      container_status: { ...this.#parts.executor().container, ...status.container_status },
    };
    return this.#take(withDrainReason(context, told));
  }

  /** Nobody acknowledges for a framework that is gone, but the master shall know the end: it is sent once. */
  closeUnheard(): void {
    const last = this.updates.latest;
    if (last) this.#parts.context.send(this.place.frameworkId, last, last.state);
    this.updates.pause();
    this.#close();
  }

  #close(): void {
    this.#parts.closed(this);
    this.#resolveClosed();
  }

  async #take(status: TaskStatus): Promise<void> {
    const wasOver = this.over;
    await this.updates.update(status);
    if (wasOver || !this.over) return;
    this.#parts.over(this);
    const { ended } = this.#parts.context.metrics;
    ended.set(this.state, (ended.get(this.state) ?? 0) + 1);
  }

  /** A full disk must not hide what became of a task. */
  async #persist(record: JournalRecord): Promise<void> {
    try {
      await this.#parts.journal.append(record);
    } catch (error) {
      this.#parts.context.metrics.checkpointErrors++;
      this.#parts.context.log.error(
        { error, ...this.place, record: record.type },
        'a fact could not be written to disk',
      );
    }
  }
}
