import type { PreviewingAuthorizer } from '../../core/access.ts';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import { createPortableReactor } from '../../net/index.ts';
import type { DatagramSocket, Peer, Reactor } from '../../net/index.ts';
import { dnsConfigSchema } from '../config.ts';
import type { DnsConfigInput } from '../config.ts';
import { createDns } from '../dns.ts';
import type { Dns } from '../dns.ts';
import { MessageFramer, framed } from '../wire/index.ts';
import type { Message } from '../wire/index.ts';
import { HandCatalog } from './catalog.ts';
import { decoded } from './message.ts';

export { EDNS, decoded, queryBytes } from './message.ts';

export interface Started {
  readonly dns: Dns;
  readonly catalog: HandCatalog;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly reactor: Reactor;
}

/** A DNS room on free ports of this machine, forwarding to nobody unless the config says so. */
export async function startDns(
  config: DnsConfigInput = {},
  catalog = new HandCatalog(),
  log = silentLogger,
  policy?: PreviewingAuthorizer,
): Promise<Started> {
  const reactor = createPortableReactor({ clock: systemClock, log: silentLogger });
  const health = new Health();
  const metrics = new Metrics();
  const dns = createDns({
    config: dnsConfigSchema.parse({ port: 0, httpPort: 0, externalOn: false, workers: 1, ...config }),
    catalog,
    reactor,
    clock: systemClock,
    random: systemRandom,
    log,
    metrics,
    health,
    policy,
    later: (work) => work(),
  });
  await dns.start();
  return { dns, catalog, health, metrics, reactor };
}

/** Send over UDP and wait for the one reply. */
export async function askUdp(reactor: Reactor, to: Peer, query: Uint8Array): Promise<Message> {
  let arrived: (bytes: Uint8Array) => void = () => {};
  const reply = new Promise<Uint8Array>((resolve) => (arrived = resolve));
  const socket: DatagramSocket = await reactor.udp({ host: '127.0.0.1', port: 0 }, (b) => arrived(b.slice()));
  socket.send(query, to);
  const bytes = await reply;
  await socket.close();
  return decoded(bytes);
}

/** Send all of them over one TCP connection; resolves with as many replies, or fewer when the connection closes first. */
export function askTcp(
  reactor: Reactor,
  to: Peer,
  queries: readonly Uint8Array[],
  replies = queries.length,
): Promise<Message[]> {
  return new Promise((resolve) => {
    const framer = new MessageFramer();
    const got: Message[] = [];
    const transport = reactor.connect(
      to,
      { timeoutMs: 5_000 },
      {
        onConnect: () => {
          for (const q of queries) transport.write(framed(q));
        },
        onData: (bytes) => {
          got.push(...framer.push(bytes).map(decoded));
          if (got.length >= replies) transport.destroy();
        },
        onEnd: () => transport.destroy(),
        onDrain: () => {},
        onClose: () => resolve(got),
      },
    );
  });
}
