import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../test/support/free-ports.ts';
import { untilAnswers } from './ask.ts';
import { said } from '../support/report.ts';
import { compiled } from './programs.ts';
import { SERVER_CORE, folder, installed, start, write } from '../support/machine.ts';
import type { Started } from '../support/machine.ts';

export interface Peer extends Started {
  readonly name: string;
  readonly port: number;
}

/** What of the list is not on this machine. */
export const missing = ['knotd', 'nsd', 'dnsperf', 'gcc', 'taskset'].filter(
  (program) => installed(program) === undefined,
);

/** The floor: a C program that sends every datagram back. */
export async function startEcho(cores = SERVER_CORE, threads = 1): Promise<Peer | undefined> {
  const program = compiled('echo');
  const [port = 0] = await freePorts(1);
  if (program === undefined) return undefined;
  return ready('C echo', port, start(cores, [program, String(port), String(threads)]), true);
}

export async function startKnot(zone: string, marker: string): Promise<Peer | undefined> {
  const program = installed('knotd');
  const [port = 0] = await freePorts(1);
  if (program === undefined) return undefined;
  const home = join(folder, `knot-${port}`);
  mkdirSync(home);
  const config = write(
    `knot-${port}.conf`,
    [
      `server:\n  listen: 127.0.0.1@${port}\n  rundir: ${home}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1`,
      `database:\n  storage: ${home}`,
      'log:\n  - target: stderr\n    any: error',
      `zone:\n  - domain: mesos\n    file: ${zone}\n    storage: ${home}\n    zonefile-sync: -1`,
    ].join('\n'),
  );
  return ready('Knot', port, start(SERVER_CORE, [program, '-c', config]), false, marker);
}

export async function startNsd(zone: string, marker: string): Promise<Peer | undefined> {
  const program = installed('nsd');
  const [port = 0] = await freePorts(1);
  if (program === undefined) return undefined;
  const home = join(folder, `nsd-${port}`);
  mkdirSync(home);
  const file = (name: string): string => `"${join(home, name)}"`;
  const config = write(
    `nsd-${port}.conf`,
    [
      `server:\n  server-count: 1\n  ip-address: 127.0.0.1@${port}\n  username: ""\n  chroot: ""\n  zonesdir: "${home}"`,
      `  database: ""\n  pidfile: ${file('pid')}\n  xfrdfile: ${file('xfrd')}\n  zonelistfile: ${file('zones')}`,
      `  xfrdir: "${home}"\n  rrl-ratelimit: 0\n  verbosity: 0`,
      'remote-control:\n  control-enable: no',
      `zone:\n  name: mesos\n  zonefile: "${zone}"`,
    ].join('\n'),
  );
  return ready('NSD', port, start(SERVER_CORE, [program, '-d', '-c', config]), false, marker);
}

async function ready(
  name: string,
  port: number,
  started: Started,
  anything: boolean,
  marker = 'leader.mesos',
): Promise<Peer> {
  await untilAnswers(port, marker, 60, anything);
  return { ...started, name, port };
}

/** Versions of what is measured and what measures. */
export const versions = (): string[] => [
  ...said('knotd', '--version', /version (\S+)/),
  ...said('nsd', '-v', /version (\S+)/),
  ...said('dnsperf', '-h', /Version (\S+)/),
  ...said('gcc', '--version', /(\d+\.\d+\.\d+)/),
];
