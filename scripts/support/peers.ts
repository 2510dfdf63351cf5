import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './run-command.ts';

/** Real programs (a command, or a file that is there with it) that the tests talk to, and the Debian package of each. */
const PEERS: readonly (readonly [command: string, debianPackage: string])[] = [
  ['dig', 'bind9-dnsutils'],
  ['curl', 'curl'],
  ['/usr/share/java/zookeeper.jar', 'zookeeper'],
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
];

/** Servers are there, which is not on everybody's path. */
const SERVER_FOLDERS = ['/usr/sbin', '/sbin'];

/** What the installer asks before it starts a service (policy-rc.d, invoke-rc.d(8)): the tests start their own. */
const POLICY = '/usr/sbin/policy-rc.d';

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
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const packages = missing.map(([, debianPackage]) => debianPackage);
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
  for (const [command] of PEERS.filter(([name]) => !isInstalled(name))) {
    console.log(`no ${command} here: the tests that need it will be skipped`);
  }
}
