import type { Relay } from '../../types.ts';
import { EAGAIN, EINTR } from '../constants.ts';
import { systemError } from '../libc.ts';
import { FAILED, receive, transmit } from './byte-io.ts';
import type { Gate } from './byte-io.ts';
import type { TcpConnection } from './connection.ts';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from './constants.ts';
import { PIPE_BYTES } from './pipes.ts';
import type { Pipe } from './pipes.ts';
import { SendQueue } from './send-queue.ts';
import { READ_BYTES } from './streams.ts';

const READABLE = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
const ENDING = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
const WRITABLE = EPOLLOUT | EPOLLHUP | EPOLLERR;
/** After a read of so much the next goes through a pipe, which costs a call more and no copy. */
const LARGE = 32 * 1024;
/** Below that the pipe does not pay. */
const SMALL = 16 * 1024;
/** Moves in one turn, so that others have theirs. */
const MOVES_PER_TURN = 8;

/**
 * Carry bytes between two connections until both sides have ended; undefined when one of them is not a plain connection
 * whose bytes have all left. Small messages are copied through the shared buffer, floods spliced through a pipe.
 */
export function relayBetween(a: TcpConnection, b: TcpConnection): Relay | undefined {
  const fit = (from: TcpConnection, to: TcpConnection): boolean =>
    from.plain && from.flushed && (!to.ended || from.peerEnded);
  if (a === b || a.streams !== b.streams || !fit(a, b) || !fit(b, a)) return undefined;
  return new SpliceRelay(a, b);
}

class SpliceRelay implements Relay {
  /** A number from the beginning, or each change would make an object (V8 keeps what was once `undefined` as a pointer). */
  lastActive = 0;
  readonly #there: Direction;
  readonly #back: Direction;
  #over = false;

  constructor(a: TcpConnection, b: TcpConnection) {
    this.lastActive = a.streams.loop.clock.monotonic();
    this.#there = new Direction(this, a, b);
    this.#back = new Direction(this, b, a);
    a.shut(new Side(this, a, this.#there, this.#back));
    b.shut(new Side(this, b, this.#back, this.#there));
    a.askAgain();
    b.askAgain();
  }

  get forth(): number {
    return this.#there.moved;
  }

  get back(): number {
    return this.#back.moved;
  }

  /** Both sides have ended: so it is over for both. */
  settle(): void {
    if (this.#over || !this.#there.done || !this.#back.done) return;
    this.#over = true;
    this.#there.end();
    this.#back.end();
    this.#there.from.close(this.#back.error);
    this.#back.from.close(this.#there.error);
  }

  /** One was closed, by an error or by its owner: nobody is to take half for the whole at the other end. */
  onGone(other: TcpConnection, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#there.end();
    this.#back.end();
    other.destroy(error);
  }
}

/** One of the two connections, as the loop calls it. */
class Side implements Gate {
  readonly #relay: SpliceRelay;
  readonly #connection: TcpConnection;
  readonly #out: Direction;
  readonly #in: Direction;

  constructor(relay: SpliceRelay, connection: TcpConnection, out: Direction, back: Direction) {
    this.#relay = relay;
    this.#connection = connection;
    this.#out = out;
    this.#in = back;
  }

  onReady(events: number): void {
    if ((events & WRITABLE) !== 0 && this.#in.waiting) this.#in.pump();
    if ((events & READABLE) !== 0 && !this.#connection.closed) {
      if (this.#out.peerEnded) this.#afterEnd(events);
      this.#out.pumpFrom((events & ENDING) !== 0);
    }
    this.#relay.settle();
  }

  /** It has no more to say; but it may be gone. */
  #afterEnd(events: number): void {
    if ((events & EPOLLERR) === 0) return;
    const errno = this.#connection.streams.errorOf(this.#connection.fd);
    if (errno !== 0) this.#connection.close(systemError('read', errno));
  }

  onClosed(error: Error | undefined): void {
    this.#relay.onGone(this.#in.from, error ?? new Error('the other end was closed'));
  }
}

class Direction {
  readonly from: TcpConnection;
  readonly to: TcpConnection;
  moved = 0;
  peerEnded: boolean;
  /** The end was passed on, or there is nobody to pass anything on to: `error` says why. */
  done: boolean;
  error: Error | undefined;
  readonly #relay: SpliceRelay;
  #readable = true;
  /** The end may follow what was read without another event. */
  #ending = true;
  #large = false;
  #pipe: Pipe | undefined;
  #inPipe = 0;
  #rest: SendQueue | undefined;

  constructor(relay: SpliceRelay, from: TcpConnection, to: TcpConnection) {
    this.#relay = relay;
    this.from = from;
    this.to = to;
    this.peerEnded = from.peerEnded;
    this.done = to.ended;
  }

  /** Something is to be sent on, for which there was no room. */
  get waiting(): boolean {
    return this.#inPipe > 0 || this.#rest?.empty === false;
  }

  pumpFrom(ending: boolean): void {
    this.#readable = true;
    if (ending) this.#ending = true;
    this.pump();
  }

  pump(): void {
    for (let moves = 0; moves < MOVES_PER_TURN; moves++) {
      if (this.done || this.from.closed || (this.waiting && !this.#sendOn())) return;
      if (this.peerEnded) {
        this.done = true;
        this.to.shutDown();
        return;
      }
      if (!this.#readable) return;
      if (this.#large) this.#fillPipe();
      else this.#copy();
      if (this.to.closed) return;
    }
    this.from.askAgain();
  }

  #copy(): void {
    const { streams } = this.from;
    const count = receive(streams.calls, this.from.fd, streams.readPointer, READ_BYTES);
    if (!this.#cameIn(count)) return;
    if (count < READ_BYTES && !this.#ending) this.#readable = false;
    this.#large = count >= LARGE;
    const sent = transmit(streams.calls, this.to.fd, streams.readPointer, count);
    if (sent === FAILED) return this.#cannotSend();
    if (sent === count) return;
    this.#rest ??= new SendQueue(streams);
    const at = streams.readAt + Math.max(0, sent);
    this.#rest.copy(new Uint8Array(streams.readBuffer, at, count - Math.max(0, sent)));
    this.to.arm();
  }

  #fillPipe(): void {
    const { streams } = this.from;
    this.#pipe ??= streams.pipes.take();
    if (this.#pipe === undefined) {
      this.#large = false;
      return;
    }
    const count = this.#splice(this.from.fd, this.#pipe.in, PIPE_BYTES);
    this.#inPipe = Math.max(0, count);
    if (count <= 0) this.#givePipe();
    if (this.#cameIn(count) && count < SMALL) this.#large = false;
  }

  /** What a read has brought: true for bytes. */
  #cameIn(count: number): boolean {
    if (count > 0) {
      this.moved += count;
      this.#relay.lastActive = this.from.streams.loop.clock.monotonic();
      return true;
    }
    this.#readable = false;
    if (count === 0) {
      this.peerEnded = true;
      this.from.tellEnd();
    } else if (count === FAILED) {
      this.from.close(systemError('read', this.from.streams.calls.errno()));
    } else {
      this.#ending = false;
      this.#large = false;
    }
    return false;
  }

  /** Send what waits; returns whether all of it has left. */
  #sendOn(): boolean {
    const { calls } = this.from.streams;
    const rest = this.#rest;
    while (this.waiting) {
      const sent =
        this.#pipe !== undefined && this.#inPipe > 0
          ? this.#splice(this.#pipe.out, this.to.fd, this.#inPipe)
          : transmit(calls, this.to.fd, rest?.pointer ?? 0, rest?.length ?? 0);
      if (sent === FAILED) {
        this.#cannotSend();
        return false;
      }
      if (sent <= 0) {
        this.to.arm();
        return false;
      }
      if (this.#inPipe > 0) this.#inPipe -= sent;
      else rest?.sent(sent);
    }
    this.#givePipe();
    return true;
  }

  #splice(from: number, to: number, length: number): number {
    const { calls } = this.from.streams;
    for (;;) {
      const count = calls.splice(from, 0, to, 0, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (count >= 0) return count;
      const errno = calls.errno();
      if (errno !== EINTR) return errno === EAGAIN ? -1 : FAILED;
    }
  }

  /** The receiver takes no more. Where it has finished its side before, that may still be read: only this direction is done. */
  #cannotSend(): void {
    const error = systemError('write', this.from.streams.calls.errno());
    if (error.code !== 'EPIPE') return this.to.close(error);
    this.error = error;
    this.done = true;
    this.end();
    this.to.askAgain();
  }

  #givePipe(): void {
    if (this.#pipe) this.from.streams.pipes.give(this.#pipe, this.#inPipe > 0);
    this.#pipe = undefined;
    this.#inPipe = 0;
  }

  end(): void {
    this.#rest?.clear();
    this.#givePipe();
  }
}
