import type { Rejected } from '../../cluster/index.ts';
import type { Clash, VirtualServer } from './plan/index.ts';

/** A server for people: who gets connections, and why. */
export function serverView(server: VirtualServer, takenAt: string | undefined): Record<string, unknown> {
  const { name, protocol, address, port, backends } = server;
  return {
    vip: name === undefined ? addressText(address, port) : `${name.slice(0, -1)}:${port}`,
    protocol,
    address: addressText(address, port),
    ...(takenAt === undefined ? {} : { listens: takenAt }),
    backends: backends.map((b) => ({ address: addressText(b.ip, b.port), weight: b.share, why: b.why })),
  };
}

export function clashText({ server, other }: Clash): Rejected {
  const id = `${server.protocol} ${addressText(server.address, server.port)}`;
  const reason = `${other.name ?? 'another VIP'} has this address`;
  return { kind: 'label', id, reason: `VIP ${id}: ${reason}` };
}

function addressText(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
