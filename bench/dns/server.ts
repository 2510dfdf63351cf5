import { writeFileSync } from 'node:fs';
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { systemRandom } from '../../src/core/random.ts';
import { createDns, dnsConfigSchema } from '../../src/dns/index.ts';
import { HandCatalog } from '../../src/dns/testing/catalog.ts';
import { createPortableReactor } from '../../src/net/index.ts';
import { syntheticCluster } from './cluster.ts';

// Our server, alone in its process: node server.ts PORT TASKS ZONEFILE. Writes its own zone for the peer, says
// `ready`, and ends with its standard input.
const [port = '0', tasks = '1000', zoneFile = ''] = process.argv.slice(2);
const catalog = new HandCatalog();
const dns = createDns({
  config: dnsConfigSchema.parse({ port: Number(port), httpPort: 0, externalOn: false }),
  catalog,
  reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  metrics: new Metrics(),
  health: new Health(),
});
await dns.start();
catalog.become(syntheticCluster(Number(tasks)));
const http = dns.addresses.http;
if (http && zoneFile !== '') writeFileSync(zoneFile, await zoneText(`http://127.0.0.1:${http.port}/v1/axfr`));
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.on('end', () => void dns.stop().then(() => process.exit(0)));

/** Our zone as a master file (RFC 1035 §5). */
async function zoneText(url: string): Promise<string> {
  const axfr = (await (await fetch(url)).json()) as {
    Records: Record<'As' | 'SRVs', Record<string, string[]>>;
  };
  const lines = [
    '$TTL 60',
    'mesos. SOA ns1.mesos. root.ns1.mesos. 1 60 600 86400 60',
    'mesos. NS ns1.mesos.',
  ];
  for (const [name, ips] of Object.entries(axfr.Records.As))
    for (const ip of ips) lines.push(`${name} A ${ip}`);
  for (const [name, targets] of Object.entries(axfr.Records.SRVs)) {
    for (const t of targets) lines.push(`${name} SRV 0 1 ${t.replace(/^(.*):(\d+)$/, '$2 $1')}`);
  }
  return `${lines.join('\n')}\n`;
}
