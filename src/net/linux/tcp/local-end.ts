import type { Peer } from '../../types.ts';
import type { Streams } from './streams.ts';

export const NOWHERE: Peer = { ip: '', port: 0 };

interface Accepted {
  readonly closed: boolean;
  readonly fd: number;
  readonly streams: Streams;
}

/** Our end of a connection that was accepted `at` the address of a listener. */
export function localEnd(connection: Accepted, at: Peer): Peer {
  return at.ip === '0.0.0.0' || at.ip === '::' ? new LocalEnd(connection, at.port) : at;
}

/** Where one listens at all addresses: the port is known, and mostly nobody wants to know the address. */
class LocalEnd implements Peer {
  readonly port: number;
  readonly #connection: Accepted;
  #ip: string | undefined;

  constructor(connection: Accepted, port: number) {
    this.#connection = connection;
    this.port = port;
  }

  get ip(): string {
    const { closed, fd, streams } = this.#connection;
    return (this.#ip ??= closed ? '' : streams.localOf(fd).ip);
  }
}
