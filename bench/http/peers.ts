import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { freePorts } from '../../test/support/free-ports.ts';
import { SERVER_CORE, folder, installed, start, write } from '../support/machine.ts';
import { said } from '../support/report.ts';
import type { Subject } from '../support/rounds.ts';
import type { Started } from '../support/machine.ts';
import { bothInOne, canMakeCertificates, certificate } from './certificate.ts';
import { untilOpen } from './open.ts';

/** What a proxy may speak on a port of its own. `h2c`: HTTP/2 without TLS, known to the client beforehand. */
export type Spoken = 'http' | 'https' | 'h2c' | 'tcp';

/** A load balancer under test, in front of the origin. */
export interface Proxy extends Started, Subject {
  readonly ports: Readonly<Partial<Record<Spoken, number>>>;
}

/** Where an upstream is reached. */
export interface Upstream {
  readonly ip: string;
  readonly port: number;
}

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
const PACKAGE = 'http-proxy';

function resolved(name: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
}

const httpProxyPath = resolved(PACKAGE);

/** What of the list is not on this machine. */
export const missing = [
  ...['nginx', 'haproxy', 'caddy', 'h2load', 'gcc', 'openssl'].filter(
    (name) => installed(name) === undefined,
  ),
  ...(httpProxyPath === undefined ? [PACKAGE] : []),
  ...(installed('nginx') !== undefined && !existsSync(STREAM_MODULE) ? ['the stream module of nginx'] : []),
];

/** Versions of what is measured and what measures. */
export const versions = (): string[] => [
  ...said('nginx', '-v', /nginx\/(\S+)/),
  ...said('haproxy', '-v', /version (\d[\d.]+)/),
  ...said('caddy', 'version', /v?(\d\S+)/),
  ...(httpProxyPath === undefined
    ? []
    : [
        `${PACKAGE} ${(createRequire(import.meta.url)(`${PACKAGE}/package.json`) as { version: string }).version}`,
      ]),
  ...said('wrk', '-v', /wrk (?:debian\/)?(\S+)/),
  ...said('h2load', '--version', /nghttp2\/(\S+)/),
];

/** `mutual`: who comes over TLS has to show the certificate that all have here. */
export async function startNginx(upstreams: readonly Upstream[], mutual = false): Promise<Proxy | undefined> {
  const program = installed('nginx');
  if (program === undefined) return undefined;
  const [http = 0, https = 0, h2c = 0, tcp = 0] = await freePorts(4);
  const home = join(folder, `nginx-${http}`);
  mkdirSync(home);
  const servers = upstreams.map(({ ip, port }) => `server ${ip}:${port};`).join(' ');
  const streams = existsSync(STREAM_MODULE);
  const location = `location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection "";
          proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }`;
  const { certificate: cert, key } = canMakeCertificates ? certificate() : { certificate: '', key: '' };
  const config = write(
    `nginx-${http}.conf`,
    `${streams ? `load_module ${STREAM_MODULE};` : ''}
    daemon off; master_process off; worker_processes 1; pid ${home}/pid; error_log stderr crit;
    events { worker_connections 15000; }
    http { access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
      client_body_temp_path ${home}; proxy_temp_path ${home}; fastcgi_temp_path ${home}; uwsgi_temp_path ${home};
      scgi_temp_path ${home};
      upstream o { ${servers} keepalive 256; keepalive_requests 1000000000; }
      server { listen 127.0.0.1:${http} backlog=4096; ${location} }
      server { listen 127.0.0.1:${h2c} http2; http2_max_concurrent_streams 128; ${location} }
      ${canMakeCertificates ? `server { listen 127.0.0.1:${https} ssl http2 backlog=4096; ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3; ${mutual ? `ssl_client_certificate ${cert}; ssl_verify_client on;` : ''} ${location} }` : ''}
    }
    ${streams ? `stream { upstream o { ${servers} } server { listen 127.0.0.1:${tcp}; proxy_pass o; } }` : ''}`,
  );
  const started = start(SERVER_CORE, [program, '-c', config, '-p', home]);
  await untilOpen(http);
  const ports = { http, h2c, ...(canMakeCertificates ? { https } : {}), ...(streams ? { tcp } : {}) };
  return { ...started, name: 'nginx', ports };
}

export async function startHaproxy(
  upstreams: readonly Upstream[],
  mutual = false,
): Promise<Proxy | undefined> {
  const program = installed('haproxy');
  if (program === undefined) return undefined;
  const [http = 0, https = 0, h2c = 0, tcp = 0] = await freePorts(4);
  const servers = upstreams.map(({ ip, port }, i) => `  server s${i} ${ip}:${port}`).join('\n');
  const tls = canMakeCertificates
    ? `  bind 127.0.0.1:${https} ssl crt ${bothInOne()} ${mutual ? `ca-file ${certificate().certificate} verify required ` : ''}alpn h2,http/1.1 backlog 4096\n`
    : '';
  const config = write(
    `haproxy-${http}.cfg`,
    `global
  nbthread 1
  maxconn 9900
  tune.pool-low-fd-ratio 90
  tune.pool-high-fd-ratio 95
  tune.ssl.default-dh-param 2048
defaults
  timeout connect 3s
  timeout client 300s
  timeout server 300s
frontend f
  mode http
  option forwardfor
  bind 127.0.0.1:${http} backlog 4096
  bind 127.0.0.1:${h2c} proto h2
${tls}  default_backend b
backend b
  mode http
  http-reuse always
${servers}
listen t
  mode tcp
  bind 127.0.0.1:${tcp}
${servers}
`,
  );
  const started = start(SERVER_CORE, [program, '-db', '-f', config]);
  await untilOpen(http);
  return {
    ...started,
    name: 'haproxy',
    ports: { http, h2c, tcp, ...(canMakeCertificates ? { https } : {}) },
  };
}

export async function startCaddy(upstreams: readonly Upstream[]): Promise<Proxy | undefined> {
  const program = installed('caddy');
  if (program === undefined) return undefined;
  const [http = 0] = await freePorts(1);
  const to = upstreams.map(({ ip, port }) => `${ip}:${port}`).join(' ');
  const config = write(
    `Caddyfile-${http}`,
    `{\n\tadmin off\n\tauto_https off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\nhttp://:${http} {\n\tbind 127.0.0.1\n\treverse_proxy ${to}\n}\n`,
  );
  const command = [program, 'run', '--config', config, '--adapter', 'caddyfile'];
  const started = start(SERVER_CORE, ['env', `HOME=${folder}`, ...command]);
  await untilOpen(http);
  return { ...started, name: 'caddy', ports: { http } };
}

export async function startHttpProxy(upstreams: readonly Upstream[]): Promise<Proxy | undefined> {
  const [first] = upstreams;
  if (httpProxyPath === undefined || first === undefined) return undefined;
  const [http = 0] = await freePorts(1);
  const script = `const http = require('node:http');
    const { createProxyServer } = require(${JSON.stringify(httpProxyPath)});
    const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
    const proxy = createProxyServer({ target: 'http://${first.ip}:${first.port}', agent, xfwd: true });
    proxy.on('error', (e, q, s) => s.destroy?.());
    http.createServer((q, s) => proxy.web(q, s)).listen(${http}, '127.0.0.1');`;
  const started = start(SERVER_CORE, [process.execPath, '--no-deprecation', '-e', script]);
  await untilOpen(http);
  return { ...started, name: PACKAGE, ports: { http } };
}
