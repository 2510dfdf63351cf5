import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

/** What /proc/<pid>/stat says (proc(5)). */
export interface ProcessStat {
  readonly pid: number;
  readonly state: string;
  readonly ppid: number;
  readonly session: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly threads: number;
  /** Ticks since boot, as text: it identifies, it is not reckoned with. */
  readonly startTime: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // ended between two looks, or not ours to see
  }
}

/** A stat line is a few hundred bytes; one read without asking for its size first is half the work. */
const line = Buffer.alloc(4096);

function readLine(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return line.toString('latin1', 0, readSync(file, line, 0, line.length, 0));
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export function processStat(pid: number): ProcessStat | undefined {
  const text = readLine(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // the command name stands in parentheses and may itself hold blanks and parentheses
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: fields[0] ?? '?',
    ppid: Number(fields[1]),
    session: Number(fields[3]),
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
    threads: Number(fields[17]),
    startTime: fields[19] ?? '',
  };
}

/** All processes that can be seen, zombies left out. */
export function allProcesses(): ProcessStat[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? processStat(pid) : undefined;
    return stat && stat.state !== 'Z' && stat.state !== 'X' ? [stat] : [];
  });
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const m = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '');
  return m ? Number(m[1]) * 1024 : 0;
}

/** The words that the process was started with. */
export function argumentsOf(pid: number): string[] {
  return (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
}

/** Changes at every boot of the machine; empty where the system does not tell. */
export function bootId(): string {
  return (read('/proc/sys/kernel/random/boot_id') ?? '').trim();
}

/**
 * The value of a variable in the environment that the process was started with; empty when it has none. Undefined when
 * there is nothing to read: not ours to see, or just being replaced by another program.
 */
export function environmentOf(pid: number, name: string): string | undefined {
  const text = read(`/proc/${pid}/environ`);
  if (!text) return undefined;
  const at = `\0${text}`.indexOf(`\0${name}=`);
  return at < 0 ? '' : text.slice(at + name.length + 1).split('\0', 1)[0];
}
