import { request } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../../support/eventually.ts';
import { ENGINES, LONG, SEED, sized, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { startOrigins } from './support/origins.ts';
import type { OriginProcess } from './support/origins.ts';
import { hold } from './support/raw.ts';
import type { Held } from './support/raw.ts';
import { report } from './support/report.ts';
import { missing, percentile, run } from './support/tools.ts';

// L3: clients that send or read as slowly as they can get away with. slowhttptest attacks, raw sockets time when they are cut off.

const SOCKETS = sized(60, 500);
const SECONDS = sized(8, 60);
const LIMIT_MS = 3_000;
const HOST = 'slow.test';
/** Who is honest has an instance of its own: what the attack has ours ask its own for is that one's to bear. */
const HONEST_HOST = 'honest.test';
const HONEST_P99_MS = 250;
const HONEST_EVERY_MS = 20;
const MEMORY = 100 << 20;
const lacking = missing('slowhttptest');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

interface Honest {
  readonly times: number[];
  readonly failures: string[];
}

/**
 * Somebody who must not notice anything: each question on a connection of its own, the next soon after the answer, so that also in
 * the short form the slowest hundredth is several answers and not just the one that the machine was slowest with.
 */
function honestClient(port: number): { stop(): Promise<Honest> } {
  const times: number[] = [];
  const failures: string[] = [];
  const stopped = new AbortController();
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      const begun = performance.now();
      const over = (reason: string | undefined): void => {
        if (reason === undefined) times.push(performance.now() - begun);
        else failures.push(reason);
        resolve();
      };
      const outgoing = request(
        { host: '127.0.0.1', port, headers: { host: HONEST_HOST }, agent: false, timeout: 5_000 },
        (response) => {
          response.resume();
          response.on('end', () =>
            over(response.statusCode === 200 ? undefined : String(response.statusCode)),
          );
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
      outgoing.on('error', (error) => over(error.message));
      outgoing.end();
    });
  const running = (async () => {
    while (!stopped.signal.aborted) {
      await ask();
      await pause(HONEST_EVERY_MS);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await running;
      return { times, failures };
    },
  };
}

/** One attack; what it saw each second: seconds, connections closed, pending, open, whether we answer. */
async function slowhttptest(port: number, path: string, options: readonly string[]): Promise<number[][]> {
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-slow-'));
  const base = [
    '-c',
    String(SOCKETS),
    '-r',
    String(SOCKETS),
    '-l',
    String(SECONDS),
    '-g',
    '-o',
    join(folder, 'out'),
  ];
  const target = ['-p', '3', '-u', `http://127.0.0.1:${port}${path}`];
  const said = await run('slowhttptest', [...base, ...options, ...target], {
    all: true,
    timeoutMs: (SECONDS + 60) * 1_000,
  });
  try {
    const lines = readFileSync(join(folder, 'out.csv'), 'utf8').trim().split('\n').slice(1);
    return lines.map((line) => line.split(',').map(Number));
  } catch {
    throw new Error(`slowhttptest wrote no report: ${said.slice(-1500)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// The engines side by side, for most of it is waiting; what is below one after the other.
describe.concurrent.each(ENGINES)('L3: slow clients, engine %s', (engine) => {
  let edge: EdgeUnderTest;
  let origins: OriginProcess[];

  beforeAll(async () => {
    origins = await startOrigins(2);
    const [attacked, other] = origins.map((o) => [o.address]);
    edge = await startEdge({
      engine,
      // slowhttptest asks for the host of the URL.
      services: { [HOST]: attacked ?? [], '127.0.0.1': attacked ?? [], [HONEST_HOST]: other ?? [] },
      lb: {
        timeouts: { headMs: LIMIT_MS, bodyMs: LIMIT_MS, idleMs: LIMIT_MS, streamIdleMs: LIMIT_MS },
      },
    });
  });
  afterAll(async () => {
    await edge.close();
    for (const origin of origins) await origin.close();
  });

  const dribble = (held: () => Held, text: string): NodeJS.Timeout => {
    let at = 0;
    return setInterval(() => {
      if (held().closedMs === undefined) held().socket.write(text.charAt(at++ % text.length));
    }, 200);
  };
  const attacks: readonly (readonly [string, (port: number) => Held, NodeJS.Timeout[]])[] = (() => {
    const make = (name: string, first: string, drip: string, reads = true) => {
      const timers: NodeJS.Timeout[] = [];
      const begin = (port: number): Held => {
        const held = hold(port, (socket) => {
          socket.write(first);
          if (!reads) socket.pause();
        });
        if (drip !== '') timers.push(dribble(() => held, drip));
        return held;
      };
      return [name, begin, timers] as const;
    };
    return [
      make('a silent connection', '', ''),
      make('half a request line', 'GET / HT', ''),
      make('a head byte by byte', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX: `, 'x'),
      make('a body that stops', `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 9999\r\n\r\nab`, ''),
      make('a body byte by byte', `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 9999\r\n\r\nab`, 'x'),
      make(
        'chunks byte by byte',
        `POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n`,
        '1\r\nx\r\n',
      ),
      make('idle after an answer', `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, ''),
    ];
  })();

  it.sequential('each attack is cut off within its limit and a second', async () => {
    const held = attacks.flatMap(([name, begin]) =>
      Array.from({ length: 10 }, () => ({ name, one: begin(edge.port) })),
    );
    await Promise.race([Promise.all(held.map((h) => h.one.closed)), pause(LIMIT_MS * 3)]);
    for (const [, , timers] of attacks) for (const timer of timers) clearInterval(timer);
    const byName = new Map<string, number[]>();
    for (const { name, one } of held) {
      byName.set(name, [...(byName.get(name) ?? []), one.closedMs ?? Number.POSITIVE_INFINITY]);
      one.socket.destroy();
    }
    report(
      'L3',
      `engine ${engine}, limit ${LIMIT_MS} ms: ${[...byName].map(([name, t]) => `${name} ${Math.min(...t).toFixed(0)}–${Math.max(...t).toFixed(0)} ms`).join(', ')}`,
    );
    for (const [name, times] of byName) {
      expect(Math.max(...times), name).toBeLessThan(LIMIT_MS + 1_000);
      expect(Math.min(...times), name).toBeGreaterThan(LIMIT_MS - 300);
    }
  });

  it.sequential('an answer that nobody reads is cut off too', async () => {
    const held = Array.from({ length: 10 }, () =>
      hold(edge.port, (socket) => {
        socket.write(`GET /?bytes=50000000 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
        socket.pause();
      }),
    );
    const before = await edge.metric('rimrock_lb_truncated_total');
    const begun = performance.now();
    let cut = 0;
    while (cut < held.length && performance.now() - begun < LIMIT_MS * 3) {
      cut = (await edge.metric('rimrock_lb_truncated_total')) - before;
      await pause(100);
    }
    const ms = performance.now() - begun;
    for (const { socket } of held) socket.destroy();
    report('L3', `engine ${engine}: ${cut} answers that nobody read cut after ${ms.toFixed(0)} ms`);
    expect(cut).toBe(held.length);
    expect(ms).toBeLessThan(LIMIT_MS + 1_500);
  });

  /** One attack, and the slowest hundredth of what an honest client waited meanwhile, in milliseconds. */
  async function attacked(name: string, options: readonly string[]): Promise<number> {
    const honest = honestClient(edge.port);
    const memory = edge.memory;
    const begun = performance.now();
    const rows: number[][] = [];
    // It ends when we have closed all of its connections: then it begins again.
    do
      rows.push(
        ...(await slowhttptest(edge.port, name === 'slow reading' ? '/?bytes=1000000' : '/', options)),
      );
    while (performance.now() - begun < SECONDS * 1_000);
    const seconds = (performance.now() - begun) / 1_000;
    const { times, failures } = await honest.stop();
    const p99 = percentile(times, 0.99);
    const grown = edge.memory - memory;
    // Seconds, closed, pending, connected, available.
    const most = Math.max(...rows.map((row) => row[3] ?? 0));
    const closed = Math.max(...rows.map((row) => row[1] ?? 0));
    report(
      'L3',
      `${name}, engine ${engine}, seed ${SEED}: ${most} connections at most, ${closed} closed; in ${seconds.toFixed(0)} s, honest client ${times.length} answers, ${failures.length} failures, p99 ${p99.toFixed(0)} ms; memory ${(grown / 2 ** 20).toFixed(1)} MiB`,
    );
    expect(failures).toEqual([]);
    expect(grown).toBeLessThan(MEMORY);
    expect(times.length).toBeGreaterThan(seconds * 4);
    expect(most + closed).toBeGreaterThan(SOCKETS * 0.8);
    return p99;
  }

  it.skipIf(lacking.length > 0).sequential.each([
    ['slow heads', ['-H', '-i', '1', '-x', '24']],
    ['slow bodies', ['-B', '-i', '1', '-s', '8192', '-x', '10']],
    ['slow reading', ['-X', '-w', '256', '-y', '512', '-n', '1', '-z', '32', '-k', '3']],
  ] as const)(
    `%s by slowhttptest: ${SOCKETS} connections for ${SECONDS} s, an honest client does not notice${needs}`,
    async (name, options) => {
      // What we do to others we do each time; what others on this machine do to them comes and goes.
      let best = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < (LONG ? 1 : 3) && best >= HONEST_P99_MS; tries++)
        best = Math.min(best, await attacked(name, options));
      expect(best).toBeLessThan(HONEST_P99_MS);
    },
  );
});
