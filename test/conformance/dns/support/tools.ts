import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];

/** Where a program is; servers are in sbin, which is not on everybody's path. */
export function pathOf(command: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, command)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The programs of `commands` that are not here: each test that needs one says so in its name. `dnspython` is one of them. */
export function missing(...commands: readonly string[]): string[] {
  return commands.filter((c) => (c === 'dnspython' ? python() === undefined : pathOf(c) === undefined));
}

let foundPython: string | undefined | null = null;

/** A Python that has dnspython. That of the system comes first: the package of the system is for it. */
export function python(): string | undefined {
  if (foundPython === null) {
    foundPython = ['/usr/bin/python3', 'python3'].find((path) => {
      try {
        execFileSync(path, ['-c', 'import dns.message'], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    });
  }
  return foundPython;
}

/** Run a program to its end and give what it wrote to stdout; with `all` also when it failed, and stderr with it. */
export function run(
  command: string,
  arguments_: readonly string[],
  options: { readonly input?: string; readonly timeoutMs?: number; readonly all?: boolean } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      pathOf(command) ?? command,
      [...arguments_],
      { timeout: options.timeoutMs ?? 30_000, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        if (options.all) resolve(stdout + stderr);
        else if (error) reject(error);
        else resolve(stdout);
      },
    );
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

export interface DigReply {
  readonly status: string;
  readonly flags: readonly string[];
  /** Bytes of the reply. */
  readonly size: number;
  /** Records in the answer section. */
  readonly answers: number;
  readonly text: string;
}

/** dig or kdig, which write alike. `status` is empty when nothing came. */
export async function ask(
  tool: 'dig' | 'kdig',
  port: number,
  name: string,
  type: string,
  ...options: readonly string[]
): Promise<DigReply> {
  const once = tool === 'dig' ? ['+tries=1'] : ['+retry=0'];
  const server = ['@127.0.0.1', '-p', String(port)];
  const text = await run(tool, [...server, name, type, '+timeout=3', ...once, ...options], { all: true });
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? '',
    flags: (/[Ff]lags: ([\w ]*);/.exec(text)?.[1] ?? '').trim().split(/\s+/),
    size: Number(/(?:MSG SIZE {2}rcvd: |Received )(\d+)/.exec(text)?.[1] ?? Number.NaN),
    answers: Number(/ANSWER: (\d+)/.exec(text)?.[1] ?? Number.NaN),
    text,
  };
}

export interface PerfReport {
  readonly sent: number;
  readonly completed: number;
  readonly lost: number;
  readonly perSecond: number;
  readonly averageMs: number;
  readonly maximumMs: number;
  /** How many replies had each response code. */
  readonly codes: ReadonlyMap<string, number>;
  /** Mean bytes of a query and of a reply. */
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly text: string;
}

/** Run dnsperf against a port of 127.0.0.1 with the questions given (`name type` lines). */
export async function dnsperf(
  port: number,
  questions: readonly string[],
  ...options: readonly string[]
): Promise<PerfReport> {
  // From a file: dnsperf begins it again when it is through.
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-dnsperf-'));
  const file = join(folder, 'questions');
  writeFileSync(file, `${questions.join('\n')}\n`);
  // The large buffer is so that nothing is lost on the way back.
  const arguments_ = ['-s', '127.0.0.1', '-p', String(port), '-d', file, '-b', '4096', ...options];
  const text = await run('dnsperf', arguments_, { timeoutMs: 900_000, all: true });
  rmSync(folder, { recursive: true });
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const codes = /Response codes:\s+(.*)/.exec(text)?.[1] ?? '';
  return {
    sent: number(/Queries sent:\s+(\d+)/),
    completed: number(/Queries completed:\s+(\d+)/),
    lost: number(/Queries lost:\s+(\d+)/),
    perSecond: number(/Queries per second:\s+([\d.]+)/),
    averageMs: number(/Average Latency \(s\):\s+([\d.]+)/) * 1000,
    maximumMs: number(/Average Latency \(s\):.*max ([\d.]+)/) * 1000,
    codes: new Map([...codes.matchAll(/(\w+) (\d+)/g)].map(([, code = '', n]) => [code, Number(n)])),
    requestBytes: number(/Average packet size:\s+request (\d+)/),
    replyBytes: number(/Average packet size:.*response (\d+)/),
    text,
  };
}

/** The value below which `share` of the numbers lie. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
