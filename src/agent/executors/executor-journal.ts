import type { Logger } from '../../core/log.ts';
import type { FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import { COMPLETED_KEPT } from './executor.ts';
import type {
  ExecutorRecord,
  Journal,
  JournalRecord,
  LaunchRecord,
  RecoveredRun,
  TaskPlace,
  TasksRecord,
} from '../checkpoint/records.ts';

/** Records about tasks that are long over, after which the journal is written anew without them. */
const REWRITE_AFTER = 400;

/** A task as a journal tells it. */
export interface JournaledTask {
  readonly task: TaskInfo;
  readonly containerId: string;
  readonly group: string | undefined;
  /** Begins with a LAUNCH record. */
  readonly records: readonly JournalRecord[];
}

/**
 * The one journal of an executor and all of its tasks. An executor may outlive any number of tasks: what is long over is left
 * out from time to time, so that the file does not grow with the age of the executor.
 */
export class ExecutorJournal {
  readonly #journal: Journal;
  readonly #own: JournalRecord[];
  readonly #tasks = new Map<string, JournalRecord[]>();
  /** Tasks that are over and still told, oldest first. */
  readonly #ended = new Set<string>();
  #past = 0;

  /** `records` are on disk already. */
  constructor(journal: Journal, records: readonly JournalRecord[]) {
    this.#journal = journal;
    this.#own = records.filter((r) => r.type !== 'OF_TASK' && r.type !== 'TASKS');
    for (const record of records) this.#note(record);
  }

  append(record: JournalRecord): Promise<void> {
    if (record.type === 'OF_TASK' || record.type === 'TASKS') this.#note(record);
    else this.#own.push(record);
    return this.#journal.append(record);
  }

  /** Where the facts about one task go. */
  ofTask(taskId: string): Journal {
    return {
      append: (record) => this.append({ type: 'OF_TASK', taskId, record }),
      rewrite: () => Promise.reject(new Error('only the whole journal can be written anew')),
      close: async () => {},
    };
  }

  /** The end of a task has been acknowledged. */
  async forget(taskId: string): Promise<void> {
    this.#ended.add(taskId);
    if (this.#ended.size <= COMPLETED_KEPT) return;
    const [oldest = ''] = this.#ended;
    this.#ended.delete(oldest);
    this.#past += this.#tasks.get(oldest)?.length ?? 0;
    this.#tasks.delete(oldest);
    if (this.#past < REWRITE_AFTER) return;
    this.#past = 0;
    await this.#journal.rewrite([...this.#own, ...[...this.#tasks.values()].flat()]);
  }

  close(): Promise<void> {
    return this.#journal.close();
  }

  #note(record: JournalRecord): void {
    if (record.type === 'OF_TASK') this.#tasks.get(record.taskId)?.push(record);
    else if (record.type === 'TASKS') {
      for (const one of record.tasks) {
        this.#ended.delete(one.task.task_id.value);
        this.#tasks.set(one.task.task_id.value, [{ ...record, tasks: [one] }]);
      }
    }
  }
}

/** The end of a task has been acknowledged; a file that cannot be made smaller is no fault of anybody's task. */
export function forgetTask(
  log: Logger,
  place: TaskPlace,
  journal: Promise<ExecutorJournal> | undefined,
): void {
  journal
    ?.then((opened) => opened.forget(place.taskId))
    .catch((error: unknown) => {
      log.error({ error, ...place }, 'the journal of an executor was not written anew');
    });
}

/** Tasks that share the container of their executor. */
export function tasksRecord(
  tasks: readonly TaskInfo[],
  containerId: string,
  group: boolean,
  at: number,
): TasksRecord {
  const together = group ? { group: tasks[0]?.task_id.value ?? '' } : {};
  return { type: 'TASKS', ...together, tasks: tasks.map((task) => ({ task, containerId })), at };
}

/** What the records say of each task. */
export function journaledTasks(
  first: ExecutorRecord,
  framework: FrameworkInfo,
  records: readonly JournalRecord[],
): Map<string, JournaledTask> {
  const tasks = new Map<string, JournaledTask & { readonly records: JournalRecord[] }>();
  for (const record of records) {
    if (record.type === 'OF_TASK') tasks.get(record.taskId)?.records.push(record.record);
    if (record.type !== 'TASKS') continue;
    const { at, group } = record;
    for (const { task, containerId } of record.tasks) {
      const { version, agentId } = first;
      const launch: LaunchRecord = { type: 'LAUNCH', version, agentId, containerId, framework, task, at };
      tasks.set(task.task_id.value, {
        task,
        containerId,
        group,
        records: [launch],
      });
    }
  }
  return tasks;
}

/** The containers of a run: its own, and those inside. */
export function containersOfRun({ place, records }: RecoveredRun): string[] {
  const inside = records.flatMap((r) =>
    r.type === 'TASKS' ? r.tasks.map(({ containerId }) => containerId) : [],
  );
  return [place.containerId, ...inside];
}
