import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { issueCertificate } from '../../src/net/index.ts';
import { freePorts } from '../../test/support/free-ports.ts';
import { canSpeakTls, handshakes, requestsOverTls } from '../http/client.ts';
import { untilOpen } from '../http/open.ts';
import { startOrigin } from '../http/origin.ts';
import { WARM_UP_SECONDS } from '../http/stage.ts';
import { atMost } from '../support/figure.ts';
import type { Figure, FigureResult, Settings } from '../support/figure.ts';
import { SERVER_CORE, end, folder, installed, start, write } from '../support/machine.ts';
import type { Started } from '../support/machine.ts';
import { Rounds } from '../support/rounds.ts';
import type { Subject } from '../support/rounds.ts';

const OURS = 'rimrock guard';
const PEERS = ['nginx', 'haproxy'];
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
const DAY_MS = 86_400_000;

/** Who ends mutual TLS and passes plain bytes on to a task. */
interface Guard extends Subject, Started {
  readonly port: number;
}

/** Certificates of one authority, with P-256 keys; as ours are, with one SPIFFE id each. */
interface Identities {
  readonly root: string;
  readonly server: string;
  readonly client: string;
}

function identities(): Identities {
  const now = Date.now();
  const [notBefore, notAfter] = [new Date(now - DAY_MS), new Date(now + DAY_MS)];
  const issue = (n: number, names: string[], issuer?: ReturnType<typeof issueCertificate>) =>
    issueCertificate(
      {
        commonName: `bench ${n}`,
        names,
        authority: issuer === undefined,
        serial: Buffer.alloc(16, n),
        notBefore,
        notAfter,
      },
      issuer,
    );
  const root = issue(1, []);
  const leaf = (n: number, name: string): string => {
    const { certificate, privateKey } = issue(n, [`spiffe://bench.test/${name}`], root);
    return write(`guard-${name}.pem`, certificate + privateKey);
  };
  return {
    root: write('guard-root.pem', root.certificate),
    server: leaf(2, 'server'),
    client: leaf(3, 'client'),
  };
}

type StartGuard = (port: number, origin: number, files: Identities) => readonly string[] | undefined;

const ours: StartGuard = (port, origin, { server, root }) => [
  process.execPath,
  join(import.meta.dirname, 'guard-proxy.ts'),
  ...[port, origin, server, root].map(String),
];

const nginx: StartGuard = (port, origin, { server, root }) => {
  const program = installed('nginx');
  if (program === undefined || !existsSync(STREAM_MODULE)) return undefined;
  const config = write(
    'guard-nginx.conf',
    `load_module ${STREAM_MODULE};
    daemon off; master_process off; worker_processes 1; pid ${folder}/guard-nginx.pid; error_log stderr crit;
    events { worker_connections 15000; }
    stream { server { listen 127.0.0.1:${port} ssl backlog=4096; ssl_certificate ${server}; ssl_certificate_key ${server};
      ssl_protocols TLSv1.2 TLSv1.3; ssl_client_certificate ${root}; ssl_verify_client on; proxy_pass 127.0.0.1:${origin}; } }`,
  );
  return [program, '-c', config, '-p', folder];
};

const haproxy: StartGuard = (port, origin, { server, root }) => {
  const program = installed('haproxy');
  if (program === undefined) return undefined;
  const config = write(
    'guard-haproxy.cfg',
    `global
  nbthread 1
  maxconn 9900
defaults
  timeout connect 3s
  timeout client 300s
  timeout server 300s
listen t
  mode tcp
  bind 127.0.0.1:${port} ssl crt ${server} ca-file ${root} verify required backlog 4096
  server s 127.0.0.1:${origin}
`,
  );
  return [program, '-db', '-f', config];
};

const STARTS: readonly (readonly [name: string, how: StartGuard])[] = [
  [OURS, ours],
  ['nginx', nginx],
  ['haproxy', haproxy],
];

interface Measured {
  readonly name: string;
  readonly what: string;
  readonly unit: readonly [one: string, many: string];
  readonly connections: number;
  readonly drive: typeof handshakes;
}

const guardFigure = (measured: Measured): Figure => ({
  name: measured.name,
  run: (settings) => (canSpeakTls() ? measure(measured, settings) : Promise.resolve(notHere(measured))),
});

const MOST = 1.25;
const BASES = ' × the better of nginx and haproxy';

function notHere({ what }: Measured): FigureResult {
  const measured = 'not measured: no headers of OpenSSL';
  return { findings: [{ what, goal: `≤ ${MOST}${BASES}`, measured, reached: undefined }], details: [] };
}

async function measure(
  { what, unit, connections, drive }: Measured,
  { rounds, seconds }: Settings,
): Promise<FigureResult> {
  const files = identities();
  const origin = await startOrigin();
  const guards: Guard[] = [];
  try {
    for (const [name, how] of STARTS) {
      const [port = 0] = await freePorts(1);
      const command = how(port, origin.port, files);
      if (command === undefined) continue;
      guards.push({ ...start(SERVER_CORE, command), name, port, ours: name === OURS });
      await untilOpen(port);
    }
    const results = await Rounds.run(guards, {
      rounds,
      seconds,
      warmUpSeconds: WARM_UP_SECONDS,
      unit,
      drive: async ({ port }, time) => {
        const load = { port, host: 'server.test', seconds: time, connections, shown: files.client };
        const completed = await drive(load);
        return { completed, perSecond: completed / time, lost: 0, worstMs: Number.NaN };
      },
    });
    const us = ` (${results.median(OURS, 'usEach').toFixed(1)} µs)`;
    const line = `CPU per ${unit[0]}, ${what}`;
    return {
      findings: [atMost(line, results.ratioToBest(OURS, PEERS), MOST, BASES, us)],
      details: [`${what}:`, results.table(PEERS)],
    };
  } finally {
    for (const guard of guards) await end(guard);
    await end(origin);
  }
}

export const guardHandshakes = guardFigure({
  name: 'guard-handshakes',
  what: 'new through the guard of a task: full and mutual, TLS 1.3 with P-256, and the connection to the task',
  unit: ['connection', 'connections'],
  connections: 8,
  drive: handshakes,
});

export const guardRequests = guardFigure({
  name: 'guard-requests',
  what: '1 KiB through the guard of a task, 16 connections over mutual TLS 1.3 that are kept',
  unit: ['request', 'requests'],
  connections: 16,
  drive: requestsOverTls,
});
