import { closeSync } from 'node:fs';
import { isIP } from 'node:net';
import { ipv6Bytes } from '../../core/ip.ts';
import type { InheritedSockets } from '../../core/predecessor.ts';
import { ipText } from '../ip-text.ts';
import type { BoundSocket } from './bound-sockets.ts';

/** What was bound before this process began, until somebody takes it. */
export class Inherited implements InheritedSockets {
  #left: readonly BoundSocket[];

  constructor(sockets: readonly BoundSocket[]) {
    this.#left = sockets;
  }

  has(protocol: 'tcp' | 'udp', host: string, port: number): boolean {
    return this.#left.some((socket) => isAt(socket, protocol, host, port));
  }

  take(protocol: 'tcp' | 'udp', host: string, port: number): readonly number[] {
    const taken = this.#left.filter((socket) => isAt(socket, protocol, host, port));
    this.#left = this.#left.filter((socket) => !taken.includes(socket));
    return taken.map(({ descriptor }) => descriptor);
  }

  /** Close what nobody wanted, so that clients are refused there instead of waiting; tells what that was. */
  closeRest(close: (descriptor: number) => void = closeSync): readonly BoundSocket[] {
    const rest = this.#left;
    this.#left = [];
    for (const { descriptor } of rest) close(descriptor);
    return rest;
  }
}

/** Of a host that is a name only the port tells: what it stands for is known later. */
function isAt(socket: BoundSocket, protocol: 'tcp' | 'udp', host: string, port: number): boolean {
  if (socket.protocol !== protocol || socket.port !== port || port === 0) return false;
  const [ip = ''] = host.split('%');
  return isIP(ip) === 0 || canonical(ip) === socket.ip;
}

function canonical(ip: string): string {
  const bytes = isIP(ip) === 6 ? ipv6Bytes(ip) : undefined;
  return bytes ? ipText(bytes, 0, 16) : ip;
}
