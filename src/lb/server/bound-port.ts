import type {
  ClientHello,
  Listener,
  ListenOptions,
  Peer,
  Reactor,
  Transport,
  TransportHandler,
} from '../../net/index.ts';

export interface PortOptions extends ListenOptions {
  /** Sockets that listen there already: all of them are taken over instead of opening one. */
  readonly descriptors?: readonly number[];
}

/** One address where clients connect, as long as it is wanted; also when that ends before it is bound. */
export class BoundPort {
  #listeners: readonly Listener[] = [];
  #closed = false;

  /**
   * Bind, and tell the outcome. The engine's promise is asked by `then` and never awaited: an engine that owns its thread
   * calls back from its own loop.
   */
  listen(
    reactor: Reactor,
    { descriptors = [], ...options }: PortOptions,
    accept: (transport: Transport, hello?: ClientHello) => TransportHandler,
    onListening: (address: Peer) => void,
    onFailed: (error: unknown) => void,
  ): void {
    const each =
      descriptors.length === 0 ? [options] : descriptors.map((d) => ({ ...options, descriptor: d }));
    void Promise.all(each.map((one) => reactor.listen(one, accept))).then((listeners) => {
      this.#listeners = listeners;
      if (this.#closed) return this.#stop();
      const [first] = listeners;
      if (first) onListening(first.address);
    }, onFailed);
  }

  /** Stop accepting; connections stay. */
  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #stop(): void {
    for (const listener of this.#listeners) void listener.close();
  }
}
