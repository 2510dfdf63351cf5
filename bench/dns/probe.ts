import { compiled } from './programs.ts';
import { output, start } from '../support/machine.ts';
import type { Started } from '../support/machine.ts';

export interface Times {
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly worst: number;
}

/** What `probe latency` saw. */
export interface LatencyReport {
  readonly sent: number;
  readonly answered: number;
  /** The port was closed. */
  readonly refused: number;
  readonly noerror: number;
  readonly servfail: number;
  /** How late a question was sent at worst: the probe's own jitter. */
  readonly behindMs: number;
  /** When the first NOERROR came, by CLOCK_MONOTONIC; 0 for never. */
  readonly firstFoundNs: string;
  readonly worstAtNs: string;
  readonly realTime: number;
  readonly ms: Times;
}

/** What `probe changes` saw: milliseconds until the first, and until all source ports had the new answer. */
export interface ChangesReport {
  readonly seen: number;
  readonly late: number;
  readonly overflow: number;
  readonly questions: number;
  readonly first: Times;
  readonly all: Times;
}

export interface Probe extends Started {
  /** Forget what was measured so far. */
  forget(): void;
  /** End the asking and tell. */
  finish(): Promise<LatencyReport>;
}

function program(): string {
  const path = compiled('probe');
  if (path === undefined) throw new Error('no C compiler (gcc), so no probe');
  return path;
}

/** Ask `rate` times a second for `pattern` (in which `%` becomes a number below `count`) until `finish`. */
export function startProbe(
  cores: string,
  port: number,
  rate: number,
  pattern: string,
  count: number,
  seconds = 300,
): Probe {
  const options = ['latency', port, rate, seconds, 8, pattern, count].map(String);
  const started = start(cores, [program(), ...options], ['ignore', 'pipe', 'inherit']);
  const text = output(started, seconds + 20);
  text.catch(() => {}); // told by `finish`
  return {
    ...started,
    forget: () => void started.process.kill('SIGUSR1'),
    async finish() {
      started.process.kill('SIGTERM');
      return JSON.parse(await text) as LatencyReport;
    },
  };
}

export interface ChangeProbe extends Started {
  expect(change: { readonly madeNs: string; readonly ip: string; readonly name: string }): void;
  finish(): Promise<ChangesReport>;
}

/** Ask for what changed from each of `sockets` ports every `everyMs` until the answer is new. */
export function startChangeProbe(
  cores: string,
  port: number,
  sockets: number,
  everyMs: number,
  seconds: number,
): ChangeProbe {
  const options = ['changes', port, sockets, everyMs * 1000].map(String);
  const started = start(cores, [program(), ...options], ['pipe', 'pipe', 'inherit']);
  const text = output(started, seconds + 20);
  text.catch(() => {});
  return {
    ...started,
    expect: ({ madeNs, ip, name }) => void started.process.stdin?.write(`${madeNs} ${ip} ${name}\n`),
    async finish() {
      started.process.stdin?.end();
      return JSON.parse(await text) as ChangesReport;
    },
  };
}
