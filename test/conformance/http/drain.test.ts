import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ENGINES, sized, startEdge } from './support/edge.ts';
import { failed, heyCount } from './support/load.ts';
import { OriginProcess } from './support/origins.ts';
import { hold } from './support/raw.ts';
import { report } from './support/report.ts';
import { missing } from './support/tools.ts';

// L12: SIGTERM while requests of five seconds, WebSockets and event streams are under way.

const EACH = sized(50, 200);
const TAKES_MS = sized(2_000, 5_000);
const DRAIN_MS = TAKES_MS + 3_000;
const HOST = 'a.test';
const WS_HOST = 'ws.test';
const JUDGE = fileURLToPath(new URL('./judges/websockets_judge.py', import.meta.url));
// Packages of the system are for its own Python.
const PYTHON = '/usr/bin/python3';

function hasWebsockets(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import websockets'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const lacking = [...missing('hey'), ...(hasWebsockets() ? [] : ['python3-websockets'])];
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

interface Ended {
  readonly code?: number;
  readonly reset?: boolean;
  readonly error?: string;
  readonly messages: number;
  readonly at: number;
}

describe.skipIf(lacking.length > 0).concurrent.each(ENGINES)(`L12: drain, engine %s${needs}`, (engine) => {
  const cleanup: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  const python = (...arguments_: readonly string[]): { lines: string[]; child: ChildProcess } => {
    const child = spawn(PYTHON, [JUDGE, ...arguments_], { stdio: ['ignore', 'pipe', 'inherit'] });
    cleanup.push(() => void child.kill('SIGKILL'));
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => void lines.push(line));
    return { lines, child };
  };

  it(`${EACH} requests of ${TAKES_MS} ms, ${EACH} WebSockets, ${EACH} event streams: all end in time, the process with 0`, async () => {
    const origin = await OriginProcess.start();
    cleanup.push(() => origin.close());
    const server = python('server');
    const wsPort = await eventually('the WebSocket server', () => server.lines[0] ?? false);
    const edge = await startEdge({
      engine,
      services: { [HOST]: [origin.address], [WS_HOST]: [`127.0.0.1:${wsPort}`] },
      lb: { timeouts: { drainMs: DRAIN_MS } },
    });
    cleanup.push(() => edge.close());
    const sockets = python('clients', String(edge.port), WS_HOST, String(EACH));
    await eventually('the WebSockets', () => sockets.lines[0] === 'READY', { timeoutMs: 30_000 });
    // As many events as take as long as the requests.
    const streams = Array.from({ length: EACH }, () =>
      hold(edge.port, (s) =>
        s.write(`GET /sse?n=${TAKES_MS / 100}&ms=100 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`),
      ),
    );
    const requests = heyCount({
      port: edge.port,
      host: HOST,
      path: `/?ms=${TAKES_MS}`,
      requests: EACH,
      connections: EACH,
    });
    await eventually(
      'everything to run',
      async () => (await origin.ledger()).running >= 2 * EACH && streams.every((s) => s.received !== ''),
    );
    const begun = performance.now();
    const at = Date.now();
    process.kill(edge.running.pid, 'SIGTERM');
    await eventually(
      'new connections to be refused',
      () =>
        new Promise<boolean>((resolve) => {
          const socket = connect({ host: '127.0.0.1', port: edge.port });
          socket.on('connect', () => {
            socket.destroy();
            resolve(false);
          });
          socket.on('error', () => resolve(true));
        }),
      { everyMs: 5 },
    );
    const refusedAfter = performance.now() - begun;
    const code = await edge.running.gone;
    const goneAfter = performance.now() - begun;
    const load = await requests;
    await Promise.all(streams.map((s) => s.closed));
    const ended = JSON.parse(
      await eventually('the end of the WebSockets', () => sockets.lines[1] ?? false, { timeoutMs: 20_000 }),
    ) as Ended[];
    const whole = streams.filter((s) => s.received.endsWith('0\r\n\r\n')).length;
    const early = ended.filter((e) => e.at * 1_000 - at < DRAIN_MS).length;
    const codes = new Map<string, number>();
    for (const e of ended) {
      const how = e.error ?? (e.reset ? 'reset' : String(e.code ?? 'no close frame'));
      codes.set(how, (codes.get(how) ?? 0) + 1);
    }
    report(
      'L12',
      `engine ${engine}: refuses after ${refusedAfter.toFixed(0)} ms, exit ${code} after ${goneAfter.toFixed(0)} ms (deadline ${DRAIN_MS}); requests ${load.sent}, ${failed(load)} failed; ` +
        `event streams ${whole} of ${EACH} whole; WebSockets ${ended.length}: ${JSON.stringify([...codes])}, ${early} ended before the deadline`,
    );
    expect(failed(load), load.text).toBe(0);
    expect(load.sent).toBe(EACH);
    expect(whole).toBe(EACH);
    expect(code).toBe(0);
    expect(refusedAfter).toBeLessThan(500);
    expect(goneAfter).toBeLessThan(DRAIN_MS + 2_000);
    expect(ended).toHaveLength(EACH);
    // Each is told before the deadline that we go away.
    expect(ended.filter((e) => e.reset || e.error !== undefined || e.code !== 1001)).toEqual([]);
    expect(Math.min(...ended.map((e) => e.messages))).toBeGreaterThan(2);
  });
});
