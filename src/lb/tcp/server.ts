import type { ClientHello, Peer, Reactor, Transport, TransportHandler } from '../../net/index.ts';
import { BoundPort } from '../server/bound-port.ts';
import type { PortOptions } from '../server/bound-port.ts';
import type { TcpConnections } from './connections.ts';

/** One address where clients connect for TCP. Its connections live in `TcpConnections` and outlive it. */
export class TcpServer {
  readonly #name: string;
  readonly #connections: TcpConnections;
  readonly #port = new BoundPort();

  /** `name` is what routes call it. */
  constructor(name: string, connections: TcpConnections) {
    this.#name = name;
    this.#connections = connections;
  }

  /** Bind, and tell the outcome. `tls`: names in TLS are told apart. */
  listen(
    reactor: Reactor,
    { tls, ...options }: Omit<PortOptions, 'secure'> & { readonly tls: boolean },
    onListening: (address: Peer) => void,
    onFailed: (error: unknown) => void,
  ): void {
    const secure = tls ? { secure: this.#connections.secureFor(this.#name) } : {};
    const accept = (transport: Transport, hello?: ClientHello): TransportHandler =>
      this.#connections.accept(transport, this.#name, hello);
    this.#port.listen(reactor, { ...options, ...secure }, accept, onListening, onFailed);
  }

  /** Stop accepting; connections stay. */
  close(): void {
    this.#port.close();
  }
}
