import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, table } from '../../support/figure.ts';
import type { Figure, Finding } from '../../support/figure.ts';
import { ALL_CORES, cpuByThread } from '../../support/machine.ts';
import { percentile } from '../../support/statistics.ts';
import { pace } from '../client.ts';
import type { PaceReport } from '../client.ts';
import { added, hostOf, loopback, moved, plainApps } from '../cluster.ts';
import type { Instance } from '../cluster.ts';
import type { Edge } from '../edge.ts';
import type { Master } from '../master.ts';
import { untilServed } from '../open.ts';
import { ROUTES, onStage } from '../stage.ts';
import type { Stage } from '../stage.ts';

const RATE = 5_000;
const CHANGES = 300;
const EVERY_MS = 30;
/** The system gives each of these to a plane by its port: that all go to the same one is as likely as 1 in 30,000. */
const CONNECTIONS = 16;
const PLANES = 2;
const MANY = 10_000;
const HOST = hostOf('moving');
/** The address of generation 0; the client knows generations by addresses. */
const FIRST = 0x03_00_00;

/**
 * From the master's event until every plane routes by it, seen from outside: an instance moves from address to address, and each
 * of several connections must get its answer from the new one. Then many services at once, whose coming the others must not feel.
 */
export const changes: Figure = {
  name: 'changes',
  run: () =>
    onStage(async (stage) => {
      const labels = { HAPROXY_0_VHOST: HOST };
      const instance = { app: 'moving', number: 1, ip: loopback(FIRST), port: stage.origin.port, labels };
      const master = await stage.master([...stage.instances(), instance]);
      const edge = await stage.edgeOf(master, { cores: ALL_CORES, planes: PLANES });
      await untilServed(edge.ports.http ?? 0, HOST);
      const one = await oneByOne(edge, master, instance);
      const many = await atOnce(edge, master, stage);
      return { findings: [...one.findings, ...many.findings], details: [...one.details, ...many.details] };
    }),
};

interface Part {
  readonly findings: readonly Finding[];
  readonly details: readonly string[];
}

const load = (edge: Edge, seconds: number): Promise<PaceReport> =>
  pace({
    port: edge.ports.http ?? 0,
    host: HOST,
    rate: RATE,
    seconds,
    warmUpSeconds: 2,
    connections: CONNECTIONS,
  });

const nothingFailed = ({ failed, sent }: PaceReport): Finding => ({
  what: `the same: failed requests of ${sent.toLocaleString('en')}`,
  goal: 'none',
  measured: String(failed),
  reached: failed === 0,
});

async function oneByOne(edge: Edge, master: Master, instance: Instance): Promise<Part> {
  const asked = load(edge, (CHANGES * EVERY_MS) / 1000 + 5);
  await sleep(3_000);
  const made = new Map<number, bigint>();
  for (let n = 1; n <= CHANGES; n++) {
    made.set(FIRST + n, master.send(moved({ ...instance, ip: loopback(FIRST + n) }, n)));
    await sleep(EVERY_MS);
  }
  const report = await asked;
  const known = report.seen.filter(({ generation }) => made.has(generation));
  const took = (which: 'firstNs' | 'lastNs'): number[] =>
    known.map((seen) => Number(BigInt(seen[which]) - (made.get(seen.generation) ?? 0n)) / 1e6);
  const row = (name: string, ms: readonly number[]): string[] => [
    name,
    ...[0.5, 0.99, 1].map((p) => percentile(ms, p).toFixed(2)),
  ];
  const all = took('lastNs');
  return {
    findings: [
      atMost(
        `one endpoint's change to every plane routing by it, ${RATE.toLocaleString('en')} requests/s, p99`,
        percentile(all, 0.99),
        20,
        ' ms',
      ),
      {
        what: 'the same: changes that came to all',
        goal: String(CHANGES),
        measured: String(known.length),
        reached: known.length === CHANGES,
      },
      nothingFailed(report),
    ],
    details: [
      `${CHANGES} changes, one every ${EVERY_MS} ms, from the master's event to an answer of the new address on ${CONNECTIONS} connections (each asked every ${((1000 * CONNECTIONS) / RATE).toFixed(1)} ms); ${PLANES} planes and the load share ${ALL_CORES === '0-1' ? 'two cores' : 'all cores'}; p99 latency of the requests ${report.ms.p99} ms, worst ${report.ms.worst} ms:`,
      table([
        ['milliseconds', 'p50', 'p99', 'worst'],
        row('first connection that sees it', took('firstNs')),
        row('all connections see it', all),
      ]),
    ],
  };
}

async function atOnce(edge: Edge, master: Master, stage: Stage): Promise<Part> {
  const asked = load(edge, 12);
  await sleep(4_000);
  const apps = plainApps(MANY, stage.origin.port, ROUTES);
  const threads = cpuByThread(edge.pid);
  const made = master.send(...apps.map(added));
  await untilServed(edge.ports.http ?? 0, hostOf(`app-${ROUTES + MANY - 1}`));
  const seconds = Number(process.hrtime.bigint() - made) / 1e9;
  const cpu = [...cpuByThread(edge.pid)]
    .map(([name, us]) => ({ name, s: (us - (threads.get(name) ?? 0)) / 1e6 }))
    .filter(({ s }) => s >= 0.01)
    .map(({ name, s }) => `${name} ${s.toFixed(2)}`)
    .join(', ');
  const report = await asked;
  return {
    findings: [
      {
        ...nothingFailed(report),
        what: `${MANY.toLocaleString('en')} new services at once: failed requests`,
      },
    ],
    details: [
      `${MANY.toLocaleString('en')} new services at once: the last of them was served after ${seconds.toFixed(2)} s (CPU seconds by thread, with ${RATE.toLocaleString('en')} requests/s: ${cpu}); other requests meanwhile: p99 ${report.ms.p99} ms, p99.9 ${report.ms.p999} ms, worst ${report.ms.worst} ms; the client itself was late by ${report.behindMs} ms at most.`,
    ],
  };
}
