import { EAGAIN, EINTR, MSG_NOSIGNAL } from '../constants.ts';
import type { StreamCalls } from './calls.ts';

/** Nothing can be read or written now; try again when the descriptor is readable. */
export const WANT_READ = -1;
/** The same, when it is writable. */
export const WANT_WRITE = -2;
/** It went wrong for good; `error` says how. */
export const FAILED = -3;

/**
 * How bytes get in and out of a connection's descriptor where that is not plain `recv` and `send`: a TLS session. Every
 * result below zero is one of the three above. A write that wanted something is tried again with the same bytes, maybe more
 * of them, at another address (SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER).
 */
export interface ByteIo {
  /** Put at most `room` bytes at `pointer`; 0 means that the peer has finished its side. Read again until it wants something. */
  read(pointer: number, room: number): number;
  /** The last read has emptied the descriptor: what comes next makes another edge. */
  readonly drained?: boolean;
  /** Send from `pointer`; says how many bytes were taken. */
  write(pointer: number, length: number): number;
  /** Finish our side: 0, or what it wants. `shutdown` of the descriptor follows. */
  end(): number;
  /** Why the last call failed. */
  error(): Error;
  /** The connection is closed; called once, before the descriptor is. `clean`: all has been said, and nothing went wrong. */
  close(clean: boolean): void;
}

/**
 * Takes a connection's events for itself, and with them reading and writing (a handshake, a relay). What owners of the
 * connection write meanwhile waits.
 */
export interface Gate {
  /** Bits of epoll; also called with EPOLLIN | EPOLLOUT when the connection asked for a turn. */
  onReady(events: number): void;
  /** The connection was closed, by whomever. */
  onClosed(error: Error | undefined): void;
}

/** `recv` in these terms; `errno` of the calls says why it failed. */
export function receive(calls: StreamCalls, fd: number, pointer: number, room: number): number {
  for (;;) {
    const count = calls.recv(fd, pointer, room, 0);
    if (count >= 0) return count;
    const errno = calls.errno();
    if (errno !== EINTR) return errno === EAGAIN ? WANT_READ : FAILED;
  }
}

/** `send` in these terms. */
export function transmit(calls: StreamCalls, fd: number, pointer: number, length: number): number {
  for (;;) {
    const count = calls.send(fd, pointer, length, MSG_NOSIGNAL);
    if (count >= 0) return count;
    const errno = calls.errno();
    if (errno !== EINTR) return errno === EAGAIN ? WANT_WRITE : FAILED;
  }
}
