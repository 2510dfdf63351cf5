import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.ts';

/** Real programs (a command, or a file that is there with it) that the tests talk to, and the Debian package of each. */
const PEERS: readonly (readonly [command: string, debianPackage: string])[] = [
  ['dig', 'bind9-dnsutils'],
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['faketime', 'faketime'],
  ['curl', 'curl'],
  ['openssl', 'openssl'],
  ['certtool', 'gnutls-bin'],
  ['keytool', 'default-jre-headless'],
  ['strace', 'strace'],
  ['/usr/share/java/zookeeper.jar', 'zookeeper'],
  ['pebble', 'pebble'],
  ['kdig', 'knot-dnsutils'],
  ['drill', 'ldnsutils'],
  ['dnsperf', 'dnsperf'],
  ['zzuf', 'zzuf'],
  ['/usr/lib/python3/dist-packages/dns/__init__.py', 'python3-dnspython'],
  ['unbound', 'unbound'],
  ['kresd', 'knot-resolver'],
  ['pdns_recursor', 'pdns-recursor'],
  ['named', 'bind9'],
  ['nsd', 'nsd'],
  ['knotd', 'knot'],
  ['wrk', 'wrk'],
  ['hey', 'hey'],
  ['h2load', 'nghttp2-client'],
  ['varnishtest', 'varnish'],
  ['slowhttptest', 'slowhttptest'],
  ['nginx', 'nginx-light'],
  ['apache2', 'apache2'],
  ['haproxy', 'haproxy'],
  ['caddy', 'caddy'],
  ['lighttpd', 'lighttpd'],
  ['/usr/lib/python3/dist-packages/h2/__init__.py', 'python3-h2'],
  ['/usr/lib/python3/dist-packages/google/protobuf/__init__.py', 'python3-protobuf'],
  ['/usr/lib/python3/dist-packages/websockets/__init__.py', 'python3-websockets'],
  ['dockerd', 'docker.io'],
  ['iptables', 'iptables'],
  ['busybox', 'busybox-static'],
  ['podman', 'podman'],
  ['sslscan', 'sslscan'],
  ['testssl', 'testssl.sh'],
  ['tcpdump', 'tcpdump'],
];

/** Servers are there, which is not on everybody's path. */
const SERVER_FOLDERS = ['/usr/sbin', '/sbin'];

/** What the installer asks before it starts a service (policy-rc.d, invoke-rc.d(8)): the tests start their own. */
const POLICY = '/usr/sbin/policy-rc.d';

const MIRRORS = ['http://deb.debian.org/debian', 'http://archive.debian.org/debian'] as const;
const CONSUL_PACKAGE = '/pool/main/c/consul/consul_1.8.7+dfsg1-2+b3_amd64.deb';
const CONSUL_SHA256 = 'e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9';
const consulFolder = fileURLToPath(new URL('../../node_modules/.cache/rimrock/consul', import.meta.url));
/** Where it is found when it is not on the path. */
const consulProgram = join(consulFolder, 'usr/bin/consul');

function isInstalled(command: string): boolean {
  if (command.startsWith('/')) return existsSync(command);
  return [...(process.env['PATH'] ?? '').split(delimiter), ...SERVER_FOLDERS].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Install the missing peers where that is possible: as root on Debian. Elsewhere say which tests will be skipped;
 * each of them also says so by its name.
 */
export async function installPeers(): Promise<void> {
  const missing = PEERS.filter(([command]) => !isInstalled(command));
  if (missing.length > 0) await installPackages(missing.map(([, debianPackage]) => debianPackage));
  const absent = PEERS.map(([command]) => command).filter((command) => !isInstalled(command));
  if (!(await hasConsul())) absent.push('consul');
  for (const command of absent) console.log(`no ${command} here: the tests that need it will be skipped`);
}
async function installPackages(packages: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  console.log(`installing ${packages.join(', ')}`);
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  for (const command of [
    ['apt-get', 'update', '-qq'],
    ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const result = await runCommand(command, { cwd: '/', env, timeoutMs: 5 * 60_000, quiet: true });
    if (result.code !== 0) console.log(`${command.join(' ')} failed:\n${result.output}`);
  }
  if (ownPolicy) rmSync(POLICY, { force: true });
}

/**
 * Consul, which Debian had last in bullseye: that package is unpacked beside our own packages, not installed. Whether it is
 * there now.
 */
async function hasConsul(): Promise<boolean> {
  if (isInstalled('consul') || existsSync(consulProgram)) return true;
  if (process.arch !== 'x64' || !isInstalled('dpkg-deb') || !isInstalled('curl')) return false;
  const file = join(consulFolder, 'consul.deb');
  mkdirSync(consulFolder, { recursive: true });
  for (const mirror of MIRRORS) {
    const fetched = await runCommand(['curl', '-fsS', '-m', '120', '-o', file, mirror + CONSUL_PACKAGE], {
      cwd: consulFolder,
      env: process.env,
      timeoutMs: 3 * 60_000,
      quiet: true,
    });
    if (fetched.code !== 0) continue;
    if (createHash('sha256').update(readFileSync(file)).digest('hex') !== CONSUL_SHA256) continue;
    const unpack = ['dpkg-deb', '-x', file, consulFolder];
    await runCommand(unpack, { cwd: consulFolder, env: process.env, timeoutMs: 60_000, quiet: true });
    break;
  }
  rmSync(file, { force: true });
  return existsSync(consulProgram);
}
