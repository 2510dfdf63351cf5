import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../../support/free-ports.ts';
import { Daemon } from './daemon.ts';
import { ask } from './tools.ts';

/** An authoritative server of somebody else with our zone in it. */
export interface Authority {
  readonly port: number;
  close(): Promise<void>;
}

export async function startNsd(zone: string, text: string): Promise<Authority> {
  return start('nsd', zone, (folder, port) => {
    writeFileSync(join(folder, 'zone'), text);
    const file = join(folder, 'nsd.conf');
    writeFileSync(
      file,
      `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "${folder}"
  database: ""
  pidfile: ""
  xfrdfile: "${folder}/xfrd"
  xfrdir: "${folder}"
  zonelistfile: "${folder}/list"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  minimal-responses: no
remote-control:
  control-enable: no
zone:
  name: "${zone}"
  zonefile: "zone"
`,
    );
    return ['-d', '-c', file];
  });
}

export async function startKnot(zone: string, text: string): Promise<Authority> {
  return start('knotd', zone, (folder, port) => {
    writeFileSync(join(folder, 'zone'), text);
    const file = join(folder, 'knot.conf');
    writeFileSync(
      file,
      `server:
  listen: 127.0.0.1@${port}
  rundir: ${folder}
  udp-workers: 1
  tcp-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: ${folder}
zone:
  - domain: ${zone}
    storage: ${folder}
    file: zone
    zonefile-sync: -1
    journal-content: none
`,
    );
    return ['-c', file];
  });
}

async function start(
  command: string,
  zone: string,
  setUp: (folder: string, port: number) => readonly string[],
): Promise<Authority> {
  const [port = 0] = await freePorts(1);
  const daemon = new Daemon(command, (folder) => setUp(folder, port));
  await daemon.until(`answer of ${command}`, async () => {
    return (await ask('kdig', port, zone, 'SOA')).status === 'NOERROR';
  });
  return { port, close: () => daemon.close() };
}
