import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
  /** `undefined` where it cannot be read. */
  readonly environment: string | undefined;
  readonly folder: string | undefined;
}

/** Whether this machine shows its processes in /proc; without it the leak checks cannot look. */
export const canSeeProcesses = process.platform === 'linux';

/** Every process that is alive (not a zombie) and can be looked at. */
export function runningProcesses(): RunningProcess[] {
  const found: RunningProcess[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const status = read(`/proc/${entry}/stat`);
    if (status === undefined || /\) [ZX] /.test(status)) continue;
    found.push({
      pid: Number(entry),
      command: (read(`/proc/${entry}/cmdline`) ?? '').split('\0').join(' ').trim(),
      environment: read(`/proc/${entry}/environ`),
      folder: link(`/proc/${entry}/cwd`),
    });
  }
  return found;
}

/**
 * The processes that carry `mark` in their command line, environment or working folder. A test's own data folder is
 * such a mark: the platform has it as an argument, its tasks stand in a sandbox below it.
 */
export function processesMarked(mark: string): RunningProcess[] {
  return runningProcesses().filter(
    (p) =>
      p.pid !== process.pid &&
      (p.command.includes(mark) || p.environment?.includes(mark) || p.folder?.includes(mark)),
  );
}

/** Resident memory in bytes and CPU time in seconds that a process has used so far; undefined when it is gone. */
export function footprint(
  pid: number,
): { readonly rssBytes: number; readonly cpuSeconds: number } | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const status = read(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // Fields after the command in parentheses; utime and stime are 14 and 15, in ticks of 10 ms on Linux.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return { rssBytes: Number(rss?.[1] ?? 0) * 1024, cpuSeconds: ticks / 100 };
}

/** End what a failed test left behind: only processes that carry its mark. */
export function killMarked(mark: string): void {
  for (const p of processesMarked(mark)) {
    try {
      process.kill(p.pid, 'SIGKILL');
    } catch {
      // gone by itself
    }
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
