import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BoundSocket } from '../../../net/index.ts';

/** One line at a time, to and from the process at the other end. */
export interface Link {
  send(line: string): void;
  /** Each whole line from now on, and what has come before. For one listener. */
  onLine(f: (line: string) => void): void;
  /** The other process has ended, or has nothing more to say. */
  onClosed(f: () => void): void;
  close(): void;
}

export interface NewProcess {
  readonly pid: number | undefined;
  readonly link: Link;
  /** Comes once: why it is no more. */
  onEnd(f: (reason: string) => void): void;
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
}

/** What one process needs of its machine to hand over to another one. */
export interface UpgradeMachine {
  readonly pid: number;
  /** See `boundSockets` of net. */
  boundSockets(): Promise<readonly BoundSocket[]>;
  /**
   * Start this program anew, as it is on disk now, with these sockets as its descriptors from 3 on and after them a link. May
   * throw what the system says.
   */
  start(
    descriptors: readonly number[],
    environment: Readonly<Record<string, string | undefined>>,
  ): NewProcess;
  /** The link at a descriptor that this process was started with. */
  linkAt(descriptor: number): Link;
}

/** The first descriptor after those for in- and output; also systemd begins there. */
export const FIRST_DESCRIPTOR = 3;

/** This very process. */
export function processMachine(): UpgradeMachine {
  return {
    pid: process.pid,
    boundSockets: async () => (await import('../../../net/index.ts')).boundSockets(),
    start(descriptors, environment) {
      const stdio: StdioOptions = ['inherit', 'inherit', 'inherit', ...descriptors, 'pipe'];
      // By the name that it was called with: a path that leads to another version now leads there.
      const child = spawn(process.argv0, [...process.execArgv, ...process.argv.slice(1)], {
        stdio,
        env: environment,
      });
      return childProcess(child, child.stdio.at(FIRST_DESCRIPTOR + descriptors.length) as Duplex);
    },
    linkAt: (fd) => linkOver(new Socket({ fd, readable: true, writable: true })),
  };
}

function childProcess(child: ChildProcess, stream: Duplex): NewProcess {
  return {
    pid: child.pid,
    link: linkOver(stream),
    onEnd(f) {
      child.once('error', (error) => f(error.message));
      child.once('exit', (code, signal) =>
        f(signal === null ? `it ended with status ${code}` : `it ended by ${signal}`),
      );
    },
    signal: (name) => void child.kill(name),
  };
}

function linkOver(stream: Duplex): Link {
  // What cannot be written any more, nobody waits for.
  stream.on('error', () => {});
  return {
    send: (line) => void stream.write(`${line}\n`),
    onLine: (f) => readLines(stream, f),
    onClosed: (f) => void stream.once('close', f),
    close: () => void stream.destroy(),
  };
}

/** Node's own reader of lines throws the errors of its stream at whoever does not listen. */
function readLines(stream: Duplex, f: (line: string) => void): void {
  let begun = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${begun}${text}`.split('\n');
    begun = lines.pop() ?? '';
    for (const line of lines) f(line);
  });
}
