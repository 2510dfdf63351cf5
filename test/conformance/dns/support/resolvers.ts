import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../../support/free-ports.ts';
import { Daemon } from './daemon.ts';
import { ask } from './tools.ts';

export type ResolverKind = 'unbound' | 'kresd' | 'pdns_recursor' | 'named';

export const RESOLVERS: readonly ResolverKind[] = ['unbound', 'kresd', 'pdns_recursor', 'named'];

/** A caching resolver of somebody else in front of ours. */
export interface Resolver {
  readonly kind: ResolverKind;
  readonly port: number;
  readonly daemon: Daemon;
  close(): Promise<void>;
}

export interface ResolverOptions {
  /** Ports of 127.0.0.1 that have the zone `mesos`. */
  readonly servers: readonly number[];
  /** Ask for every question, keep nothing. */
  readonly cacheOff?: boolean;
}

/**
 * Start it and wait until it answers for the zone. What is not as it comes: BIND refuses sets of more than 100 records and PowerDNS of
 * more than 256 until told otherwise, and Knot Resolver keeps everything for at least 5 s.
 */
export async function startResolver(kind: ResolverKind, options: ResolverOptions): Promise<Resolver> {
  const [port = 0] = await freePorts(1);
  const daemon = new Daemon(kind, (folder) => SET_UP[kind](folder, port, options));
  await daemon.until(`answer of ${kind}`, async () => {
    const said = await ask('kdig', port, 'mesos', 'SOA');
    return said.status === 'NOERROR' && said.answers === 1;
  });
  return { kind, port, daemon, close: () => daemon.close() };
}

type SetUp = (folder: string, port: number, options: ResolverOptions) => readonly string[];

/** With random capitals in each question (0x20), names asked label by label, and no record of the cache kept from elsewhere. */
const unbound: SetUp = (folder, port, { servers, cacheOff }) => {
  const file = join(folder, 'unbound.conf');
  writeFileSync(
    file,
    `server:
  interface: 127.0.0.1
  port: ${port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  use-syslog: no
  logfile: ""
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
  use-caps-for-id: yes
  qname-minimisation: yes
  qname-minimisation-strict: yes
  harden-below-nxdomain: yes
  infra-host-ttl: 1
  discard-timeout: 0
  so-rcvbuf: 4m
  so-sndbuf: 4m
  num-queries-per-thread: 4096
  outgoing-range: 8192
  num-threads: 1
  ${cacheOff ? 'cache-max-ttl: 0\n  cache-max-negative-ttl: 0' : ''}
remote-control:
  control-enable: no
stub-zone:
  name: "mesos"
${servers.map((s) => `  stub-addr: 127.0.0.1@${s}\n`).join('')}  stub-prime: no
`,
  );
  return ['-d', '-c', file];
};

const kresd: SetUp = (folder, port, { servers }) => {
  const file = join(folder, 'kresd.conf');
  writeFileSync(
    file,
    `net.listen('127.0.0.1', ${port}, { kind = 'dns' })
net.ipv6 = false
trust_anchors.remove('.')
cache.open(10 * MB, 'lmdb://${join(folder, 'cache')}')
cache.min_ttl(0)
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('priming')
modules.unload('detect_time_skew')
policy.add(policy.suffix(policy.STUB({${servers.map((s) => `'127.0.0.1@${s}'`).join(', ')}}), {todname('mesos.')}))
`,
  );
  mkdirSync(join(folder, 'run'));
  return ['-n', '-q', '-c', file, join(folder, 'run')];
};

const pdnsRecursor: SetUp = (folder, port, { servers }) => {
  writeFileSync(
    join(folder, 'recursor.conf'),
    `local-address=127.0.0.1
local-port=${port}
socket-dir=${folder}
daemon=no
write-pid=no
disable-syslog=yes
dnssec=off
dont-query=
security-poll-suffix=
threads=1
nothing-below-nxdomain=yes
max-rrset-size=65535
forward-zones=mesos=${servers.map((s) => `127.0.0.1:${s}`).join(';')}
`,
  );
  return [`--config-dir=${folder}`];
};

const named: SetUp = (folder, port, { servers }) => {
  const file = join(folder, 'named.conf');
  writeFileSync(
    file,
    `options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion yes;
  allow-query { 127.0.0.0/8; };
  dnssec-validation no;
  empty-zones-enable no;
  max-records-per-type 0;
};
controls { };
zone "mesos" { type forward; forward only; forwarders { ${servers.map((s) => `127.0.0.1 port ${s};`).join(' ')} }; };
`,
  );
  return ['-g', '-n', '1', '-c', file];
};

const SET_UP: Readonly<Record<ResolverKind, SetUp>> = { unbound, kresd, pdns_recursor: pdnsRecursor, named };
