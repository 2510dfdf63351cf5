import { run } from './tools.ts';

export interface Load {
  readonly tool: string;
  readonly sent: number;
  /** Answers by status; a failure without one counts in `errors`. */
  readonly statuses: ReadonlyMap<string, number>;
  readonly errors: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
  readonly text: string;
}

/** Answers that were not 2xx, and failures without an answer. */
export function failed(load: Load): number {
  let n = load.errors;
  for (const [status, count] of load.statuses) if (!status.startsWith('2')) n += count;
  return n;
}

export function answered(load: Load, status = '2'): number {
  let n = 0;
  for (const [code, count] of load.statuses) if (code.startsWith(status)) n += count;
  return n;
}

export interface LoadOptions {
  readonly port: number;
  readonly host: string;
  readonly path?: string;
  readonly seconds: number;
  readonly connections: number;
  /** Of all connections together; absent: as fast as answers come. */
  readonly perSecond?: number;
  readonly method?: string;
}

const timeoutOf = (o: LoadOptions): number => (o.seconds + 60) * 1_000;
const urlOf = (o: LoadOptions): string => `http://127.0.0.1:${o.port}${o.path ?? '/'}`;

/** The load generator hey, with its connections kept. */
export async function hey(o: LoadOptions, ...more: readonly string[]): Promise<Load> {
  const rate = o.perSecond === undefined ? [] : ['-q', String(o.perSecond / o.connections)];
  const time = ['-z', `${o.seconds}s`, '-c', String(o.connections), '-t', '30', ...rate];
  const text = await run('hey', [...time, '-host', o.host, '-m', o.method ?? 'GET', ...more, urlOf(o)], {
    all: true,
    timeoutMs: timeoutOf(o),
  });
  return readHey(text);
}

/** hey with a number of requests instead of a time. */
export async function heyCount(
  o: Omit<LoadOptions, 'seconds'> & { readonly requests: number },
  ...more: readonly string[]
): Promise<Load> {
  const rate = o.perSecond === undefined ? [] : ['-q', String(o.perSecond / o.connections)];
  const count = ['-n', String(o.requests), '-c', String(o.connections), '-t', '30', ...rate];
  const url = urlOf({ ...o, seconds: 0 });
  const text = await run('hey', [...count, '-host', o.host, '-m', o.method ?? 'GET', ...more, url], {
    all: true,
    timeoutMs: 600_000,
  });
  return readHey(text);
}

function readHey(text: string): Load {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const statuses = new Map<string, number>();
  for (const [, code = '', n] of text.matchAll(/\[(\d{3})\]\s+(\d+) responses/g))
    statuses.set(code, Number(n));
  let errors = 0;
  for (const [, n] of (text.split('Error distribution:')[1] ?? '').matchAll(/^\s+\[(\d+)\]/gm))
    errors += Number(n);
  const sent = [...statuses.values()].reduce((a, b) => a + b, 0) + errors;
  return {
    tool: 'hey',
    sent,
    statuses,
    errors,
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: number(/50%+ in ([\d.]+) secs/) * 1_000,
    p99Ms: number(/99%+ in ([\d.]+) secs/) * 1_000,
    slowestMs: number(/Slowest:\s+([\d.]+) secs/) * 1_000,
    text,
  };
}

/** wrk: as fast as answers come. */
export async function wrk(o: LoadOptions): Promise<Load> {
  const base = [
    '-t',
    '1',
    '-c',
    String(o.connections),
    '-d',
    `${o.seconds}s`,
    '--latency',
    '--timeout',
    '10s',
  ];
  const text = await run('wrk', [...base, '-H', `Host: ${o.host}`, urlOf(o)], {
    all: true,
    timeoutMs: timeoutOf(o),
  });
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const total = number(/(\d+) requests in/);
  const bad = number(/Non-2xx or 3xx responses: (\d+)/);
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    tool: 'wrk',
    sent: total,
    statuses: new Map([
      ['2xx', total - bad],
      ['5xx', bad],
    ]),
    errors: (socket ?? []).slice(1).reduce((sum, n) => sum + Number(n), 0),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/50%\s+(\S+)/.exec(text)?.[1]),
    p99Ms: milliseconds(/99%\s+(\S+)/.exec(text)?.[1]),
    slowestMs: milliseconds(/Latency\s+\S+\s+\S+\s+(\S+)/.exec(text)?.[1]),
    text,
  };
}

function milliseconds(text: string | undefined): number {
  const [, n, unit = ''] = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? '') ?? [];
  return Number(n) * ({ us: 0.001, ms: 1, s: 1_000, m: 60_000 }[unit] ?? Number.NaN);
}
