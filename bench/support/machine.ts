import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Everything that is started and written belongs to a run and ends with it. */
export const folder = mkdtempSync(join(tmpdir(), 'rimrock-bench-'));
const running = new Set<ChildProcess>();

export const SERVER_CORE = '0';
export const LOAD_CORE = '1';
/** For figures in which a server may use what the machine has. */
export const ALL_CORES = `0-${cpus().length - 1}`;

/** The kernel counts CPU time in these. */
const TICK_US = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export interface Started {
  readonly pid: number;
  readonly process: ChildProcess;
}

/** Start a program on `cores` (as in `taskset -c`), which replaces itself by it: the pid is the program's own. */
export function start(
  cores: string,
  command: readonly string[],
  stdio: ('pipe' | 'ignore' | 'inherit' | 'ipc')[] = ['ignore', 'ignore', 'inherit'],
): Started {
  const child = spawn('taskset', ['-c', cores, ...command], { stdio });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return { pid: child.pid ?? 0, process: child };
}

/** SIGTERM, after 5 s SIGKILL; resolves when it is gone. */
export async function end({ process: child }: Started): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(timer);
}

/** End what still runs and remove what was written. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...running].map((child) => end({ pid: child.pid ?? 0, process: child })));
  rmSync(folder, { recursive: true, force: true });
}

/** Everything a program prints until it ends; rejects when it fails or takes longer than `seconds`. */
export async function output(started: Started, seconds: number): Promise<string> {
  let text = '';
  started.process.stdout?.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const timer = setTimeout(() => started.process.kill('SIGKILL'), seconds * 1000);
  const [code, signal] = (await once(started.process, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  if (code === 0) return text;
  throw new Error(`${started.process.spawnargs.join(' ')}: ended with ${signal ?? code}\n${text}`);
}

/** Where a program is, or undefined. */
export function installed(program: string): string | undefined {
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`.split(':');
  return folders.map((f) => join(f, program)).find((path) => existsSync(path));
}

export function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Compile a C program; undefined without a compiler, or where a library of `libraries` (as in `-lssl`) has no headers here. */
export function compiled(source: string, libraries: readonly string[] = []): string | undefined {
  const gcc = installed('gcc');
  const to = join(folder, basename(source, '.c'));
  if (existsSync(to)) return to;
  if (gcc === undefined || process.platform !== 'linux') return undefined;
  const options = ['-O2', '-pthread', '-o', to, source, ...libraries.map((name) => `-l${name}`)];
  const { status, stderr } = spawnSync(gcc, options, { encoding: 'utf8' });
  if (status === 0) return to;
  if (libraries.length > 0) return undefined;
  throw new Error(`${source} does not compile: ${stderr}`);
}

/** CPU time of a process so far with all its threads and the processes below it, user and system, microseconds. */
export function cpuUs(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const below = children === '' ? [] : children.split(' ').map(Number);
  return below.reduce((sum, child) => sum + cpuUs(child), ticks(`/proc/${pid}/stat`) * TICK_US);
}

function ticks(path: string): number {
  const stat = readFileSync(path, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** CPU time by thread so far, microseconds: `main` and the others by the names they gave themselves. */
export function cpuByThread(pid: number): Map<string, number> {
  const sums = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const task = `/proc/${pid}/task/${thread}`;
      const name =
        Number(thread) === pid ? 'main' : readFileSync(`${task}/comm`, 'utf8').trim().replace(/\d+$/, '');
      sums.set(name, (sums.get(name) ?? 0) + ticks(`${task}/stat`) * TICK_US);
    } catch {
      // a thread that ended meanwhile
    }
  }
  return sums;
}

/** What a core has done so far, and how much time that was, microseconds. */
export function coreUs(core: string): { readonly busy: number; readonly all: number } {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '';
  // user, nice, system, idle, iowait, irq, softirq, steal
  const spent = line.split(' ').slice(0, 8).map(Number);
  const all = spent.reduce((sum, n) => sum + n, 0);
  const idle = (spent[3] ?? 0) + (spent[4] ?? 0);
  return { busy: (all - idle) * TICK_US, all: all * TICK_US };
}

export interface Memory {
  readonly rssMiB: number;
  readonly pssMiB: number;
}

export function memory(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]) / 1024;
  return { rssMiB: mib('Rss'), pssMiB: mib('Pss') };
}

/** The highest resident memory since the start, or since `resetPeak`, MiB. */
export const peakMiB = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');
