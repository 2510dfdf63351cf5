import type { Peer, Reactor, Transport, TransportHandler } from '../../net/index.ts';
import { BoundPort } from './bound-port.ts';
import type { PortOptions } from './bound-port.ts';

/** Who takes the connections of clients, whichever listener they come by. */
export interface Clients {
  accept(transport: Transport, listener: string): TransportHandler;
}

/** One address where clients connect. Its connections live in `Clients` and outlive it. */
export class HttpServer {
  readonly #name: string;
  readonly #clients: Clients;
  readonly #port = new BoundPort();

  /** `name` is what routes call it. */
  constructor(name: string, clients: Clients) {
    this.#name = name;
    this.#clients = clients;
  }

  /** Bind, and tell the outcome. */
  listen(
    reactor: Reactor,
    options: PortOptions,
    onListening: (address: Peer) => void,
    onFailed: (error: unknown) => void,
  ): void {
    const accept = (transport: Transport): TransportHandler => this.#clients.accept(transport, this.#name);
    this.#port.listen(reactor, options, accept, onListening, onFailed);
  }

  /** Stop accepting; connections stay. */
  close(): void {
    this.#port.close();
  }
}
