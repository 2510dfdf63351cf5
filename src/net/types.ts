/**
 * Sockets for the two data planes, small enough that every engine can offer them. Handlers run on the engine's thread
 * and must not throw; an engine that catches one closes only that connection.
 */

export interface Peer {
  readonly ip: string;
  readonly port: number;
}

/** What a connection tells its owner. `onClose` comes exactly once and last. */
export interface TransportHandler {
  /** Only for connections we opened. */
  onConnect?(): void;
  /**
   * `bytes` is valid during the call only, and may be overwritten by the handler: copy what must stay, or hand it (or
   * a slice of it) to `write` before returning, which costs no copy.
   */
  onData(bytes: Uint8Array): void;
  /** The peer finished its side. */
  onEnd(): void;
  /** Everything that was written has left; called after `write` returned false. */
  onDrain(): void;
  onClose(error: Error | undefined): void;
}

/** A byte stream (TCP now, TLS later). */
export interface Transport {
  /** May be replaced at any time (protocol upgrade, connection reuse from a pool). */
  handler: TransportHandler;
  readonly remote: Peer;
  readonly local: Peer;
  readonly closed: boolean;
  /**
   * Send. `bytes` is the caller's again when this returns: the engine has sent or copied it, or, where it is a slice of
   * the running `onData`, keeps that read buffer back until it is sent. False: stop until `onDrain`.
   */
  write(bytes: Uint8Array): boolean;
  /** As `write`, without a copy: the caller gives `bytes` away and never changes them again. */
  writeOwned(bytes: Uint8Array): boolean;
  /** Stop and restart reading (back-pressure). */
  pause(): void;
  resume(): void;
  /** Finish our side after what was written. */
  end(): void;
  /** Close at once, both directions. With an error the peer sees a reset, not a clean end. */
  destroy(error?: Error): void;
}

export interface Listener {
  readonly address: Peer;
  /** Stop accepting; connections that exist stay. */
  close(): Promise<void>;
}

export interface DatagramSocket {
  readonly address: Peer;
  /** Best effort, as UDP is; `bytes` may be reused after the call. */
  send(bytes: Uint8Array, to: Peer): void;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one; read it back from `address`. */
  readonly port: number;
  /** SO_REUSEPORT, so that several workers can share the address. */
  readonly reusePort?: boolean;
}

export interface Reactor {
  /** Rejects when the address cannot be bound. `accept` returns the handler for the new connection. */
  listen(options: ListenOptions, accept: (transport: Transport) => TransportHandler): Promise<Listener>;
  /** Starts connecting; the outcome arrives as `onConnect` or `onClose(error)`. */
  connect(to: Peer, options: { readonly timeoutMs: number }, handler: TransportHandler): Transport;
  /** `bytes` in `onMessage` is valid during the call only. */
  udp(options: ListenOptions, onMessage: (bytes: Uint8Array, from: Peer) => void): Promise<DatagramSocket>;
}
