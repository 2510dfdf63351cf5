import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { questions } from './cluster.ts';

// CPU time per DNS query, ours beside Knot (else dnsmasq) in the same run: node bench/dns/run.ts [tasks] [seconds] [rounds].
// Servers run on core 0, dnsperf on core 1; CPU time is the server's own, from /proc/PID/stat.
const [tasks = 1000, seconds = 5, rounds = 3] = process.argv.slice(2).map(Number);
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'rimrock-bench-dns-'));
const port = 20_000 + (process.pid % 10_000);
const TICK_US = 10_000; // USER_HZ is 100 on every Linux that Node runs on

interface Server {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
}
interface Result {
  readonly qps: number;
  readonly usPerQuery: number;
  readonly lost: number;
}

function start(name: string, at: number, command: readonly string[]): Server {
  const child = spawn('taskset', ['-c', '0', ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  return { name, port: at, process: child };
}

async function startOurs(): Promise<Server> {
  const script = join(import.meta.dirname, 'server.ts');
  const ours = start('rimrock (portable)', port, [
    process.execPath,
    script,
    String(port),
    String(tasks),
    zoneFile,
  ]);
  if (ours.process.stdout) await once(ours.process.stdout, 'data');
  return ours;
}

/** A peer that serves the same records, or undefined when none is installed. */
function startPeer(): Server | undefined {
  const at = port + 1;
  if (existsSync('/usr/sbin/knotd')) {
    const config = join(folder, 'knot.conf');
    writeFileSync(
      config,
      [
        `server:\n  listen: 127.0.0.1@${at}\n  rundir: ${folder}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1`,
        `database:\n  storage: ${folder}`,
        `log:\n  - target: stderr\n    any: error`,
        `zone:\n  - domain: mesos\n    file: ${zoneFile}\n    storage: ${folder}\n    zonefile-sync: -1`,
      ].join('\n'),
    );
    return start('knot, one UDP worker', at, ['/usr/sbin/knotd', '-c', config]);
  }
  if (!existsSync('/usr/sbin/dnsmasq')) return undefined;
  const config = join(folder, 'dnsmasq.conf');
  const records = readFileSync(zoneFile, 'utf8').split('\n').flatMap(dnsmasqLine);
  writeFileSync(config, ['local=/mesos/', ...records].join('\n'));
  const options = ['-k', '-R', '-h', '-C', config, '-p', String(at), '-a', '127.0.0.1', '--bind-interfaces'];
  return start('dnsmasq', at, ['/usr/sbin/dnsmasq', ...options]);
}

function dnsmasqLine(line: string): string[] {
  const [name = '', type, ...rest] = line.split(' ');
  const bare = name.replace(/\.$/, '');
  if (type === 'A') return [`host-record=${bare},${rest[0]}`];
  return type === 'SRV' ? [`srv-host=${bare},${rest[3]?.replace(/\.$/, '')},${rest[2]},0,1`] : [];
}

/** User and system time of a process with all its threads, microseconds. */
function cpuUs(server: Server): number {
  const stat = readFileSync(`/proc/${server.process.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

async function measure(server: Server, forSeconds: number): Promise<Result> {
  const load = [
    '-s',
    '127.0.0.1',
    '-p',
    String(server.port),
    '-d',
    queryFile,
    '-l',
    String(forSeconds),
    '-c',
    '4',
    '-q',
    '200',
  ];
  const before = cpuUs(server);
  const { stdout } = await run('taskset', ['-c', '1', 'dnsperf', ...load]);
  const cpu = cpuUs(server) - before;
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  const completed = number(/Queries completed:\s+(\d+)/);
  const found = number(/NOERROR \d+ \((\d+)/);
  if (found !== 90)
    throw new Error(`${server.name} answers ${found} % of the questions, not 90 %:\n${stdout}`);
  return { qps: completed / forSeconds, usPerQuery: cpu / completed, lost: number(/Queries lost:\s+(\d+)/) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const zoneFile = join(folder, 'mesos.zone');
const queryFile = join(folder, 'queries');
writeFileSync(queryFile, questions(tasks, 20_000));
const servers: Server[] = [];
try {
  servers.push(await startOurs());
  const peer = startPeer();
  if (peer) servers.push(peer);
  else console.log('no peer is installed (apt-get install knot, or dnsmasq): measuring ourselves alone');
  await wait(2_000);
  const results = new Map<Server, Result[]>(servers.map((s) => [s, []]));
  for (const server of servers) await measure(server, 2); // warm up
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) results.get(server)?.push(await measure(server, seconds));
  }
  const base = median(results.get(servers.at(-1) as Server)?.map((r) => r.usPerQuery) ?? []);
  console.log(
    `${tasks} tasks, 60 % A, 30 % SRV, 10 % NXDOMAIN, UDP, one core, medians of ${rounds} rounds of ${seconds} s`,
  );
  console.table(
    [...results].map(([server, rs]) => {
      const us = median(rs.map((r) => r.usPerQuery));
      return {
        server: server.name,
        'µs CPU/query': Number(us.toFixed(2)),
        'queries/s': Math.round(median(rs.map((r) => r.qps))),
        lost: median(rs.map((r) => r.lost)),
        [`÷ ${servers.at(-1)?.name ?? ''}`]: Number((us / base).toFixed(2)),
      };
    }),
  );
} finally {
  for (const { process: child } of servers) {
    if (child.exitCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}
