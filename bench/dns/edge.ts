import { join } from 'node:path';
import { dnsConfigSchema } from '../../src/dns/index.ts';
import { freePorts } from '../../test/support/free-ports.ts';
import { untilAnswers } from './ask.ts';
import { nameOf } from './cluster.ts';
import { start, write } from '../support/machine.ts';
import type { Started } from '../support/machine.ts';
import type { Master } from './master.ts';

/** Our server: a whole `rimrock edge`, as an operator runs it. */
export interface Edge extends Started {
  readonly port: number;
  readonly httpPort: number;
}

export interface EdgeSettings {
  readonly engine?: string;
  readonly workers?: number;
  readonly mode?: 'stream' | 'poll';
}

const known = (settings: object): boolean => dnsConfigSchema.safeParse(settings).success;

/** The engines that there are to choose from; one without a name where there is no choice. */
export const engines: readonly (string | undefined)[] = known({ engine: 'linux' })
  ? ['linux', 'portable']
  : [undefined];
export const hasWorkers = known({ workers: 2 });
export const fastEngine = engines[0];

export const edgeName = (engine: string | undefined): string => `rimrock (${engine ?? 'portable'})`;

const bin = join(import.meta.dirname, '../../bin/rimrock.mjs');

/** Start an edge; resolves as soon as it answers anything at all, which it does before it knows a cluster. */
export async function startEdge(
  cores: string,
  master: Master,
  { engine = fastEngine, workers = 1, mode = 'stream' }: EdgeSettings = {},
): Promise<Edge> {
  const [port = 0, httpPort = 0, lb = 0, admin = 0] = await freePorts(4);
  const config = {
    log: { level: 'warn' },
    cluster: { masters: [master.address], mode, refreshSeconds: 5 },
    dns: {
      port,
      httpPort,
      externalOn: false,
      ...(engine === undefined ? {} : { engine }),
      ...(hasWorkers ? { workers } : {}),
    },
    lb: { http: { port: lb }, admin: { port: admin } },
  };
  const file = write(`edge-${port}.yaml`, JSON.stringify(config));
  const started = start(cores, [process.execPath, bin, 'edge', '-c', file], ['ignore', 'ignore', 'inherit']);
  await untilAnswers(port, 'leader.mesos', 30, true);
  return { ...started, port, httpPort };
}

/** Start an edge and wait until it knows the last task of `tasks`. */
export async function startedEdge(
  cores: string,
  master: Master,
  tasks: number,
  settings?: EdgeSettings,
): Promise<Edge> {
  const edge = await startEdge(cores, master, settings);
  await untilAnswers(edge.port, tasks === 0 ? 'leader.mesos' : nameOf(tasks - 1), 120);
  return edge;
}

/** What an edge publishes as a master file (RFC 1035 §5), for the peers. */
export async function zoneFile(edge: Edge): Promise<string> {
  const axfr = (await (await fetch(`http://127.0.0.1:${edge.httpPort}/v1/axfr`)).json()) as {
    Records: Record<'As' | 'SRVs', Record<string, string[]>>;
  };
  const lines = [
    '$TTL 60',
    'mesos. SOA ns1.mesos. root.ns1.mesos. 1 60 600 86400 60',
    'mesos. NS ns1.mesos.',
  ];
  for (const [name, ips] of Object.entries(axfr.Records.As))
    for (const ip of ips) lines.push(`${name} A ${ip}`);
  for (const [name, targets] of Object.entries(axfr.Records.SRVs))
    for (const t of targets) lines.push(`${name} SRV 0 1 ${t.replace(/^(.*):(\d+)$/, '$2 $1')}`);
  return write('mesos.zone', `${lines.join('\n')}\n`);
}
