import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ipText } from '../ip-text.ts';

/** A socket of this process that takes what comes from anybody: it listens (TCP), or is bound and has no peer (UDP). */
export interface BoundSocket {
  readonly descriptor: number;
  readonly protocol: 'tcp' | 'udp';
  readonly ip: string;
  readonly port: number;
}

const TABLES = [
  { file: 'tcp', protocol: 'tcp', state: '0A' },
  { file: 'tcp6', protocol: 'tcp', state: '0A' },
  { file: 'udp', protocol: 'udp', state: '07' },
  { file: 'udp6', protocol: 'udp', state: '07' },
] as const;

/**
 * The bound sockets among the descriptors of this process, in the order of their numbers, as Linux tells in /proc: whichever
 * engine, thread or library has opened them. Rejects where there is no such folder. `folder`: /proc/self, or another.
 */
export async function boundSockets(folder = '/proc/self'): Promise<readonly BoundSocket[]> {
  const byInode = new Map<string, number[]>();
  for (const name of await readdir(join(folder, 'fd'))) {
    const inode = /^socket:\[(\d+)\]$/.exec(await readlink(join(folder, 'fd', name)).catch(() => ''))?.[1];
    if (inode !== undefined) byInode.set(inode, [...(byInode.get(inode) ?? []), Number(name)]);
  }
  const found: BoundSocket[] = [];
  for (const { file, protocol, state } of TABLES) {
    // A kernel without IPv6 has no table of it.
    const table = await readFile(join(folder, 'net', file), 'latin1').catch(() => '');
    for (const { inode, ip, port } of bound(table, state))
      for (const descriptor of byInode.get(inode) ?? []) found.push({ descriptor, protocol, ip, port });
  }
  return found.sort((a, b) => a.descriptor - b.descriptor);
}

/**
 * `  1: 0100007F:1F40 00000000:0000 0A …` (proc(5)). There is a line for each connection of the machine, so only those that
 * matter are looked at closely.
 */
function* bound(table: string, state: string): Generator<{ inode: string; ip: string; port: number }> {
  for (const line of table.split('\n')) {
    if (!line.includes(` ${state} `)) continue;
    const [, local = '', , its, , , , , , inode = ''] = line.trim().split(/\s+/, 10);
    if (its !== state) continue;
    const [address = '', port = ''] = local.split(':');
    if (/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(address))
      yield { inode, ip: ipOf(address), port: Number.parseInt(port, 16) };
  }
}

/** Words of four bytes as the machine has them: little-endian on all that we run on. */
function ipOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  bytes.swap32();
  return ipText(bytes, 0, bytes.length as 4 | 16);
}
