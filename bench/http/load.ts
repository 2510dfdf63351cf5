import { LOAD_CORE, output, start, write } from '../support/machine.ts';
import type { Driven } from '../support/rounds.ts';

export interface Request {
  readonly host: string;
  readonly path: '/1k' | '/64k';
  /** Length of a request body; absent: it is a GET. */
  readonly postBytes?: number;
  /** A connection of its own for each. */
  readonly newConnections?: boolean;
}

export interface Load extends Request {
  readonly url: string;
  readonly seconds: number;
  readonly connections?: number;
}

/** One run of wrk over HTTP/1.1. Throws when a single answer is not a 200. */
export async function wrk(load: Load): Promise<Driven> {
  const { url, host, path, seconds, connections = 64, postBytes, newConnections } = load;
  const options = ['-t1', `-c${connections}`, `-d${seconds}`, '-H', `Host: ${host}`];
  if (newConnections) options.push('-H', 'Connection: close');
  if (postBytes !== undefined) {
    const script = `wrk.method = "POST"\nwrk.body = string.rep("x", ${postBytes})\n`;
    options.push('-s', write(`post-${postBytes}.lua`, script));
  }
  const run = start(LOAD_CORE, ['wrk', ...options, `${url}${path}`], ['ignore', 'pipe', 'inherit']);
  const text = await output(run, seconds + 20);
  const completed = Number(/(\d+) requests in/.exec(text)?.[1] ?? Number.NaN);
  const wrong = /Non-2xx.*|Socket errors.*/.exec(text)?.[0];
  if (!(completed > 0) || wrong !== undefined) throw new Error(`${url}: no sound answers: ${wrong ?? text}`);
  const took = Number(/requests in ([\d.]+)s/.exec(text)?.[1] ?? seconds);
  return { completed, perSecond: completed / took, seconds: took, lost: 0, worstMs: Number.NaN };
}

/** One run of h2load over HTTP/2: `streams` on each of `connections`. Throws when a single request fails. */
export async function h2load(load: Load & { readonly streams: number }): Promise<Driven> {
  const { url, host, path, seconds, connections = 4, streams } = load;
  const options = ['-t1', '-c', connections, '-m', streams, '-D', seconds, '-H', `:authority: ${host}`];
  const command = ['h2load', ...options.map(String), `${url}${path}`];
  const text = await output(start(LOAD_CORE, command, ['ignore', 'pipe', 'inherit']), seconds + 20);
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const completed = number(/(\d+) succeeded/);
  const failed = number(/(\d+) failed/);
  if (!(completed > 0) || failed > 0 || /status codes: .* [1-9]\d* [345]xx/.test(text))
    throw new Error(`${url}: no sound answers: ${text}`);
  return { completed, perSecond: completed / seconds, lost: 0, worstMs: Number.NaN };
}
