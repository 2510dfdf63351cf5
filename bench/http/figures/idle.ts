import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, table } from '../../support/figure.ts';
import type { Figure, Finding } from '../../support/figure.ts';
import { memory } from '../../support/machine.ts';
import { canSpeakTls, whileIdle } from '../client.ts';
import type { Edge } from '../edge.ts';
import { wrk } from '../load.ts';
import { startNginx } from '../peers.ts';
import type { Proxy } from '../peers.ts';
import { HOST, WARM_UP_SECONDS, onStage } from '../stage.ts';
import { OURS } from './requests.ts';

const CONNECTIONS = 10_000;
const MOST_KIB = 12;
/** Until buffers are given back and garbage is collected. */
const SETTLE_MS = 5_000;

/** Resident memory of a connection that stays open after one request. */
export const idle: Figure = {
  name: 'idle',
  run: () =>
    onStage(async (stage) => {
      const proxies = [await stage.edge(), ...(await stage.peers(startNginx))];
      const rows: string[][] = [];
      const findings: Finding[] = [];
      for (const spoken of ['http', 'https'] as const) {
        const what = `memory of an idle ${spoken === 'http' ? 'plain' : 'TLS'} connection, of ${CONNECTIONS.toLocaleString('en')}`;
        for (const proxy of proxies) {
          const ours = proxy.name === OURS;
          const each = await memoryOfOne(proxy, spoken);
          if (typeof each === 'number') {
            rows.push([proxy.name, spoken, each.toFixed(1)]);
            if (ours) findings.push(atMost(what, each, MOST_KIB, ' KiB'));
          } else if (ours)
            findings.push({ what, goal: `≤ ${MOST_KIB} KiB`, measured: each, reached: undefined });
        }
      }
      return {
        findings,
        details: [
          `Resident memory of an idle connection, ${CONNECTIONS.toLocaleString('en')} of them after one request each:`,
          table([['server', 'protocol', 'KiB each'], ...rows]),
        ],
      };
    }),
};

/** KiB, or why not. */
async function memoryOfOne(
  { pid, ports, admin }: Proxy & Partial<Edge>,
  spoken: 'http' | 'https',
): Promise<number | string> {
  const port = ports[spoken];
  if (port === undefined) return 'not there yet: TLS';
  if (spoken === 'https' && !canSpeakTls()) return 'not measured: no headers of OpenSSL';
  await wrk({ url: `${spoken}://127.0.0.1:${port}`, host: HOST, path: '/1k', seconds: WARM_UP_SECONDS });
  await sleep(SETTLE_MS);
  const before = memory(pid).rssMiB;
  const tls = spoken === 'https';
  return whileIdle({ port, host: HOST, connections: CONNECTIONS, tls }, async () => {
    await sleep(SETTLE_MS);
    if (admin !== undefined) await allThere(admin);
    return ((memory(pid).rssMiB - before) * 1024) / CONNECTIONS;
  });
}

/** What was closed meanwhile costs nothing. */
async function allThere(admin: number): Promise<void> {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const open = Number(/^rimrock_lb_client_connections (\d+)/m.exec(text)?.[1]);
  if (!(open >= CONNECTIONS)) throw new Error(`only ${open} of ${CONNECTIONS} connections are still open`);
}
