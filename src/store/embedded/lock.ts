import { readFile } from 'node:fs/promises';
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
 * linked), and a lock whose process is dead is moved away first, so that of two who find it only one gets on.
 */
export async function lockFolder(
  path: string,
  files: StoreFiles,
  processes: ProcessTable,
): Promise<LockOutcome> {
  const self = await processes.self;
  const mine = JSON.stringify(self);
  const aside = `${path}.${self.pid}`;
  await files.write(aside, mine);
  try {
    for (;;) {
      if (await files.link(aside, path)) return { kind: 'held', release: () => files.remove(path) };
      const text = await readText(files, path);
      if (text === undefined) continue;
      const holder = parseHolder(text);
      if (holder && (await processes.alive(holder))) return { kind: 'taken', pid: holder.pid };
      await moveAway(files, path, `${aside}.stale`, text);
    }
  } finally {
    await files.remove(aside);
  }
}

/** Remove the lock that was found dead; if it was another's new one by now, put it back. */
async function moveAway(files: StoreFiles, path: string, stale: string, found: string): Promise<void> {
  try {
    await files.rename(path, stale);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readText(files, stale)) !== found) await files.link(stale, path);
  await files.remove(stale);
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
