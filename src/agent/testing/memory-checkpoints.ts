import type {
  AgentRecord,
  DrainRecord,
  Checkpoints,
  Journal,
  JournalRecord,
  PastRun,
  RecoveredRun,
  RunPlace,
} from '../checkpoint/records.ts';

/** What is on the fake disk: it stays when an agent dies. */
export class MemoryDisk {
  agent: AgentRecord | undefined;
  drain: DrainRecord | undefined;
  /** What is remembered of runs that are over, in the order in which they ended. */
  readonly past = new Map<string, PastRun>();
  readonly runs = new Map<string, { readonly place: RunPlace; records: JournalRecord[] }>();
}

/** How a change gets onto the disk: it resolves when it is there, and rejects when it is not. */
type Write = (change: () => void) => Promise<void>;
/** Told of what an agent has written down. */
type Written = (place: RunPlace, record: JournalRecord) => void;

const atOnce: Write = async (change) => {
  change();
  await Promise.resolve();
};

/**
 * The memory of one agent process on a `disk`. After `die` nothing is written any more and no write resolves, as if the
 * process had been killed between two writes. As with files, a journal that has failed once takes nothing any more.
 */
export class MemoryCheckpoints implements Checkpoints {
  readonly #disk: MemoryDisk;
  readonly #put: Write;
  readonly #written: Written;
  #dead = false;

  constructor(disk: MemoryDisk, write: Write = atOnce, written: Written = () => {}) {
    this.#disk = disk;
    this.#put = write;
    this.#written = written;
  }

  die(): void {
    this.#dead = true;
  }

  async readAgent(): Promise<AgentRecord | undefined> {
    return this.#disk.agent;
  }

  writeAgent(record: AgentRecord): Promise<void> {
    return this.#write(() => {
      this.#disk.agent = record;
    });
  }

  async readDrain(): Promise<DrainRecord | undefined> {
    return this.#disk.drain;
  }

  writeDrain(record: DrainRecord | undefined): Promise<void> {
    return this.#write(() => {
      this.#disk.drain = structuredClone(record);
    });
  }

  forgetAgent(): Promise<void> {
    return this.#write(() => {
      this.#disk.drain = undefined;
      this.#disk.agent = undefined;
    });
  }

  async create(place: RunPlace, first: JournalRecord): Promise<Journal> {
    await this.#write(() => {
      this.#disk.runs.set(place.containerId, { place, records: [] });
      this.#append(place, first);
    });
    return this.#journal(place);
  }

  async recover(): Promise<readonly RecoveredRun[]> {
    return [...this.#disk.runs.values()].map(({ place, records }) => ({
      place,
      records: structuredClone(records),
      journal: this.#journal(place),
    }));
  }

  complete(past: PastRun): Promise<void> {
    return this.#write(() => {
      this.#disk.runs.delete(past.place.containerId);
      this.#disk.past.set(past.place.containerId, structuredClone(past));
    });
  }

  async completed(): Promise<readonly PastRun[]> {
    return [...this.#disk.past.values()].map((past) => structuredClone(past));
  }

  remove(place: RunPlace): Promise<void> {
    return this.#write(() => {
      this.#disk.runs.delete(place.containerId);
      this.#disk.past.delete(place.containerId);
    });
  }

  /** Where an agent that works in `/` looks for what others of its machine have left. */
  runtimeDir(place: RunPlace, nested?: string): string {
    return `/meta/slaves/${place.containerId}${below(nested)}`;
  }

  async createSandbox(place: RunPlace, nested?: string): Promise<string> {
    await this.#write(() => {});
    return this.sandboxDir(place, nested);
  }

  sandboxDir(place: RunPlace, nested?: string): string {
    return `/sandbox/${place.containerId}${below(nested)}`;
  }

  async removeSandbox(): Promise<void> {}

  #journal(place: RunPlace): Journal {
    let last: Promise<void> = Promise.resolve();
    let broken: unknown;
    const inTurn = (change: () => void): Promise<void> => {
      const result = last.then(async () => {
        if (broken !== undefined) throw broken;
        try {
          await this.#write(change);
        } catch (error) {
          broken = error;
          throw error;
        }
      });
      last = result.catch(() => {});
      return result;
    };
    return {
      append: (record) => inTurn(() => this.#append(place, record)),
      rewrite: (records) =>
        inTurn(() => {
          const run = this.#disk.runs.get(place.containerId);
          if (run) run.records = structuredClone([...records]);
        }),
      close: () => last,
    };
  }

  #append(place: RunPlace, record: JournalRecord): void {
    this.#disk.runs.get(place.containerId)?.records.push(structuredClone(record));
    this.#written(place, record);
  }

  /** A crash may fall before the write or between the write and its answer. */
  async #write(change: () => void): Promise<void> {
    await Promise.resolve();
    if (this.#dead) return new Promise<never>(() => {});
    await this.#put(change);
    if (this.#dead) return new Promise<never>(() => {});
  }
}

const below = (nested: string | undefined): string => (nested === undefined ? '' : `/containers/${nested}`);
