import { LOAD_CORE, output, start } from '../support/machine.ts';

export interface Load {
  readonly port: number;
  readonly questions: string;
  readonly seconds: number;
  /** Questions a second; without it as many as the server takes. */
  readonly rate?: number;
  readonly edns?: boolean;
  readonly cores?: string;
  readonly threads?: number;
}

export interface LoadResult {
  readonly completed: number;
  readonly lost: number;
  readonly perSecond: number;
  readonly averageMs: number;
  readonly worstMs: number;
  /** Percent by rcode: `NOERROR`, `NXDOMAIN`, ... */
  readonly rcodes: ReadonlyMap<string, number>;
}

/** One run of dnsperf. */
export async function dnsperf(load: Load): Promise<LoadResult> {
  const { port, questions, seconds, rate, edns = true, cores = LOAD_CORE, threads = 1 } = load;
  const options = ['-s', '127.0.0.1', '-p', port, '-d', questions, '-l', seconds];
  options.push('-c', 16, '-q', 256, '-T', threads, '-t', 2);
  if (rate !== undefined) options.push('-Q', rate);
  if (edns) options.push('-e');
  const run = start(cores, ['dnsperf', ...options.map(String)], ['ignore', 'pipe', 'inherit']);
  const text = await output(run, seconds + 20);
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const rcodes = [...text.matchAll(/([A-Z]+) \d+ \(([\d.]+)%\)/g)];
  return {
    completed: number(/Queries completed:\s+(\d+)/),
    lost: number(/Queries lost:\s+(\d+)/),
    perSecond: number(/Queries per second:\s+([\d.]+)/),
    averageMs: number(/Average Latency \(s\):\s+([\d.]+)/) * 1000,
    worstMs: number(/Average Latency.*max ([\d.]+)/) * 1000,
    rcodes: new Map(rcodes.map(([, name = '', share]) => [name, Number(share)])),
  };
}

/** Every tenth question is for a name that does not exist; anything else in the answers makes the measurement worthless. */
export function checkAnswers(server: string, { rcodes, completed }: LoadResult): void {
  const found = rcodes.get('NOERROR') ?? 0;
  const wrong = [...rcodes.keys()].filter((name) => name !== 'NOERROR' && name !== 'NXDOMAIN');
  if (Math.abs(found - 90) > 0.5 || wrong.length > 0)
    throw new Error(
      `${server} gave ${completed} wrong answers: ${[...rcodes].map((r) => r.join(' ')).join(' %, ')} %`,
    );
}
