import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { StoreFiles } from './files.ts';

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot id and start time; empty where the system does not tell (outside Linux). */
  readonly start: string;
}

/** Who runs on this machine; a test hands in its own. */
export interface ProcessTable {
  readonly self: Promise<ProcessIdentity>;
  alive(identity: ProcessIdentity): Promise<boolean>;
}

export const systemProcesses: ProcessTable = {
  get self() {
    return identify(process.pid).then((start) => ({ pid: process.pid, start: start ?? '' }));
  },
  async alive({ pid, start }) {
    if (!Number.isSafeInteger(pid) || pid <= 0) return false;
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    }
    const now = await identify(pid);
    return now === undefined || start === '' || now === start;
  },
};

/** Undefined where there is no /proc; `gone` for a zombie, which holds nothing any more. */
async function identify(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3 (state) of proc(5)
    return fields[0] === 'Z' ? 'gone' : `${boot.trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

export type LockOutcome =
  | { readonly kind: 'held'; release(): Promise<void> }
  | { readonly kind: 'taken'; readonly pid: number };

/**
 * One owner per folder: a lock file that names its process. It appears complete or not at all (written aside, then
 * linked). The lock of a dead process is taken over by whoever holds the lock on that: a file named after the dead
 * owner, locked in the same way. So of many who find it dead exactly one gets on, also when that one dies on the way.
 */
export async function lockFolder(
  path: string,
  files: StoreFiles,
  processes: ProcessTable,
): Promise<LockOutcome> {
  const self = await processes.self;
  const taker = new LockTaker(`${path}.${self.pid}-${++attempts}`, JSON.stringify(self), files, processes);
  return taker.take(path);
}

/** Two attempts of one process must not share a file. */
let attempts = 0;

class LockTaker {
  readonly #aside: string;
  readonly #text: string;
  readonly #files: StoreFiles;
  readonly #processes: ProcessTable;

  constructor(aside: string, text: string, files: StoreFiles, processes: ProcessTable) {
    this.#aside = aside;
    this.#text = text;
    this.#files = files;
    this.#processes = processes;
  }

  async take(path: string): Promise<LockOutcome> {
    for (;;) {
      if (await this.#make(path)) return { kind: 'held', release: () => this.#files.remove(path) };
      const found = await readText(this.#files, path);
      if (found === undefined) continue; // let go just now
      const holder = parseHolder(found);
      if (holder && (await this.#processes.alive(holder))) return { kind: 'taken', pid: holder.pid };
      const outcome = await this.#takeOver(path, found);
      if (outcome) return outcome;
    }
  }

  async #make(path: string): Promise<boolean> {
    await this.#files.write(this.#aside, this.#text);
    try {
      return await this.#files.link(this.#aside, path);
    } finally {
      await this.#files.remove(this.#aside);
    }
  }

  /** Undefined: the dead lock is gone, somebody else was here first. */
  async #takeOver(path: string, dead: string): Promise<LockOutcome | undefined> {
    const succession = await this.take(`${path}.after-${crc32(dead).toString(16)}`);
    if (succession.kind === 'taken') return succession;
    try {
      // Only the successor of this dead owner may replace its lock, and that is us as long as we hold the succession.
      if ((await readText(this.#files, path)) !== dead) return undefined;
      await this.#files.write(this.#aside, this.#text);
      await this.#files.rename(this.#aside, path);
      return { kind: 'held', release: () => this.#files.remove(path) };
    } finally {
      await succession.release();
    }
  }
}

async function readText(files: StoreFiles, path: string): Promise<string | undefined> {
  const bytes = await files.read(path);
  return bytes && Buffer.from(bytes).toString();
}

function parseHolder(text: string): ProcessIdentity | undefined {
  try {
    const { pid, start } = JSON.parse(text) as Partial<ProcessIdentity>;
    return typeof pid === 'number' ? { pid, start: start ?? '' } : undefined;
  } catch {
    return undefined;
  }
}
