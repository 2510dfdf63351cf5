import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { root } from '../../support/root.ts';
import { runningProcesses } from '../../support/processes.ts';
import { dnsperf } from '../dns/support/tools.ts';
import type { PerfReport } from '../dns/support/tools.ts';
import { Client } from './support/client.ts';
import { ENGINES, sized, startEdge } from './support/edge.ts';
import type { EdgeOptions, EdgeUnderTest } from './support/edge.ts';
import { failed, hey, wrk } from './support/load.ts';
import type { Load } from './support/load.ts';
import { OriginProcess } from './support/origins.ts';
import { report } from './support/report.ts';
import { missing } from './support/tools.ts';

// L13: the program itself is replaced under load, by SIGUSR2.

const SECONDS = sized(6, 60);
const PER_SECOND = 1_000;
const QUERIES_PER_SECOND = 500;
const HOST = 'a.test';
const lacking = missing('hey', 'wrk', 'dnsperf');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

/** Which process is told to be the one that serves. */
const pidIn = (path: string): number => Number(readFileSync(path, 'utf8'));
const runs = (pid: number): boolean => runningProcesses().some((p) => p.pid === pid);

describe.skipIf(process.platform !== 'linux').each(ENGINES)(`L13: upgrade, engine %s`, (engine) => {
  const cleanup: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  const start = async (options: EdgeOptions = {}): Promise<{ edge: EdgeUnderTest; pidFile: string }> => {
    const origin = await OriginProcess.start();
    cleanup.push(() => origin.close());
    const pidFile = join(mkdtempSync(join(tmpdir(), 'rimrock-upgrade-')), 'pid');
    cleanup.push(() => rmSync(dirname(pidFile), { recursive: true }));
    const edge = await startEdge({
      engine,
      services: { [HOST]: [origin.address] },
      ...options,
      dns: { engine, workers: 2 },
      lb: { workers: 2, ...options.lb },
      upgrade: { pidFile, ...options.upgrade },
    });
    cleanup.push(() => edge.close());
    return { edge, pidFile };
  };

  /** Has the process that serves replaced; resolves to the milliseconds until the new one serves, and the old one is gone. */
  const upgrade = async (pidFile: string): Promise<{ readyMs: number; goneMs: number; pid: number }> => {
    const old = pidIn(pidFile);
    const begun = performance.now();
    process.kill(old, 'SIGUSR2');
    await eventually('another process to serve', () => pidIn(pidFile) !== old, { timeoutMs: 60_000 });
    const readyMs = performance.now() - begun;
    await eventually('the old process to be gone', () => !runs(old), { timeoutMs: 30_000 });
    return { readyMs, goneMs: performance.now() - begun, pid: pidIn(pidFile) };
  };

  it.skipIf(lacking.length > 0)(
    `two upgrades under load, ${SECONDS} s of it: nothing fails, over HTTP and DNS${needs}`,
    async () => {
      const { edge, pidFile } = await start();
      expect(pidIn(pidFile)).toBe(edge.running.pid);
      const target = { port: edge.port, host: HOST, seconds: SECONDS };
      const rate = ['-Q', String(QUERIES_PER_SECOND), '-l', String(SECONDS), '-t', '5'];
      const rounds: { readonly steady: Load; readonly most: Load; readonly dns: PerfReport }[] = [];
      const over = new AbortController();
      const load = (async () => {
        // Again, where two upgrades take longer than that.
        do {
          const [steady, most, dns] = await Promise.all([
            hey({ ...target, connections: 20, perSecond: PER_SECOND }),
            wrk({ ...target, connections: 4 }),
            dnsperf(edge.site.ports.dns, ['mesos SOA', 'ns1.mesos A'], ...rate),
          ]);
          rounds.push({ steady, most, dns });
        } while (!over.signal.aborted);
      })();
      const first = await upgrade(pidFile);
      const code = await edge.running.gone;
      const second = await upgrade(pidFile);
      over.abort();
      await load;
      const sum = (f: (round: (typeof rounds)[number]) => number): number =>
        rounds.reduce((n, round) => n + f(round), 0);
      const [steady, most, asked] = [
        sum((r) => r.steady.sent),
        sum((r) => r.most.sent),
        sum((r) => r.dns.sent),
      ];
      const codes = rounds.flatMap((r) => [...r.dns.codes.keys()]);
      report(
        'L13',
        `engine ${engine}: ${rounds.length} × ${SECONDS} s, upgrades took ${first.readyMs.toFixed(0)} and ${second.readyMs.toFixed(0)} ms until ready, ${first.goneMs.toFixed(0)} and ${second.goneMs.toFixed(0)} until the old one was gone; ` +
          `hey ${steady} requests, ${sum((r) => failed(r.steady))} failed, p99 ${rounds.map((r) => r.steady.p99Ms.toFixed(0)).join(', ')} ms; wrk ${most}, ${sum((r) => failed(r.most))} failed; ` +
          `DNS ${asked} sent, ${sum((r) => r.dns.lost)} lost (${[...new Set(codes)].join(', ')})`,
      );
      expect(code).toBe(0);
      for (const { steady: one, most: other, dns } of rounds) {
        expect(failed(one), one.text).toBe(0);
        expect(failed(other), other.text).toBe(0);
        expect(dns.lost, dns.text).toBe(0);
      }
      expect(new Set(codes)).toEqual(new Set(['NOERROR']));
      expect(steady).toBeGreaterThan(PER_SECOND * SECONDS * 0.3);
      expect(most).toBeGreaterThan(100);
      expect(asked).toBeGreaterThan(QUERIES_PER_SECOND * SECONDS * 0.5);
      // The numbers are those of the process that serves: it has not counted what its predecessors did.
      expect(await edge.metric('rimrock_lb_requests_total')).toBeLessThan(steady + most);
    },
  );

  it('a new process that fails, or is not ready in time, leaves the old one in service', async () => {
    const { edge, pidFile } = await start({ upgrade: { readyMs: 1_000 } });
    const client = new Client(edge.port, HOST);
    cleanup.push(() => client.close());
    const config = join(edge.site.data, 'edge.yaml');
    const good = readFileSync(config, 'utf8');
    const says = (text: string): Promise<boolean> =>
      eventually(text, () => edge.running.output().includes(text), { timeoutMs: 40_000 });

    writeFileSync(config, good.replace('"masters"', '"nonsense"'));
    process.kill(edge.running.pid, 'SIGUSR2');
    await says('the upgrade has failed; this process goes on');
    expect((await client.ask()).status).toBe(200);

    // One that never hears of the cluster never gets to answer.
    const [silent] = await freePorts(1);
    writeFileSync(config, good.replace(/"masters":\["[^"]*"\]/, `"masters":["127.0.0.1:${silent}"]`));
    process.kill(edge.running.pid, 'SIGUSR2');
    await says('is not ready in time and is ended');
    const ended = eventually(
      'the new process to be gone',
      () => edge.running.output().split('the upgrade has failed; this process goes on').length === 3,
      { timeoutMs: 40_000 },
    );
    for (let i = 0; i < 50; i++) expect((await client.ask()).status).toBe(200);
    await ended;
    expect(pidIn(pidFile)).toBe(edge.running.pid);

    // Nothing is left of them that would be in the way of the next one.
    writeFileSync(config, good.replace('"readyMs":1000', '"readyMs":30000'));
    process.kill(edge.running.pid, 'SIGHUP');
    await says('needs a restart: upgrade.readyMs');
  });

  it('fewer threads than before take over all sockets, more of them share', async () => {
    const { edge, pidFile } = await start({ lb: { workers: 3 } });
    const config = join(edge.site.data, 'edge.yaml');
    const good = readFileSync(config, 'utf8');
    for (const workers of [1, 3]) {
      writeFileSync(config, good.replaceAll(/"workers":\d/g, `"workers":${workers}`));
      await upgrade(pidFile);
      // Each by a connection of its own: the kernel spreads them over all sockets there are.
      for (let i = 0; i < 60; i++) {
        const client = new Client(edge.port, HOST);
        expect((await client.ask()).status).toBe(200);
        client.close();
      }
      const { planes } = (await (await fetch(`${edge.admin}/planes`)).json()) as { planes: unknown[] };
      expect(planes).toHaveLength(workers);
    }
  });

  it('sessions of TLS are resumed by the next process, whose certificate is another one', async () => {
    const [https = 0] = await freePorts(1);
    const { pidFile } = await start({
      lb: { https: { host: '127.0.0.1', port: https }, tls: { selfSigned: ['localhost'] } },
    });
    const session = (await handshake(https)).session;
    expect((await handshake(https, session)).resumed).toBe(true);
    await upgrade(pidFile);
    expect((await handshake(https, session)).resumed).toBe(true);
  });
});

describe.skipIf(missing('systemd-socket-activate').length > 0)(
  'sockets that systemd has opened (needs systemd-socket-activate)',
  () => {
    it.each(ENGINES)('engine %s: are served instead of opening others', async (engine) => {
      const origin = await OriginProcess.start();
      const edge = await startEdge({ engine, services: { [HOST]: [origin.address] } });
      const config = join(edge.site.data, 'edge.yaml');
      const { http, admin } = edge.site.ports;
      await edge.running.interrupt();
      const addresses = [http, admin].flatMap((port) => ['-l', `127.0.0.1:${port}`]);
      const command = [process.execPath, 'bin/rimrock.mjs', 'edge', '--config', config];
      const environment = `RIMROCK_TEST_SITE=${edge.site.data}`;
      const activator = spawn('systemd-socket-activate', [...addresses, '-E', environment, ...command], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      try {
        let output = '';
        const hear = (piece: Buffer): void => void (output += piece.toString());
        activator.stdout.on('data', hear);
        activator.stderr.on('data', hear);
        await eventually('systemd to listen', () => output.split('Listening on').length === 3);
        const client = new Client(http, HOST);
        // The first request has the program started, and waits for it.
        await eventually('an answer', async () => (await client.ask()).status === 200, { timeoutMs: 30_000 });
        client.close();
        expect(output).toContain('takes over sockets that are bound already');
        expect((await fetch(`${edge.admin}/metrics`)).status).toBe(200);
      } finally {
        activator.kill('SIGTERM');
        await edge.close();
        await origin.close();
      }
    });
  },
);

/** One over TLS 1.2, where the ticket comes with the handshake. */
function handshake(
  port: number,
  session?: Buffer,
): Promise<{ readonly session: Buffer; readonly resumed: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
      ...(session === undefined ? {} : { session }),
    });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve({ session: socket.getSession() ?? Buffer.alloc(0), resumed: socket.isSessionReused() });
      socket.destroy();
    });
  });
}
