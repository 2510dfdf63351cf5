/**
 * CPU time per request of the two engines, in a plane thread: `node bench/net/run.ts [rounds [seconds [body bytes [names]]]]`. `http` answers
 * itself, `pass` and `relay` carry bytes to an origin; nginx does the last as a stream proxy, where it is installed. Each runs alone
 * on core 0, load and origin on core 1; rounds take turns, and the table has medians of user and system time per request.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const rounds = Number(process.argv[2] ?? 3);
const seconds = Number(process.argv[3] ?? 2);
const bodyBytes = process.argv[4] ?? '1024';
const names = new RegExp(process.argv[5] ?? '');
const CONNECTIONS = 64;
const ORIGIN_PORT = 18_400;
const PORT = 18_401;
const plane = fileURLToPath(new URL('plane-proxy.ts', import.meta.url));
const tickMicros = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const folder = mkdtempSync(join(tmpdir(), 'bench-net-'));

function pinned(core: string, ...command: string[]): ChildProcess {
  return spawn('taskset', ['-c', core, ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function untilOpen(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('connect', () => socket.destroy());
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`nothing listens on port ${port}`);
}

/** User and system time of a process and of its children so far, microseconds. */
function cpu(pid: number): [number, number] {
  const sum: [number, number] = [0, 0];
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  for (const one of [String(pid), ...children]) {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    sum[0] += Number(fields[11]) * tickMicros;
    sum[1] += Number(fields[12]) * tickMicros;
  }
  return sum;
}

function wrk(duration: number): Promise<number> {
  const child = spawn(
    'taskset',
    ['-c', '1', 'wrk', '-t1', `-c${CONNECTIONS}`, `-d${duration}`, `http://127.0.0.1:${PORT}/`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return new Promise((resolve) => {
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
    child.on('close', () => resolve(Number(/(\d+) requests in/.exec(text)?.[1] ?? Number.NaN)));
  });
}

async function measure(command: readonly string[]): Promise<{ user: number; total: number; rate: number }> {
  const child = pinned('0', ...command);
  await untilOpen(PORT);
  await wrk(1);
  const before = cpu(child.pid ?? 0);
  const requests = await wrk(seconds);
  const after = cpu(child.pid ?? 0);
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await closed;
  const [user, system] = [(after[0] - before[0]) / requests, (after[1] - before[1]) / requests];
  return { user, total: user + system, rate: requests / seconds };
}

const node = (engine: string, mode: string): string[] => [
  process.execPath,
  plane,
  engine,
  mode,
  String(PORT),
  String(ORIGIN_PORT),
  bodyBytes,
];
const subjects: Record<string, string[]> = {
  'http, portable': node('portable', 'http'),
  'http, linux': node('linux', 'http'),
  'pass, portable': node('portable', 'pass'),
  'pass, linux': node('linux', 'pass'),
  'relay, linux': node('linux', 'relay'),
};
const nginx = 'nginx';
if (spawnSync('sh', ['-c', `command -v ${nginx}`]).status === 0) {
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit;
    events { worker_connections 1024; }
    http { access_log off; keepalive_requests 1000000000; client_body_temp_path ${folder}; proxy_temp_path ${folder};
      fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
      upstream o { server 127.0.0.1:${ORIGIN_PORT}; keepalive 128; keepalive_requests 1000000000; }
      server { listen 127.0.0.1:${PORT}; location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`,
  );
  subjects['http proxy, nginx'] = [nginx, '-c', config, '-p', folder];
}

const origin = pinned('1', process.execPath, plane, 'linux', 'http', String(ORIGIN_PORT), '0', bodyBytes);
await untilOpen(ORIGIN_PORT);
const results = new Map<string, { user: number; total: number; rate: number }[]>();
for (let round = 0; round < rounds; round++) {
  for (const [name, command] of Object.entries(subjects).filter(([name]) => names.test(name))) {
    results.set(name, [...(results.get(name) ?? []), await measure(command)]);
  }
}
origin.kill('SIGTERM');
rmSync(folder, { recursive: true, force: true });
const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
console.log(`| ${bodyBytes} bytes | µs/request | least | user µs | requests/s |\n|---|---|---|---|---|`);
for (const [name, all] of results) {
  const of = (f: (r: { user: number; total: number; rate: number }) => number): number => median(all.map(f));
  const least = Math.min(...all.map((r) => r.total));
  console.log(
    `| ${name} | ${of((r) => r.total).toFixed(1)} | ${least.toFixed(1)} | ${of((r) => r.user).toFixed(1)} | ${Math.round(of((r) => r.rate))} |`,
  );
}
