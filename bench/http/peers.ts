import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A reverse proxy under test: the command that runs it in the foreground. */
export interface Peer {
  readonly name: string;
  command(port: number, originPort: number): readonly string[];
}

const dir = mkdtempSync(join(tmpdir(), 'rimrock-bench-'));
const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const here = (name: string): string => join(import.meta.dirname, name);

const rimrock: Peer = {
  name: 'rimrock',
  command: (port, origin) => [process.execPath, here('rimrock-proxy.ts'), String(port), String(origin)],
};

const nginx: Peer = {
  name: 'nginx',
  command: (port, origin) => [
    'nginx',
    '-c',
    file(
      'nginx.conf',
      `daemon off; master_process off; worker_processes 1; pid ${dir}/nginx.pid; error_log /dev/null crit;
       events { worker_connections 4096; }
       http { access_log off; keepalive_requests 100000000;
         client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f;
         uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
         upstream o { server 127.0.0.1:${origin}; keepalive 256; keepalive_requests 100000000; }
         server { listen 127.0.0.1:${port};
           location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection "";
             proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } } }`,
    ),
  ],
};

const haproxy: Peer = {
  name: 'haproxy',
  command: (port, origin) => [
    'haproxy',
    '-db',
    '-f',
    file(
      'haproxy.cfg',
      `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 3s
  timeout client 30s
  timeout server 30s
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${origin}
`,
    ),
  ],
};

const httpProxy: Peer = {
  name: 'http-proxy',
  command: (port, origin) => [
    process.execPath,
    '-e',
    `const http = require('node:http');
     const { createProxyServer } = require(${JSON.stringify(resolveOptional('http-proxy') ?? 'http-proxy')});
     const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
     const proxy = createProxyServer({ target: 'http://127.0.0.1:${origin}', agent, xfwd: true });
     proxy.on('error', (e, q, s) => s.destroy?.());
     http.createServer((q, s) => proxy.web(q, s)).listen(${port}, '127.0.0.1');`,
  ],
};

function resolveOptional(name: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
}

/** The peers that are installed here; the others are named in `skipped`. */
export function availablePeers(installed: (program: string) => boolean): {
  peers: Peer[];
  skipped: string[];
} {
  const peers = [rimrock];
  const skipped: string[] = [];
  for (const peer of [nginx, haproxy]) {
    if (installed(peer.name)) peers.push(peer);
    else skipped.push(peer.name);
  }
  if (resolveOptional('http-proxy') === undefined) skipped.push('http-proxy');
  else peers.push(httpProxy);
  return { peers, skipped };
}
