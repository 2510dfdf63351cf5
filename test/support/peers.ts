import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './root.ts';

const execute = promisify(execFile);
const run = (command: string, arguments_: readonly string[]): Promise<{ stdout: string }> =>
  execute(command, [...arguments_], { cwd: root });

/** Whether a real program is installed. Tests that need it are skipped by name otherwise. */
export function has(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface DigAnswer {
  /** NOERROR, NXDOMAIN, SERVFAIL, REFUSED… */
  readonly status: string;
  readonly flags: readonly string[];
  readonly answers: readonly {
    readonly name: string;
    readonly ttl: number;
    readonly type: string;
    readonly data: string;
  }[];
  /** The whole text, for messages. */
  readonly text: string;
}

/** One question asked by the real dig, over UDP unless `+tcp` is among the options. */
export async function dig(
  port: number,
  name: string,
  type = 'A',
  ...options: readonly string[]
): Promise<DigAnswer> {
  const arguments_ = ['@127.0.0.1', '-p', String(port), name, type, '+tries=1', '+timeout=2', ...options];
  const { stdout } = await run('dig', arguments_);
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? '';
  const flags = /flags: ([\w ]*);/.exec(stdout)?.[1]?.split(' ') ?? [];
  const section = /;; ANSWER SECTION:\n([^]*?)(?:\n\n|\n;;|$)/.exec(stdout)?.[1] ?? '';
  const answers = section.split('\n').flatMap((line) => {
    const [owner, ttl, , kind, ...data] = line.split(/\s+/);
    return owner && kind ? [{ name: owner, ttl: Number(ttl), type: kind, data: data.join(' ') }] : [];
  });
  return { status, flags, answers, text: stdout };
}

/** `dig +short`: the data of the answers, sorted. */
export async function digShort(port: number, name: string, type = 'A'): Promise<string[]> {
  const { stdout } = await run('dig', [
    '@127.0.0.1',
    '-p',
    String(port),
    name,
    type,
    '+short',
    '+tries=1',
    '+timeout=2',
  ]);
  return stdout.split('\n').filter(Boolean).sort();
}

export interface CurlAnswer {
  readonly status: number;
  readonly body: string;
}

/** The real curl. `status` is 0 when there was no answer. */
export async function curl(...arguments_: readonly string[]): Promise<CurlAnswer> {
  const all = ['-sS', '--max-time', '10', '-w', '\n%{http_code}', ...arguments_];
  const { stdout } = await run('curl', all).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? '\n0',
  }));
  const cut = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, cut) };
}
