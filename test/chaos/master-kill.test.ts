import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { startLoad } from '../support/load.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { has } from '../support/peers.ts';
import type { Running } from '../support/platform.ts';
import { canSeeProcesses, processesMarked } from '../support/processes.ts';
import { Cell, LONG } from './support/cell.ts';

// The master is killed again and again while clients ask DNS and load balancer. Warm: it is started again at once. Cold: after a
// while, when everybody has noticed.

const KILLS = Number(process.env['RIMROCK_CHAOS_KILLS'] ?? (LONG ? 100 : 4));
const REQUESTS_PER_SECOND = LONG ? 500 : 150;
const QUERIES_PER_SECOND = LONG ? 1_000 : 300;
const SLEEPERS = LONG ? 45 : 10;
const SERVERS = LONG ? 5 : 2;
const BACK_WITHIN_MS = 10_000;
const COLD_MS = 3_000;

describe.skipIf(!canSeeProcesses || !has('dnsperf'))(
  'kill -9 of the master (needs /proc and dnsperf)',
  () => {
    let cell: Cell;
    let marathon: Marathon;
    let master: Running;

    beforeAll(async () => {
      cell = await Cell.make();
      master = await cell.master();
      await Promise.all([cell.agent('one'), cell.agent('two', ports(2)), cell.start('marathon')]);
      marathon = new Marathon(cell.site.ports.marathon);
      await cell.registered('one', 'two');
      await marathon.deploy('POST', '/apps', httpApp('served', { instances: SERVERS, mem: 64 }));
      const sleepers = { id: '/sleepers', cmd: cell.forever(), cpus: 0.1, mem: 16, instances: SLEEPERS };
      await marathon.deploy('POST', '/apps', sleepers);
      await marathon.settled(120_000);
      await cell.start('edge');
      await eventually('the servers to be routed', async () => {
        const { json } = await call('GET', `http://127.0.0.1:${cell.site.ports.admin}/routes`);
        const routes = json.routes as { endpoints: { task: string }[] }[];
        return new Set(routes.flatMap((r) => r.endpoints.map((e) => e.task))).size === SERVERS;
      });
      await eventually('the shells to have become what they run', () => cell.pids().length === SLEEPERS);
    });
    afterAll(() => cell.close());

    /** Ports of their own for the second agent of the machine. */
    const ports = (n: number): Record<string, string> => {
      const from = cell.site.ports.tasks + 250 * (n - 1);
      return { 'agent.resources': `cpus:64;mem:65536;disk:65536;ports:[${from}-${from + 249}]` };
    };
    const servers = (): string[] =>
      processesMarked(cell.site.data)
        .filter((p) => p.command.includes('task-server.mjs') && !p.command.startsWith('/bin/sh'))
        .map((p) => String(p.pid))
        .sort();

    it(
      `${KILLS} times, warm and cold: no task is lost or restarted, no request and no query fails, agents are back in time`,
      { timeout: 120_000 + KILLS * 30_000 },
      async () => {
        const before = [...cell.processes(), ...servers()];
        expect(before).toHaveLength(SLEEPERS + SERVERS);
        const load = startLoad({
          port: cell.site.ports.http,
          host: 'served.example.test',
          perSecond: REQUESTS_PER_SECOND,
        });
        const queries = startDnsperf(cell);
        const backMs: number[] = [];
        try {
          for (let kill = 0; kill < KILLS; kill++) {
            await master.kill9();
            // cold: everybody has noticed, and backs off
            if (kill % 2 === 1) await pause(COLD_MS);
            master = await cell.master();
            const ready = performance.now();
            await cell.registered('one', 'two');
            backMs.push(performance.now() - ready);
            await eventually('the master to know all tasks', async () => (await cell.running()).length, {
              timeoutMs: 30_000,
              accept: (n) => n === SLEEPERS + SERVERS,
            });
            await eventually(
              'Marathon to be back',
              async () => (await cell.state()).frameworks.some((f) => f.name === 'marathon' && f.connected),
              { timeoutMs: 30_000 },
            );
            expect([...cell.processes(), ...servers()]).toEqual(before);
          }
        } finally {
          await queries.stop();
        }
        const traffic = await load.stop();
        const dns = await queries.stop();
        const slowest = Math.max(...backMs);
        console.log(
          `${KILLS} kills: ${traffic.sent} requests at ${traffic.rate.toFixed(0)}/s, slowest ${traffic.slowestMs.toFixed(0)} ms; ` +
            `${dns.sent} queries at ${dns.perSecond.toFixed(0)}/s, ${dns.lost} lost, ${JSON.stringify(dns.codes)}; agents back after at most ${slowest.toFixed(0)} ms`,
        );
        expect(Object.fromEntries(traffic.failures)).toEqual({});
        expect(traffic.rate).toBeGreaterThan(REQUESTS_PER_SECOND * 0.9);
        expect(dns.lost).toBe(0);
        expect(Object.keys(dns.codes)).toEqual(['NOERROR']);
        expect(dns.perSecond).toBeGreaterThan(QUERIES_PER_SECOND * 0.5);
        expect(slowest).toBeLessThan(BACK_WITHIN_MS);
        expect(cell.twice()).toEqual([]);
        expect(await marathon.runningTasks('sleepers')).toHaveLength(SLEEPERS);
      },
    );
  },
);

interface DnsReport {
  readonly sent: number;
  readonly lost: number;
  readonly perSecond: number;
  /** Answers by response code. */
  readonly codes: Readonly<Record<string, number>>;
}

/** dnsperf, which we did not write, asks for one name until it is told to stop. */
function startDnsperf(cell: Cell): { stop(): Promise<DnsReport> } {
  const file = join(cell.site.data, 'queries');
  writeFileSync(file, 'served.marathon.mesos A\n_served._tcp.marathon.mesos SRV\n');
  const words = ['-s', '127.0.0.1', '-p', String(cell.site.ports.dns), '-d', file, '-l', '86400'];
  const running = promisify(execFile)('dnsperf', [
    ...words,
    '-Q',
    String(QUERIES_PER_SECOND),
    '-c',
    '4',
    '-q',
    '200',
  ]);
  let report: Promise<DnsReport> | undefined;
  const read = async (): Promise<DnsReport> => {
    running.child.kill('SIGINT'); // it waits for what is open, and reports
    const { stdout } = await running.catch((error: { stdout: string }) => error);
    const number = (line: RegExp): number => Number(line.exec(stdout)?.[1]);
    const codes = /Response codes:\s+(.*)/.exec(stdout)?.[1] ?? '';
    return {
      sent: number(/Queries sent:\s+(\d+)/),
      lost: number(/Queries lost:\s+(\d+)/),
      perSecond: number(/Queries per second:\s+([\d.]+)/),
      codes: Object.fromEntries([...codes.matchAll(/(\w+) (\d+)/g)].map((m) => [m[1], Number(m[2])])),
    };
  };
  return { stop: () => (report ??= read()) };
}
