import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Service } from '../../cluster/index.ts';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import { createLoadBalancer, lbConfigSchema } from '../index.ts';
import type { LoadBalancer, LoadBalancerParts } from '../index.ts';
import { FakeCatalog } from './fake-catalog.ts';

/** The engines that there are here. */
export const ENGINES =
  process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);
export type Engine = (typeof ENGINES)[number];

/** A load balancer on free ports with its planes on threads, as in production, and a catalog that the test sets. */
export interface Threaded {
  readonly lb: LoadBalancer;
  readonly port: number;
  /** Of the listener for HTTPS; 0 where the configuration has none. */
  readonly securePort: number;
  readonly admin: string;
  readonly metrics: Metrics;
  /** Resolves when all planes route by it. */
  readonly serve: (...services: readonly Service[]) => Promise<void>;
}

export async function startThreaded(
  config: Readonly<Record<string, unknown>>,
  parts: Partial<LoadBalancerParts> = {},
): Promise<Threaded> {
  const [catalog, metrics] = [new FakeCatalog(), new Metrics()];
  const lb = createLoadBalancer({
    config: lbConfigSchema.parse({ http: { port: 0 }, admin: { port: 0 }, workers: 1, ...config }),
    catalog,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    metrics,
    health: new Health(),
    ...parts,
  });
  await lb.start();
  return {
    lb,
    port: lb.addresses.http.port,
    securePort: lb.addresses.https?.port ?? 0,
    admin: `http://127.0.0.1:${lb.addresses.admin.port}`,
    metrics,
    serve: async (...services) => {
      for (const one of services) {
        const applied = Promise.withResolvers<unknown>();
        const forget = lb.onApplied((change) => applied.resolve(change));
        catalog.set(one);
        await applied.promise;
        forget();
      }
    },
  };
}

/** An HTTP server on a free port of loopback, and what ends it. */
export async function startOrigin(
  listener: RequestListener,
): Promise<{ readonly port: number; readonly stop: () => void }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, stop: () => (server.closeAllConnections(), server.close()) };
}
