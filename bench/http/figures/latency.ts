import { atMost, table } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { LOAD_CORE, SERVER_CORE, coreUs } from '../../support/machine.ts';
import { median, medianRatio, shuffled } from '../../support/statistics.ts';
import { pace } from '../client.ts';
import type { PaceReport } from '../client.ts';
import { wrk } from '../load.ts';
import { startHaproxy, startNginx } from '../peers.ts';
import type { Proxy } from '../peers.ts';
import { HOST, WARM_UP_SECONDS, onStage } from '../stage.ts';
import { OURS } from './requests.ts';

const CONNECTIONS = 64;
/** At 70 % of the peak a stall of 20 ms makes a queue that takes 60 ms to go: what happens once must not decide. */
const SLICES_PER_ROUND = 4;
/** Of a slice, so much does not count. */
const SETTLING_SECONDS = 0.5;
/** A wait that no queue of requests explains. */
const STALL_MS = 5;

interface Slice extends PaceReport {
  /** Shares of the cores that were not idle, whoever took them. */
  readonly serverBusy: number;
  readonly loadBusy: number;
}

async function slice({ name, ports }: Proxy, rate: number, seconds: number): Promise<Slice> {
  const before = [coreUs(SERVER_CORE), coreUs(LOAD_CORE)] as const;
  const report = await pace({
    port: ports.http ?? 0,
    host: HOST,
    rate,
    seconds: seconds + SETTLING_SECONDS,
    warmUpSeconds: SETTLING_SECONDS,
    connections: CONNECTIONS,
  });
  if (report.failed > 0) throw new Error(`${name}: ${report.failed} requests failed`);
  const after = [coreUs(SERVER_CORE), coreUs(LOAD_CORE)] as const;
  const busy = (at: 0 | 1): number => (after[at].busy - before[at].busy) / (after[at].all - before[at].all);
  return { ...report, serverBusy: busy(0), loadBusy: busy(1) };
}

/** The figures of each server's slices, those at the same place taken one after the other. */
async function measure(
  proxies: readonly Proxy[],
  { rate, slices, seconds }: { readonly rate: number; readonly slices: number; readonly seconds: number },
): Promise<ReadonlyMap<string, readonly Slice[]>> {
  const seen = new Map<string, Slice[]>(proxies.map(({ name }) => [name, []]));
  // Compiled for requests that come one by one, as it was for those that come at once.
  for (const proxy of proxies) await slice(proxy, rate, WARM_UP_SECONDS);
  for (let i = 0; i < slices; i++)
    for (const proxy of shuffled(proxies)) {
      const one = await slice(proxy, rate, seconds);
      seen.get(proxy.name)?.push(one);
      const { p50, p99, worst } = one.ms;
      console.log(
        `  slice ${i + 1}  ${proxy.name.padEnd(28)} p50 ${p50}  p99 ${p99}  worst ${worst} ms` +
          `  cores ${(one.serverBusy * 100).toFixed(0)} %, ${(one.loadBusy * 100).toFixed(0)} %`,
      );
    }
  return seen;
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

function rowOf(name: string, slices: readonly Slice[]): string[] {
  return [
    name,
    ...(['p50', 'p99', 'p999', 'worst'] as const).map((field) =>
      median(slices.map(({ ms }) => ms[field])).toFixed(3),
    ),
    `${slices.filter(({ ms }) => ms.worst >= STALL_MS).length} of ${slices.length}`,
    percent(median(slices.map((s) => s.serverBusy))),
    percent(median(slices.map((s) => s.loadBusy))),
  ];
}

/** How late answers are at 70 % of what nginx can do, asked at a steady pace. */
export const latency: Figure = {
  name: 'latency',
  run: ({ rounds, seconds }) =>
    onStage(async (stage) => {
      const proxies = [await stage.edge(), ...(await stage.peers(startNginx, startHaproxy))];
      const load = (proxy: Proxy | undefined, time: number): ReturnType<typeof wrk> =>
        wrk({ url: `http://127.0.0.1:${proxy?.ports.http}`, host: HOST, path: '/1k', seconds: time });
      const measureOf = proxies.find(({ name }) => name === 'nginx') ?? proxies[0];
      for (const proxy of proxies) await load(proxy, WARM_UP_SECONDS);
      const peak = await load(measureOf, seconds);
      const rate = Math.round(0.7 * peak.perSecond);
      const seen = await measure(proxies, { rate, slices: rounds * SLICES_PER_ROUND, seconds: seconds / 2 });
      const p99 = (name: string): number[] => (seen.get(name) ?? []).map(({ ms }) => ms.p99);
      const perSecond = rate.toLocaleString('en');
      return {
        findings: [
          atMost(
            `p99 latency at 70 % of nginx's peak (${perSecond}/s)`,
            medianRatio(p99(OURS), p99('nginx')),
            1.25,
            ' × nginx',
            ` (${median(p99(OURS)).toFixed(2)} ms)`,
          ),
        ],
        details: [
          `Latency at ${perSecond} requests/s over ${CONNECTIONS} connections, milliseconds from when each was due, medians over slices of ${seconds / 2} s (peak of ${measureOf?.name}: ${Math.round(peak.perSecond).toLocaleString('en')}/s). "Stalled" are slices in which somebody waited for ${STALL_MS} ms or longer, which happens to all of them when the machine does something else for a moment:`,
          table([
            [
              'server',
              'p50',
              'p99',
              'p99.9',
              'worst',
              'stalled',
              'core of servers busy',
              'core of the load busy',
            ],
            ...[...seen].map(([name, slices]) => rowOf(name, slices)),
          ]),
        ],
      };
    }),
};
