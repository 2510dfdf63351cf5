import type { Clock } from '../../core/clock.ts';
import type {
  ConnectOptions,
  Peer,
  SecureConnectOptions,
  Transport,
  TransportHandler,
} from '../../net/index.ts';
import { lbErrors } from '../errors.ts';
import type { Connector } from './connection.ts';

export interface SecureConnectorParts {
  /** What the connections go over: sockets, or streams of HTTP/2. */
  readonly over: Connector;
  /** How TLS is spoken with instances; a text: why it cannot be, now. */
  readonly terms: () => SecureConnectOptions | string;
  readonly clock: Clock;
}

/** Reaches instances with TLS. Without all that it takes nothing is sent to them: it is as if they had refused. */
export class SecureConnector implements Connector {
  readonly #parts: SecureConnectorParts;

  constructor(parts: SecureConnectorParts) {
    this.#parts = parts;
  }

  connect(to: Peer, { timeoutMs }: ConnectOptions, handler: TransportHandler): Transport {
    const { over, terms, clock } = this.#parts;
    const secure = terms();
    if (typeof secure !== 'string') return over.connect(to, { timeoutMs, secure }, handler);
    return new Unreached(to, handler, clock, lbErrors.LB_NO_UPSTREAM_TLS({ reason: secure }));
  }
}

/** A connection that never comes about, as its handler hears a moment later. */
class Unreached implements Transport {
  handler: TransportHandler;
  readonly remote: Peer;
  readonly local: Peer = { ip: '', port: 0 };
  closed = false;

  constructor(remote: Peer, handler: TransportHandler, clock: Clock, error: Error) {
    this.remote = remote;
    this.handler = handler;
    clock.after(0, () => this.destroy(error));
  }

  write(): boolean {
    return true;
  }
  writeOwned(): boolean {
    return true;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}

  destroy(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.handler.onClose(error);
  }
}
