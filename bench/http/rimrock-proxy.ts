/** Our load balancer in a process of its own: `node rimrock-proxy.ts <port> <origin port>...`. */
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { createLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { systemRandom } from '../../src/core/random.ts';
import { createLoadBalancer, lbConfigSchema } from '../../src/lb/index.ts';
import { FakeCatalog, instance, service } from '../../src/lb/testing/fake-catalog.ts';
import { createPortableReactor } from '../../src/net/index.ts';

const [port, ...origins] = process.argv.slice(2).map(Number);
const log = createLogger({ level: 'warn' });
const catalog = new FakeCatalog();
catalog.set(
  service({
    name: 'bench',
    labels: new Map([['HAPROXY_0_VHOST', '*']]),
    instances: origins.map((origin) => instance(origin)),
  }),
);
const lb = createLoadBalancer({
  config: lbConfigSchema.parse({ http: { port }, admin: { port: 0 } }),
  catalog,
  reactor: createPortableReactor({ clock: systemClock, log }),
  clock: systemClock,
  random: systemRandom,
  log,
  metrics: new Metrics(),
  health: new Health(),
});
await lb.start();
process.once('SIGTERM', () => void lb.stop().then(() => process.exit(0)));
console.log('ready');
