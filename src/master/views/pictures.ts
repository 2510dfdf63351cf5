import { LongList, longList } from '../../core/json/long-list.ts';
import type { Text } from '../../core/json/long-list.ts';
import type { Task } from '../../mesos/index.ts';
import { readText } from '../state/kept-text.ts';
import type { KeptText } from '../state/kept-text.ts';
import { TaskEntry } from '../state/task-entry.ts';
import type { AgentNow } from './v1.ts';

type Tasks = ReadonlyMap<string, TaskEntry> | readonly TaskEntry[];

/**
 * Tasks as they are when the picture is taken, to be written while the master goes on. Taking it must be quick, since nothing else happens meanwhile: of a
 * task that is kept as its text there is the text, of others a copy.
 */
export class TaskPicture {
  readonly length: number;
  readonly #tasks: TaskEntry[] = [];
  readonly #pictures: (KeptText | TaskEntry)[] = [];
  readonly #since: Float64Array;

  constructor(lists: readonly Tasks[]) {
    this.length = lists.reduce((sum, list) => sum + ('size' in list ? list.size : list.length), 0);
    // that have their place at once are not copied over and over as they grow
    this.#tasks.length = this.#pictures.length = this.length;
    this.#since = new Float64Array(this.length);
    let i = 0;
    for (const list of lists)
      for (const task of list.values()) {
        this.#tasks[i] = task;
        this.#since[i] = task.since;
        this.#pictures[i++] = task.picture();
      }
  }

  /** For what does not change. */
  task(i: number): Pick<TaskEntry, 'id' | 'frameworkId' | 'agentId' | 'role'> {
    return this.#tasks[i] as TaskEntry;
  }

  /** `TaskEntry.since`. */
  since(i: number): number {
    return this.#since[i] as number;
  }

  /** As the v1 APIs write it. */
  document(i: number): Task {
    const picture = this.#pictures[i] as KeptText | TaskEntry;
    return picture instanceof TaskEntry ? picture.document() : (JSON.parse(readText(picture)) as Task);
  }

  /** The JSON of that. */
  text(i: number): Text {
    const picture = this.#pictures[i] as KeptText | TaskEntry;
    return picture instanceof TaskEntry ? picture.written() : picture;
  }
}

/** Tasks as the v1 APIs write them. */
export function taskList(lists: readonly Tasks[]): LongList {
  const picture = new TaskPicture(lists);
  const { length } = picture;
  return new LongList({ length, at: (i) => picture.document(i), textAt: (i) => picture.text(i) });
}

/** A picture of each is taken now and written later; each may have long lists of its own. */
export function pictured<T>(
  entries: Iterable<T>,
  take: (entry: T) => () => Readonly<Record<string, unknown>>,
): LongList {
  return longList(Array.from(entries, take), (write) => write(), true);
}

/** An agent as it is now. */
export function agentNow(agent: AgentNow): AgentNow {
  const { info, address, version, capabilities, total, streamId, registeredMs, reregisteredMs } = agent;
  const { deactivated, drain, drainStartMs, used, offered } = agent;
  return {
    info,
    address,
    version,
    capabilities,
    total,
    streamId,
    registeredMs,
    reregisteredMs,
    deactivated,
    drain,
    drainStartMs,
    used,
    offered,
  };
}
