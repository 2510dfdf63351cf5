import type {
  AgentRecord,
  Checkpoints,
  Journal,
  JournalRecord,
  RecoveredRun,
  RunPlace,
} from '../checkpoint/records.ts';

/** What is on the fake disk: it stays when an agent dies. */
export class MemoryDisk {
  agent: AgentRecord | undefined;
  readonly runs = new Map<string, { place: RunPlace; records: JournalRecord[] }>();
}

/**
 * The memory of one agent process on a `disk`. After `die` nothing is written any more and no write resolves, as if the
 * process had been killed between two writes.
 */
export class MemoryCheckpoints implements Checkpoints {
  readonly #disk: MemoryDisk;
  #dead = false;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
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

  forgetAgent(): Promise<void> {
    return this.#write(() => {
      this.#disk.agent = undefined;
    });
  }

  async create(place: RunPlace, launch: JournalRecord): Promise<Journal> {
    await this.#write(() => void this.#disk.runs.set(place.containerId, { place, records: [launch] }));
    return this.#journal(place);
  }

  async recover(): Promise<readonly RecoveredRun[]> {
    return [...this.#disk.runs.values()].map(({ place, records }) => ({
      place,
      records: structuredClone(records),
      journal: this.#journal(place),
    }));
  }

  remove(place: RunPlace): Promise<void> {
    return this.#write(() => void this.#disk.runs.delete(place.containerId));
  }

  runtimeDir(place: RunPlace): string {
    return `/runtime/${place.containerId}`;
  }

  async createSandbox(place: RunPlace): Promise<string> {
    return this.sandboxDir(place);
  }

  sandboxDir(place: RunPlace): string {
    return `/sandbox/${place.containerId}`;
  }

  async removeSandbox(): Promise<void> {}

  #journal(place: RunPlace): Journal {
    return {
      append: (record) =>
        this.#write(() => void this.#disk.runs.get(place.containerId)?.records.push(structuredClone(record))),
      close: async () => {},
    };
  }

  /** A crash may fall before the write or between the write and its answer. */
  async #write(change: () => void): Promise<void> {
    await Promise.resolve();
    if (this.#dead) return new Promise<never>(() => {});
    change();
    await Promise.resolve();
    if (this.#dead) return new Promise<never>(() => {});
  }
}
