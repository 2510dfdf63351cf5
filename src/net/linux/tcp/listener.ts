import type { Timer } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import { netErrors } from '../../errors.ts';
import type { Listener, ListenOptions, Peer, TransportHandler } from '../../types.ts';
import * as c from '../constants.ts';
import { systemError } from '../libc.ts';
import { TcpConnection } from './connection.ts';
import {
  EMFILE,
  ENFILE,
  EPOLLIN,
  O_NONBLOCK,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SO_REUSEADDR,
} from './constants.ts';
import type { Pollable } from './loop.ts';
import type { Streams } from './streams.ts';

const BACKLOG = 4096;
/** Connections taken at once, so that those that exist have their turn. */
const MOST_AT_ONCE = 64;
/** How long not to accept when the kernel has no memory for another connection. */
const REST_MS = 100;
const LOG_EVERY_MS = 1_000;
const ECONNABORTED = 103;
const EPROTO = 71;

/** Until the owner has given one; nothing can arrive before. */
const NO_HANDLER: TransportHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/**
 * A listening socket. It is watched by level: what is not accepted in one turn is told of again in the next. How many to
 * accept at once follows what came the last time, so that a lone connection costs one call, not two.
 */
export class TcpListener implements Pollable, Listener {
  slot = -1;
  generation = 0;
  readonly address: Peer;
  readonly #streams: Streams;
  readonly #fd: number;
  readonly #onConnection: (connection: TcpConnection) => void;
  #atOnce = 1;
  #closed = false;
  /** A descriptor kept back, so that one connection can be accepted, and refused, when there are no more. */
  #spare: number;
  #rest: Timer | undefined;
  #refused = 0;
  #lastLog = Number.NEGATIVE_INFINITY;

  /** Throws NET_LISTEN_FAILED. */
  constructor(
    streams: Streams,
    options: ListenOptions,
    ip: string,
    onConnection: (connection: TcpConnection) => void,
  ) {
    this.#streams = streams;
    this.#onConnection = onConnection;
    const { descriptor } = options;
    this.#fd = descriptor === undefined ? openListening(streams, options, ip) : adopt(streams, descriptor);
    try {
      this.address = streams.localOf(this.#fd);
      streams.loop.add(this, this.#fd, EPOLLIN);
    } catch (error) {
      streams.calls.close(this.#fd);
      throw listenFailed(options, error);
    }
    this.#spare = streams.calls.eventfd(0, c.SOCK_CLOEXEC);
  }

  onEvents(): void {
    let accepted = 0;
    while (accepted < this.#atOnce && !this.#closed) {
      if (this.#acceptOne()) accepted++;
      else break;
    }
    this.#atOnce = accepted === this.#atOnce ? Math.min(MOST_AT_ONCE, accepted * 2) : Math.max(1, accepted);
  }

  #acceptOne(): boolean {
    const streams = this.#streams;
    const { calls } = streams;
    const fd = calls.accept4(
      this.#fd,
      streams.namePointer,
      streams.roomForName(),
      SOCK_NONBLOCK | c.SOCK_CLOEXEC,
    );
    if (fd < 0) return this.#cannotAccept(calls.errno());
    const connection = new TcpConnection(
      streams,
      NO_HANDLER,
      fd,
      streams.takeName(),
      undefined,
      this.address,
    );
    try {
      connection.watch();
    } catch (error) {
      this.#warn(error);
      calls.close(fd);
      return true;
    }
    try {
      this.#onConnection(connection);
    } catch (error) {
      streams.loop.log.error({ error }, 'connection handler failed');
      connection.destroy();
    }
    return true;
  }

  /** Returns whether there may be more to accept. */
  #cannotAccept(errno: number): boolean {
    if (errno === c.EAGAIN) return false;
    // Gone before they were accepted: the next one.
    if (errno === c.EINTR || errno === ECONNABORTED || errno === EPROTO) return true;
    if ((errno === EMFILE || errno === ENFILE) && this.#refuseOne()) return true;
    this.#warn(systemError('accept', errno));
    this.#pause();
    return false;
  }

  /** Out of descriptors: better refuse a client now than let it wait for one. */
  #refuseOne(): boolean {
    const { calls } = this.#streams;
    if (this.#spare < 0) return false;
    calls.close(this.#spare);
    const fd = calls.accept4(this.#fd, 0, 0, SOCK_NONBLOCK | c.SOCK_CLOEXEC);
    if (fd >= 0) {
      this.#streams.lingerNot(fd);
      calls.close(fd);
      this.#refused++;
    }
    this.#spare = calls.eventfd(0, c.SOCK_CLOEXEC);
    this.#warn(systemError('accept', EMFILE));
    return fd >= 0;
  }

  #pause(): void {
    const { loop, calls } = this.#streams;
    loop.change(this, this.#fd, 0);
    this.#rest?.cancel();
    this.#rest = loop.clock.after(REST_MS, () => {
      if (this.#spare < 0) this.#spare = calls.eventfd(0, c.SOCK_CLOEXEC);
      loop.change(this, this.#fd, EPOLLIN);
    });
  }

  #warn(error: unknown): void {
    const { clock, log } = this.#streams.loop;
    if (clock.monotonic() - this.#lastLog < LOG_EVERY_MS) return;
    this.#lastLog = clock.monotonic();
    log.warn({ error, refused: this.#refused, address: this.address }, 'accepting connections failed');
    this.#refused = 0;
  }

  onAgain(): void {}
  onTurnEnd(): void {}

  onLoopEnd(): void {
    void this.close();
  }

  onFault(error: unknown): void {
    this.#streams.loop.log.error({ error }, 'accepting connections failed');
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#rest?.cancel();
    const { loop, calls } = this.#streams;
    // Another process may have this socket as well: then the kernel would go on telling us of it.
    if (this.slot >= 0) loop.remove(this, this.#fd);
    calls.close(this.#fd);
    if (this.#spare >= 0) calls.close(this.#spare);
  }
}

/** A bound socket that listens. Throws NET_LISTEN_FAILED. */
function openListening(streams: Streams, options: ListenOptions, ip: string): number {
  const { calls } = streams;
  const family = ip.includes(':') ? 6 : 4;
  const kind = SOCK_STREAM | SOCK_NONBLOCK | c.SOCK_CLOEXEC;
  const fd = calls.socket(family === 4 ? c.AF_INET : c.AF_INET6, kind, 0);
  const check = (call: string, result: number): void => {
    if (result < 0) throw systemError(call, calls.errno());
  };
  try {
    check('socket', fd);
    check('setsockopt', streams.setInt(fd, c.SOL_SOCKET, SO_REUSEADDR, 1));
    if (options.reusePort) check('setsockopt', streams.setInt(fd, c.SOL_SOCKET, c.SO_REUSEPORT, 1));
    if (family === 6)
      check('setsockopt', streams.setInt(fd, c.IPPROTO_IPV6, c.IPV6_V6ONLY, ip === '::' ? 0 : 1));
    // Accepted connections inherit it.
    streams.noDelay(fd);
    const length = streams.putName(family, { ip, port: options.port });
    if (length === 0) throw new Error(`${ip} is not an address`);
    check('bind', calls.bind(fd, streams.namePointer, length));
    check('listen', calls.listen(fd, BACKLOG));
    return fd;
  } catch (error) {
    if (fd >= 0) calls.close(fd);
    throw listenFailed(options, error);
  }
}

/** A socket that listens already, perhaps beside another process that accepts from it: so one must not wait in `accept`. */
function adopt({ calls }: Streams, fd: number): number {
  calls.fcntl(fd, c.F_SETFL, O_NONBLOCK);
  // Again, for the length of the queue.
  calls.listen(fd, BACKLOG);
  return fd;
}

function listenFailed({ host, port }: ListenOptions, error: unknown): Error {
  return netErrors.NET_LISTEN_FAILED({ protocol: 'tcp', host, port, reason: errorText(error) }, error);
}
