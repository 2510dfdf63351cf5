import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../../support/free-ports.ts';
import { converse } from './raw.ts';
import { Daemon } from './tools.ts';

export type ProxyName = 'nginx' | 'apache2' | 'haproxy' | 'caddy' | 'lighttpd';

export const PROXIES: readonly ProxyName[] = ['nginx', 'apache2', 'haproxy', 'caddy', 'lighttpd'];

/** An HTTP server of somebody else as an instance: it reads requests in its own way and passes them on to `to`. */
export interface Proxy {
  readonly name: ProxyName;
  readonly port: number;
  close(): Promise<void>;
}

type SetUp = (folder: string, port: number, to: number) => readonly string[];

const file = (folder: string, name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const SETUPS: Readonly<Record<ProxyName, SetUp>> = {
  nginx: (folder, port, to) => [
    '-p',
    folder,
    '-c',
    file(
      folder,
      'nginx.conf',
      `daemon off; master_process off; user root; pid ${folder}/pid; error_log stderr crit; worker_rlimit_nofile 4096;
events { worker_connections 1024; }
http {
  access_log off; client_max_body_size 10m; keepalive_requests 1000000; merge_slashes off;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection ""; }
  }
}
`,
    ),
    '-e',
    'stderr',
  ],
  apache2: (folder, port, to) => {
    const modules = ['mpm_event', 'proxy', 'proxy_http', 'authz_core'];
    const load = modules.map((m) => `LoadModule ${m}_module /usr/lib/apache2/modules/mod_${m}.so`);
    const path = file(
      folder,
      'apache.conf',
      `${load.join('\n')}
ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
DefaultRuntimeDir ${folder}/run
Mutex pthread
ErrorLog ${folder}/error.log
LogLevel crit
User www-data
Group www-data
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
AllowEncodedSlashes NoDecode
MergeSlashes Off
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:${to}/ nocanon
`,
    );
    mkdirSync(join(folder, 'run'));
    chownSync(join(folder, 'run'), 33, 33);
    return ['-f', path, '-X'];
  },
  haproxy: (folder, port, to) => [
    '-q',
    '-db',
    '-f',
    file(
      folder,
      'haproxy.cfg',
      `global
  maxconn 1000
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server recorder 127.0.0.1:${to}
`,
    ),
  ],
  caddy: (folder, port, to) => {
    const routes = [{ handle: [{ handler: 'reverse_proxy', upstreams: [{ dial: `127.0.0.1:${to}` }] }] }];
    const server = { listen: [`127.0.0.1:${port}`], automatic_https: { disable: true }, routes };
    const config = {
      admin: { disabled: true, config: { persist: false } },
      storage: { module: 'file_system', root: folder },
      logging: { logs: { default: { level: 'ERROR' } } },
      apps: { http: { servers: { in: server } } },
    };
    return ['run', '--config', file(folder, 'caddy.json', JSON.stringify(config))];
  },
  lighttpd: (folder, port, to) => [
    '-D',
    '-f',
    file(
      folder,
      'lighttpd.conf',
      `server.modules = ("mod_proxy")
server.document-root = "${folder}"
server.bind = "127.0.0.1"
server.port = ${port}
server.max-keep-alive-requests = 1000000
server.max-keep-alive-idle = 60
server.errorlog = "${folder}/error.log"
server.http-parseopts = ("url-normalize" => "disable", "url-path-2f-reject" => "disable", "method-get-body" => "enable")
proxy.server = ("" => (("host" => "127.0.0.1", "port" => ${to})))
`,
    ),
  ],
};

export async function startProxy(name: ProxyName, to: number): Promise<Proxy> {
  const [port = 0] = await freePorts(1);
  const daemon = new Daemon(name, (folder) => SETUPS[name](folder, port, to));
  await daemon.until(`answer of ${name}`, async () => {
    const { text } = await converse(port, 'GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    return text.includes(' 200 ');
  });
  return { name, port, close: () => daemon.close() };
}
