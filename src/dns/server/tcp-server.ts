import type { Clock, Timer } from '../../core/clock.ts';
import type { Listener, ListenOptions, Reactor, Transport } from '../../net/index.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { TcpLimits } from './tcp-connection.ts';
import type { Responder } from './responder.ts';

const SWEEP_MS = 250;

/** DNS over TCP (RFC 7766): pipelining, bounded in connections, queries and time. */
export class TcpServer {
  readonly #limits: TcpLimits & { readonly maxConnections: number };
  readonly #responder: Responder;
  readonly #clock: Clock;
  readonly #connections = new Set<TcpConnection>();
  #listener: Listener | undefined;
  #closing: Promise<void> | undefined;
  #sweep: Timer | undefined;

  constructor(parts: {
    readonly limits: TcpLimits & { readonly maxConnections: number };
    readonly responder: Responder;
    readonly clock: Clock;
  }) {
    this.#limits = parts.limits;
    this.#responder = parts.responder;
    this.#clock = parts.clock;
  }

  get connections(): number {
    return this.#connections.size;
  }

  async listen(reactor: Reactor, options: ListenOptions): Promise<Listener> {
    this.#listener = await reactor.listen(options, (transport) => this.#accept(transport));
    this.#sweep = this.#clock.every(SWEEP_MS, () => {
      const now = this.#clock.monotonic();
      for (const connection of this.#connections) connection.checkDeadline(now);
    });
    return this.#listener;
  }

  /** Take no new connection; those that have answers to come finish. */
  drain(): void {
    // It reports closed only when the last connection has gone, which `destroy` waits for.
    this.#closing ??= this.#listener?.close();
    for (const connection of this.#connections) connection.finish();
  }

  async destroy(): Promise<void> {
    this.#sweep?.cancel();
    for (const connection of this.#connections) connection.destroy();
    this.#closing ??= this.#listener?.close();
    await this.#closing;
  }

  #accept(transport: Transport): TcpConnection {
    if (this.#connections.size >= this.#limits.maxConnections) this.#longestIdle()?.destroy();
    const connection = new TcpConnection({
      transport,
      responder: this.#responder,
      limits: this.#limits,
      clock: this.#clock,
      onClosed: () => this.#connections.delete(connection),
    });
    if (this.#connections.size >= this.#limits.maxConnections) connection.destroy();
    else this.#connections.add(connection);
    return connection;
  }

  /** Room for a newcomer: whoever has been quiet for the longest goes, unless an answer is on its way. */
  #longestIdle(): TcpConnection | undefined {
    let longest: TcpConnection | undefined;
    for (const c of this.#connections) {
      if (c.pending === 0 && (!longest || c.lastActiveMs < longest.lastActiveMs)) longest = c;
    }
    if (longest) this.#connections.delete(longest);
    return longest;
  }
}
