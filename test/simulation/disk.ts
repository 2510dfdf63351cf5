import type { JournalRecord } from '../../src/agent/checkpoint/records.ts';
import { MemoryDisk } from '../../src/agent/testing/memory-checkpoints.ts';
import { LocalStore } from '../../src/store/local-store.ts';
import type { Batch } from '../../src/store/operations.ts';
import { Table } from '../../src/store/table.ts';
import type { Entry, Store } from '../../src/store/index.ts';
import type { SimProcess } from './process.ts';
import type { World } from './world.ts';

/** How well a disk works; faults change it. */
export interface DiskHealth {
  /** Chance that a write fails. */
  failing: number;
  /** Longest time of one write, milliseconds. */
  slowMs: number;
}

/** A disk: it keeps what was written when the process that wrote dies. */
export class Disk extends MemoryDisk {
  readonly health: DiskHealth = { failing: 0, slowMs: 5 };
  readonly #world: World;
  readonly #entries = new Map<string, Entry>();
  #revision = 0;
  /** It has refused a write. */
  failed = false;

  constructor(world: World) {
    super();
    this.#world = world;
  }

  /**
   * A write by `process`. A crash may fall before it, or between the write and the news of it: then nobody hears.
   * Rejects, with nothing written, when the disk fails.
   */
  async write(process: SimProcess, change: () => void): Promise<void> {
    await process.wait(this.#world.between(0, this.health.slowMs));
    if (this.#world.chance(this.health.failing)) {
      this.failed = true;
      throw new Error('EIO');
    }
    change();
    await process.wait(this.#world.between(0, this.health.slowMs));
  }

  /** `framework/task` of everything that the agent has not forgotten yet. */
  get tasks(): string[] {
    return [...this.runs.values()].flatMap(({ place, records }) =>
      records.flatMap(tasksOf).map((id) => `${place.frameworkId}/${id}`),
    );
  }

  /** Everything that a store has written. */
  get stored(): ReadonlyMap<string, string> {
    return new Map(Array.from(this.#entries.values(), ({ key, value }) => [key, value]));
  }

  /** What a process finds here as its store. */
  openStore(process: SimProcess): Store {
    const journal = {
      append: (batch: Batch) => this.write(process, () => this.#apply(batch)),
      settle: async () => {},
      problem: () => undefined,
      close: async () => {},
    };
    return new LocalStore(journal, new Table(this.#entries.values(), this.#revision));
  }

  #apply(batch: Batch): void {
    this.#revision = batch.firstRevision - 1;
    for (const { key, value } of batch.changes) {
      this.#revision++;
      if (value === undefined) this.#entries.delete(key);
      else this.#entries.set(key, { key, value, revision: this.#revision });
    }
  }
}

/** What a record says that the agent has accepted. */
export function tasksOf(record: JournalRecord): string[] {
  if (record.type === 'LAUNCH') return [record.task.task_id.value];
  return record.type === 'TASKS' ? record.tasks.map(({ task }) => task.task_id.value) : [];
}
