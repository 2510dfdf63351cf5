import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { ProcessStat, ProcessTable } from './process-table.ts';

/** Clock ticks a second; fixed in the Linux ABI for what /proc shows. */
const TICKS = 100;

/** Linux: what /proc/<pid> says (proc(5)). Start times are ticks since boot. */
export function createProcTable(): ProcessTable {
  return {
    stat,
    all: allProcesses,
    sameStart: (a, b) => a === b,
    commandLine: (pid) => (read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' '),
    variable: environmentOf,
    residentBytes(pid) {
      const m = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '');
      return m ? Number(m[1]) * 1024 : 0;
    },
    bootId: () => (read('/proc/sys/kernel/random/boot_id') ?? '').trim(),
  };
}

function stat(pid: number): ProcessStat | undefined {
  const text = readLine(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // the command name stands in parentheses and may itself hold blanks and parentheses
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: fields[0] ?? '?',
    ppid: Number(fields[1]),
    session: Number(fields[3]),
    userSeconds: Number(fields[11]) / TICKS,
    systemSeconds: Number(fields[12]) / TICKS,
    threads: Number(fields[17]),
    startTime: fields[19] ?? '',
  };
}

/** See `ProcessTable.all`. */
export function allProcesses(): ProcessStat[] {
  return folders().flatMap((name) => {
    const pid = Number(name);
    const found = Number.isInteger(pid) ? stat(pid) : undefined;
    return found && found.state !== 'Z' && found.state !== 'X' ? [found] : [];
  });
}

/** See `ProcessTable.variable`. */
export function environmentOf(pid: number, name: string): string | undefined {
  const text = read(`/proc/${pid}/environ`);
  if (!text) return undefined;
  const at = `\0${text}`.indexOf(`\0${name}=`);
  return at < 0 ? '' : text.slice(at + name.length + 1).split('\0', 1)[0];
}

function folders(): string[] {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
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
