import { execFileSync } from 'node:child_process';
import type { Clock } from '../../../core/clock.ts';
import type { ProcessStat, ProcessTable } from './process-table.ts';

/** A look costs some milliseconds of the agent's time; what was seen so lately counts as now. */
const FRESH_MS = 250;
/** The columns are pid, ppid, pgid, sess, stat, rss, time and lstart; the rest is the command with its environment. */
const COLUMNS = ['pid', 'ppid', 'pgid', 'sess', 'stat', 'rss', 'time', 'lstart', 'command'];
const ROW =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\d+)\s+([\d:.-]+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s(.*)$/;
/** More than a machine's processes with their environments. */
const MAX_BYTES = 256 * 1024 * 1024;

interface Seen extends ProcessStat {
  readonly residentBytes: number;
  /** Command and environment: ps does not tell where one ends and the other begins. */
  readonly line: string;
}

/**
 * Systems without /proc (macOS): what ps(1) says (POSIX, with the columns that BSD and Linux share). Start times are
 * seconds since the epoch; user and system time are told as one.
 */
export function createPsTable(clock: Clock): ProcessTable {
  let seen = new Map<number, Seen>();
  let seenAt = Number.NEGATIVE_INFINITY;
  let boot: string | undefined;
  const look = (): void => {
    seen = new Map(readAll().map((p) => [p.pid, p]));
    seenAt = clock.monotonic();
  };
  const find = (pid: number): Seen | undefined => {
    if (!isThere(pid)) return undefined;
    if (!seen.has(pid) || clock.monotonic() - seenAt > FRESH_MS) look();
    return seen.get(pid);
  };
  return {
    stat: find,
    all() {
      look();
      return [...seen.values()].filter((p) => p.state !== 'Z' && isThere(p.pid));
    },
    sameStart: (a, b) => Math.abs(Number(a) - Number(b)) <= 1,
    commandLine: (pid) => find(pid)?.line ?? '',
    variable(pid, name) {
      const line = find(pid)?.line;
      if (line === undefined) return undefined;
      const at = line.indexOf(` ${name}=`);
      return at < 0 ? '' : line.slice(at + name.length + 2).split(' ', 1)[0];
    },
    residentBytes: (pid) => find(pid)?.residentBytes ?? 0,
    bootId: () => (boot ??= readBootId()),
  };
}

/** Also true of what is not ours. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readAll(): Seen[] {
  const withEnvironment = process.platform === 'linux' ? ['axeww'] : ['-A', '-E', '-ww'];
  const columns = COLUMNS.flatMap((name) => ['-o', `${name}=`]);
  const text = run('ps', [...withEnvironment, ...columns]);
  return text.split('\n').flatMap((row) => {
    const [, pid, ppid, pgid, sess, stat, rss, time, start, line] = ROW.exec(row) ?? [];
    if (pid === undefined) return [];
    return [
      {
        pid: Number(pid),
        state: stat?.[0] ?? '?',
        ppid: Number(ppid),
        // not every system tells the session
        session: Number(sess) || Number(pgid),
        userSeconds: secondsOf(time ?? ''),
        systemSeconds: 0,
        threads: undefined,
        startTime: String(Math.round(Date.parse(`${start ?? ''} UTC`) / 1000)),
        residentBytes: Number(rss) * 1024,
        line: line ?? '',
      },
    ];
  });
}

/** `[[days-]hours:]minutes:seconds[.hundredths]`. */
function secondsOf(time: string): number {
  const [rest = '', days = '0'] = time.split('-').reverse();
  return rest.split(':').reduce((total, part) => total * 60 + Number(part), 0) + Number(days) * 86_400;
}

function readBootId(): string {
  return process.platform === 'linux'
    ? run('sysctl', ['-n', 'kernel.random.boot_id']).trim()
    : run('sysctl', ['-n', 'kern.bootsessionuuid']).trim();
}

function run(program: string, words: readonly string[]): string {
  try {
    return execFileSync(program, words, {
      encoding: 'latin1',
      env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' },
      maxBuffer: MAX_BYTES,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}
