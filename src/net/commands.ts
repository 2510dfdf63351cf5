import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';

export interface CommandResult {
  /** Whether it ended with status 0. */
  readonly ok: boolean;
  readonly stdout: string;
  /** What it said is wrong, or what went wrong with it; one line, cut to what fits a log. */
  readonly problem: string;
}

/** Runs a program with `input` on its standard input. Never rejects: what fails is told in the result. */
export type RunCommand = (command: readonly string[], input?: string) => Promise<CommandResult>;

/** nft and ip end at once; one that waits for a lock of the kernel for this long is given up. */
const LIMIT_MS = 15_000;
/** A table of ten thousand VIPs is read back as about ten million characters. */
const LIMIT_CHARACTERS = 256 * 1024 * 1024;
const LIMIT_PROBLEM = 500;

/** One after the other, so that changes are made in order and never more than one program runs. */
export function commandsInTurn(run: RunCommand): RunCommand {
  let last: Promise<unknown> = Promise.resolve();
  return (command, input) => {
    const next = last.then(() => run(command, input));
    last = next;
    return next;
  };
}

/** Real programs, also those of /usr/sbin, which is not on everybody's path. */
export function realCommands(clock: Clock, environment: NodeJS.ProcessEnv): RunCommand {
  const PATH = [environment['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter);
  return ([program = '', ...rest], input = '') =>
    new Promise((resolve) => {
      const child = spawn(program, rest, { env: { PATH, LC_ALL: 'C' }, stdio: 'pipe' });
      const out: Buffer[] = [];
      let [size, problem] = [0, ''];
      const limit = clock.after(LIMIT_MS, () => {
        problem = `no end after ${LIMIT_MS} ms`;
        child.kill('SIGKILL');
      });
      const done = (ok: boolean, why: string): void => {
        limit.cancel();
        const stdout = Buffer.concat(out).toString();
        resolve({ ok, stdout, problem: why.trim().replace(/\s+/g, ' ').slice(0, LIMIT_PROBLEM) });
      };
      child.stdout.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size <= LIMIT_CHARACTERS) out.push(piece);
        else child.kill('SIGKILL');
      });
      child.stderr.on('data', (piece: Buffer) => {
        if (problem.length < LIMIT_PROBLEM) problem += piece.toString();
      });
      child.on('error', (error) => done(false, errorText(error)));
      child.on('close', (code, signal) =>
        done(code === 0, code === 0 ? '' : problem || `ended with ${code ?? signal}`),
      );
      // A program that has ended does not read: its end says more than the broken pipe.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
}
