import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';

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
  /** Where streams share a connection: what is written from now on waits, as if `write` had returned false. */
  onBlocked?(): void;
  onClose(error: Error | undefined): void;
}

/** What the two ends of a TLS connection have agreed on. */
export interface SecureFacts {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  /** IANA name of the cipher suite. */
  readonly cipher: string;
  /** The name that the client asked for (SNI), lower case. */
  readonly serverName: string | undefined;
  /** The application protocol (ALPN), if one was agreed on. */
  readonly alpn: string | undefined;
  readonly resumed: boolean;
  /** The peer's certificate, DER; undefined when it showed none. */
  readonly peerCertificate: Uint8Array | undefined;
  /** What this end came with. */
  readonly context: SecureContext;
}

/** Judges a certificate (DER) whose chain is good: undefined is well, else why not. Must not throw. */
export type JudgePeer = (certificate: Uint8Array) => string | undefined;

/** A byte stream: TCP, TLS, or one stream of HTTP/2. */
export interface Transport {
  /** May be replaced at any time (protocol upgrade, connection reuse from a pool). */
  handler: TransportHandler;
  readonly remote: Peer;
  readonly local: Peer;
  readonly closed: boolean;
  /** Undefined: not encrypted by us. */
  readonly secure?: SecureFacts | undefined;
  /**
   * Send. `bytes` is the caller's again when this returns: the engine has sent or copied it, or, where it is a slice of
   * the running `onData`, keeps that read buffer back until it is sent. `start` and `end` choose a part of it, for less than
   * `subarray` costs. False: stop until `onDrain`.
   */
  write(bytes: Uint8Array, start?: number, end?: number): boolean;
  /** As `write`, without a copy: the caller gives `bytes` away and never changes them again. */
  writeOwned(bytes: Uint8Array): boolean;
  /** Stop and restart reading (back-pressure). */
  pause(): void;
  resume(): void;
  /**
   * Finish our side after what was written. `last`: the peer has said that it sends nothing more, so an engine need not wait
   * for its end, and may close once all has left.
   */
  end(last?: boolean): void;
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

/** What a client says of itself before anything is agreed on (RFC 8446 §4.1.2). */
export interface ClientHello {
  /** SNI, lower case; undefined when absent. */
  readonly serverName: string | undefined;
  /** Protocols offered by ALPN, in its order. */
  readonly alpn: readonly string[];
}

/** Keys, certificates and rules of one TLS identity, made once by the engine that uses it; opaque to others. */
export interface SecureContext {
  readonly kind: 'server' | 'client';
  /** Free what it holds; connections that exist go on. */
  close(): void;
}

export interface SecureContextOptions {
  readonly kind: 'server' | 'client';
  /** PEM: leaf first. Absent for clients that show none. */
  readonly certificateChain?: string;
  /** PEM (PKCS #8, SEC 1 or PKCS #1). */
  readonly privateKey?: string;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL names for TLS 1.2, colons between them; absent takes the sane default. */
  readonly ciphers?: string;
  /** In order of preference. */
  readonly alpn?: readonly string[];
  /**
   * Servers: 48 bytes per key, the first encrypts, all decrypt; absent: no tickets. Where clients are asked for certificates there are
   * none either: each connection is judged by what is trusted and in its time then.
   */
  readonly ticketKeys?: readonly Uint8Array[];
  /** PEM roots by which the peer's certificate is judged. */
  readonly trust?: string;
  /** Servers: whether clients must show a certificate. Clients: whether the server's is verified (default `require`). */
  readonly verify?: 'none' | 'request' | 'require';
}

/** What to do with a connection, by its ClientHello. */
export type SecureChoice =
  | {
      readonly kind: 'terminate';
      readonly context: SecureContext;
      /** Has a say on the client's certificate, where one is shown. */
      readonly judge?: JudgePeer;
    }
  /** Leave it encrypted: the hello is the first thing that `onData` brings. */
  | { readonly kind: 'passthrough' }
  /** Alert unrecognized_name (RFC 6066 §3) and close. */
  | { readonly kind: 'refuse' };

export interface ListenSecurely {
  /**
   * Called when a connection has come, before anything of it is read; false: it is reset. Of one that was let in either `accept` or
   * `onHandshakeFailed` is called in the end, once.
   */
  admit?(remote: Peer): boolean;
  /** Called once the hello is complete; must not throw. */
  choose(hello: ClientHello, local: Peer, remote: Peer): SecureChoice;
  /** Who does not begin with TLS (the first byte tells) is handed to `accept` as it comes, without a hello. */
  readonly alsoPlain?: boolean;
  /** Hello and handshake must be done within this time. */
  readonly handshakeMs: number;
  /** A connection ended before it was handed over: no TLS, no common version, out of time, a bad certificate. */
  onHandshakeFailed?(reason: string, remote: Peer): void;
}

export interface ConnectOptions {
  /** Connecting, and the TLS handshake where there is one, must be done within this time. */
  readonly timeoutMs: number;
  /** `onConnect` comes after the handshake. */
  readonly secure?: SecureConnectOptions;
}

export interface SecureConnectOptions {
  readonly context: SecureContext;
  /** The name to ask for. It, or else the address, must be in the certificate that the server shows, unless there is `judge`. */
  readonly serverName?: string;
  readonly judge?: JudgePeer;
  /** Connections that were made on the same terms may be shared; absent: by name alone. */
  readonly terms?: string;
}

/** Bytes that pass between two connections without anybody looking at them. */
export interface Relay {
  /** So far, from the first transport to the second and back. */
  readonly forth: number;
  readonly back: number;
  /** Monotonic milliseconds of the last byte either way. */
  readonly lastActive: number;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one; read it back from `address`. */
  readonly port: number;
  /** SO_REUSEPORT, so that several workers can share the address. */
  readonly reusePort?: boolean;
  /** A socket that is bound there already, and for TCP listens: taken over instead of opening one; closed as one of ours. */
  readonly descriptor?: number;
  /** Speak TLS here. `accept` is called when the handshake is done, or at once for what passes through. */
  readonly secure?: ListenSecurely;
}

export interface Reactor {
  /** Rejects when the address cannot be bound. `accept` returns the handler for the new connection. */
  listen(
    options: ListenOptions,
    accept: (transport: Transport, hello?: ClientHello) => TransportHandler,
  ): Promise<Listener>;
  /** Starts connecting; the outcome arrives as `onConnect` or `onClose(error)`. */
  connect(to: Peer, options: ConnectOptions, handler: TransportHandler): Transport;
  /** `bytes` in `onMessage` is valid during the call only. */
  udp(options: ListenOptions, onMessage: (bytes: Uint8Array, from: Peer) => void): Promise<DatagramSocket>;
  /** Throws NET_BAD_CERTIFICATE, saying what does not fit. */
  secureContext?(options: SecureContextOptions): SecureContext;
  /**
   * Carry bytes between the two until both sides have ended or one is gone, where the engine does that better than
   * `onData` and `write` (splice(2) on Linux); undefined when it does not for these two (TLS, or bytes that were written
   * and have not left), and nothing has changed then. From then on both handlers hear of `onEnd` (passed on, after all bytes
   * before it) and `onClose` only, and owners do nothing but `destroy`, which resets the other end as well.
   */
  relay?(a: Transport, b: Transport): Relay | undefined;
}

/**
 * A thread of a data plane, seen from inside: an engine, the clock whose timers run on it, and the main thread at the
 * other end. On Linux the thread sleeps in the engine: promises go on between its turns, but Node's own timers and events
 * (files, the thread pool) do not wake it and wait for the next turn, half a second at most. `monotonic` of the clock stands still
 * during a turn.
 */
export interface PlaneThread {
  readonly engine: 'linux' | 'portable';
  readonly reactor: Reactor;
  readonly clock: Clock;
  /** The main thread writes what is logged here. */
  readonly log: Logger;
  /** Number of this thread, from 0, and what the main thread gave it to begin with. */
  readonly worker: number;
  readonly setup: unknown;
  /** Messages from the main thread, in order. Set it before `run`. */
  onMessage: (message: unknown) => void;
  send(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** Resolves after `stop`, from here or from the main thread; the linux engine has closed all connections then. */
  run(): Promise<void>;
  stop(): void;
}
