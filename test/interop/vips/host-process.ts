import type { CatalogTask } from '../../../src/cluster/index.ts';
import { HandCatalog, task } from '../../../src/cluster/testing/index.ts';
import { VIPS_DOMAIN, Vips } from '../../../src/cluster/vips/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { Metrics } from '../../../src/core/metrics.ts';
import { systemRandom } from '../../../src/core/random.ts';
import { lbConfigSchema } from '../../../src/lb/index.ts';
import { createVipLayer } from '../../../src/lb/vip/index.ts';
import { createPortableReactor } from '../../../src/net/index.ts';
import { serveOps } from './ops.ts';

// What carries VIPs on one host, in a network namespace of its own, with a catalog that the test writes. SIGTERM ends it in order.

export interface TaskOfTest {
  readonly id: string;
  readonly ips: readonly string[];
  readonly port: number;
  readonly vip: string;
  readonly protocol?: string;
  readonly healthy?: boolean;
  readonly state?: CatalogTask['state'];
}

function taskOf({
  id,
  ips,
  port,
  vip,
  protocol = 'tcp,udp',
  healthy,
  state = 'TASK_RUNNING',
}: TaskOfTest): CatalogTask {
  const labels = new Map([
    ['VIP_0', vip],
    ['network-scope', 'container'],
  ]);
  const discovery = {
    name: id,
    visibility: 'CLUSTER',
    ports: [{ number: port, name: '', protocol, labels }],
  };
  return task(id, { netinfoIps: ips, healthy, hasHealthCheck: healthy !== undefined, state, discovery });
}

const ranges = [
  { first: '11.0.0.0', last: '11.255.255.255' },
  { first: 'fd01:c::', last: 'fd01:c::ffff:ffff:ffff:ffff' },
];
const catalog = new HandCatalog();
const model = new Vips({ domain: VIPS_DOMAIN, ipv4: ranges[0]!, ipv6: ranges[1]! });
model.follow(catalog);
const metrics = new Metrics();
const layer = createVipLayer({
  config: lbConfigSchema.parse({ vips: JSON.parse(process.argv[2] ?? '{}') }),
  vips: { model, ranges },
  catalog,
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  metrics,
  reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
  later: (f) => void setImmediate(f),
  ours: AbortSignal.abort(),
});
if (!layer) throw new Error('there is no layer');

serveOps(async ({ op, tasks }) => {
  if (op === 'start') await layer.start();
  if (op === 'become') catalog.become({ tasks: (tasks as TaskOfTest[]).map(taskOf) });
  await layer.settled();
  return { view: layer.view(), metrics: await metrics.text() };
});
process.once('SIGTERM', () => {
  void layer.stop().then(() => process.exit(0));
});
