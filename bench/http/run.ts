/**
 * CPU time per proxied request, side by side: `npm run bench:http [-- rounds seconds]`.
 *
 * Every proxy runs alone on core 0 in front of the same origin on core 1, where wrk makes the load too. Rounds go
 * through all proxies in turn, so that a change of the machine's mood meets all of them; the table has medians. CPU
 * time (user and system, from /proc/PID/stat) per request is the figure: unlike requests per second it does not depend
 * on who else uses the machine.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { availablePeers } from './peers.ts';
import type { Peer } from './peers.ts';

const rounds = Number(process.argv[2] ?? 3);
const seconds = Number(process.argv[3] ?? 3);
const CONNECTIONS = 64;
const [PROXY_CORE, LOAD_CORE] = ['0', '1'];
const children: ChildProcess[] = [];
/** The kernel counts CPU time in these. */
const tickMicros = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

const installed = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

function pinned(core: string, command: readonly string[]): ChildProcess {
  const child = spawn('taskset', ['-c', core, ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

async function untilOpen(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('connect', () => socket.destroy());
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}

/** User and system time of a process so far, microseconds. */
function cpu(pid: number): { user: number; system: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { user: Number(fields[11]) * tickMicros, system: Number(fields[12]) * tickMicros };
}

interface Result {
  readonly micros: number;
  readonly user: number;
  readonly rate: number;
  readonly rssMb: number;
}

async function measure(pid: number, port: number): Promise<Result> {
  const load = (s: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = spawn('taskset', [
        '-c',
        LOAD_CORE,
        'wrk',
        '-t1',
        `-c${CONNECTIONS}`,
        `-d${s}`,
        `http://127.0.0.1:${port}/`,
      ]);
      let out = '';
      child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
      child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`wrk: ${out}`))));
    });
  await load(1);
  const before = cpu(pid);
  const out = await load(seconds);
  const after = cpu(pid);
  const requests = Number(/(\d+) requests in/.exec(out)?.[1] ?? 0);
  const bad = /Non-2xx.*|Socket errors.*/.exec(out)?.[0];
  if (requests === 0 || bad !== undefined) throw new Error(`no sound measurement: ${bad ?? out}`);
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    micros: (after.user + after.system - before.user - before.system) / requests,
    user: (after.user - before.user) / requests,
    rate: requests / seconds,
    rssMb: Number(rss) / 1024,
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function main(): Promise<void> {
  for (const tool of ['wrk', 'taskset']) if (!installed(tool)) throw new Error(`${tool} is not installed`);
  const originPort = await freePort();
  pinned(LOAD_CORE, [process.execPath, join(import.meta.dirname, 'origin.ts'), String(originPort)]);
  await untilOpen(originPort);
  const { peers, skipped } = availablePeers(installed);
  const running: { peer: Peer; port: number; pid: number; results: Result[] }[] = [];
  for (const peer of peers) {
    const port = await freePort();
    const child = pinned(PROXY_CORE, peer.command(port, originPort));
    await untilOpen(port);
    // taskset replaces itself by the program: the pid is the proxy's own.
    running.push({ peer, port, pid: child.pid ?? 0, results: [] });
  }
  for (let round = 0; round < rounds; round++)
    for (const r of running) r.results.push(await measure(r.pid, r.port));
  const of = (name: string): number =>
    median(running.find((r) => r.peer.name === name)?.results.map((x) => x.micros) ?? []);
  const ratio = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(2));
  console.table(
    Object.fromEntries(
      running.map(({ peer, results }) => {
        const micros = median(results.map((r) => r.micros));
        return [
          peer.name,
          {
            'CPU µs/request': Number(micros.toFixed(1)),
            'user µs': Number(median(results.map((r) => r.user)).toFixed(1)),
            '× nginx': ratio(micros / of('nginx')),
            '× haproxy': ratio(micros / of('haproxy')),
            'requests/s': Math.round(median(results.map((r) => r.rate))),
            'RSS MB': Math.round(median(results.map((r) => r.rssMb))),
          },
        ];
      }),
    ),
  );
  console.log(
    `1 KiB answers, ${CONNECTIONS} keep-alive connections, median of ${rounds} rounds of ${seconds} s`,
  );
  if (skipped.length > 0) console.log(`not installed, skipped: ${skipped.join(', ')}`);
}

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGTERM');
}
