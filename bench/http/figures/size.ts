import { atMost } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { Rounds } from '../../support/rounds.ts';
import { loopback } from '../cluster.ts';
import { wrk } from '../load.ts';
import { untilServed } from '../open.ts';
import { startOrigin } from '../origin.ts';
import { startHaproxy } from '../peers.ts';
import type { Proxy } from '../peers.ts';
import { HOST, INSTANCES, ROUTES, onStage } from '../stage.ts';
import type { Cluster, Stage } from '../stage.ts';

interface Sizes {
  readonly name: string;
  readonly of: 'routes' | 'endpoints';
  readonly large: number;
  readonly small: number;
  readonly cluster: (n: number) => Cluster;
  /** The same with haproxy, to tell what the kernel's part of so many connections is. */
  readonly haproxy?: boolean;
}

/** haproxy over as many endpoints, with an origin of its own: one cannot have so many connections with both. */
async function haproxyOver(stage: Stage, counts: readonly number[]): Promise<Proxy[]> {
  const { port } = stage.keep(await startOrigin());
  const proxies: Proxy[] = [];
  for (const n of counts) {
    const at = Array.from({ length: n }, (_, i) => ({ ip: loopback(0x02_00_01 + i), port }));
    const proxy = await startHaproxy(at);
    if (proxy === undefined) return [];
    stage.keep(proxy);
    await untilServed(proxy.ports.http ?? 0, HOST);
    proxies.push(proxy);
  }
  return proxies;
}

/** What a request costs us in a large cluster and in a small one. */
const size = ({ name, of, large, small, cluster, haproxy = false }: Sizes): Figure => ({
  name,
  run: ({ rounds, seconds }) =>
    onStage(async (stage) => {
      const named = (n: number): string => `${n.toLocaleString('en')} ${of}`;
      const edges: Proxy[] = [];
      for (const n of [small, large]) edges.push({ ...(await stage.edge(cluster(n))), name: named(n) });
      const byHaproxy = (n: number): string => `haproxy, ${named(n)}`;
      const peers = haproxy ? await haproxyOver(stage, [small, large]) : [];
      edges.push(...peers.map((peer, i) => ({ ...peer, name: byHaproxy(i === 0 ? small : large) })));
      const results = await Rounds.run(edges, {
        rounds,
        seconds,
        unit: ['request', 'requests'],
        // Connections to many instances have to be opened first, and are used again after that.
        warmUpSeconds: 8,
        drive: ({ ports }, time) =>
          wrk({ url: `http://127.0.0.1:${ports.http}`, host: HOST, path: '/1k', seconds: time }),
      });
      const us = ` (${results.median(named(large), 'usEach').toFixed(1)} µs)`;
      const ratio = results.ratio(named(large), named(small));
      const what = `CPU per request with ${named(large)}`;
      const unit = ` × that with ${named(small)}`;
      return {
        findings: [
          atMost(what, ratio, 1.05, unit, us),
          ...(peers.length === 0
            ? []
            : [
                {
                  what: 'the same of haproxy, which takes them in turn',
                  goal: '',
                  measured: `${results.ratio(byHaproxy(large), byHaproxy(small)).toFixed(2)}${unit}; ours is ${results.ratio(named(large), byHaproxy(large)).toFixed(2)} × haproxy with ${named(large)}`,
                  reached: undefined,
                },
              ]),
        ],
        details: [`1 KiB answers, 64 keep-alive connections, by ${of}:`, results.table([named(small)])],
      };
    }),
});

export const routes = size({
  name: 'routes',
  of: 'routes',
  large: ROUTES,
  small: 10,
  cluster: (n) => ({ routes: n, instances: INSTANCES }),
});
export const endpoints = size({
  name: 'endpoints',
  of: 'endpoints',
  large: 10_000,
  small: 10,
  // nginx is left out: it looks at all servers for each request, and at all connections that it keeps.
  haproxy: true,
  // Without checks, which are many with many endpoints, and none of a request's business.
  cluster: (n) => ({ routes: ROUTES, instances: n, labels: {} }),
});
