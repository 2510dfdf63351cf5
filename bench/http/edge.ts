import { join } from 'node:path';
import { freePorts } from '../../test/support/free-ports.ts';
import { SERVER_CORE, folder, start, write } from '../support/machine.ts';
import { certificate } from './certificate.ts';
import { features } from './features.ts';
import type { Master } from './master.ts';
import { untilServed } from './open.ts';
import type { Proxy } from './peers.ts';

export interface EdgeSettings {
  readonly engine?: 'linux' | 'portable';
  readonly cores?: string;
  /** Threads that carry traffic. */
  readonly planes?: number;
  /** Where service ports are opened, if any. */
  readonly tcpPort?: number;
}

/** Our load balancer with the port of its admin API. */
export interface Edge extends Proxy {
  readonly admin: number;
}

/** The name of who has signed the certificate of clients: itself. */
export const BENCH_CA = 'bench';

const bin = join(import.meta.dirname, '../../bin/rimrock.mjs');

/** Start a whole `rimrock edge`, as an operator runs it; resolves once it serves the last of what `master` has, at `host`. */
export async function startEdge(
  master: Master,
  host: string,
  { engine = 'linux', cores = SERVER_CORE, planes = 1, tcpPort = 0 }: EdgeSettings = {},
): Promise<Edge> {
  const [dns = 0, dnsHttp = 0, port = 0, admin = 0, https = 0] = await freePorts(5);
  const config = {
    log: { level: 'warn' },
    cluster: { masters: [master.address], mode: 'stream' },
    dns: { port: dns, httpPort: dnsHttp, externalOn: false, workers: 1 },
    lb: {
      http: { port },
      admin: { port: admin },
      engine,
      workers: planes,
      // All clients have one address here.
      limits: { connectionsPerClient: 20_000 },
      // As long as nginx keeps its own, and as the others are told to keep their clients'.
      upstream: { idleMs: 60_000 },
      timeouts: { idleMs: 300_000 },
      ...(features.accessLog
        ? { accessLog: { sample: 0.01, path: join(folder, `access-${port}.log`) } }
        : {}),
      ...(features.tls
        ? {
            https: { port: https },
            tls: { certificates: [certificate()], authorities: { [BENCH_CA]: certificate().certificate } },
          }
        : {}),
      ...(features.tcp && tcpPort > 0 ? { servicePorts: { min: tcpPort, max: tcpPort } } : {}),
    },
  };
  const file = write(`edge-${port}.yaml`, JSON.stringify(config));
  const started = start(cores, [process.execPath, bin, 'edge', '-c', file], ['ignore', 'ignore', 'inherit']);
  await untilServed(port, host);
  return {
    ...started,
    name: `rimrock (${engine})`,
    ours: true,
    ports: {
      http: port,
      ...(features.tls ? { https } : {}),
      ...(features.http2 ? { h2c: port } : {}),
      ...(features.tcp && tcpPort > 0 ? { tcp: tcpPort } : {}),
    },
    admin,
  };
}
