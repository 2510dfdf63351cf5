import type { Timer } from '../../../core/clock.ts';
import type { Peer, SecureFacts, Transport, TransportHandler } from '../../types.ts';
import { systemError } from '../libc.ts';
import { connectError } from './errors.ts';
import { FAILED, WANT_READ, WANT_WRITE, receive, transmit } from './byte-io.ts';
import type { ByteIo, Gate } from './byte-io.ts';
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, SHUT_WR } from './constants.ts';
import { localEnd, NOWHERE } from './local-end.ts';
import type { Pollable } from './loop.ts';
import { part, SendQueue } from './send-queue.ts';
import { READ_BYTES } from './streams.ts';
import type { Streams } from './streams.ts';

/** A connection that always has more to read lets others have their turn after so many reads. */
const READS_PER_TURN = 4;
/** Something may be read, be it the end or an error. */
const READABLE = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/** After these the end may follow what was read without another event. */
const ENDING = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
const WRITABLE = EPOLLOUT | EPOLLHUP | EPOLLERR;
const WATCHED = EPOLLIN | EPOLLRDHUP | EPOLLET;

/**
 * A TCP connection as a Transport. The kernel tells when it *becomes* readable or writable (EPOLLET), which is remembered
 * here: so pausing, resuming and ordinary writes need no system call to say what to watch for.
 */
export class TcpConnection implements Transport, Pollable {
  handler: TransportHandler;
  slot = -1;
  generation = 0;
  readonly fd: number;
  readonly streams: Streams;
  readonly remote: Peer;
  secure: SecureFacts | undefined;
  /** What is to happen when it is connected, before `opened` tells the handler: TLS. */
  negotiate: (() => void) | undefined;
  #local: Peer | undefined;
  #io: ByteIo | undefined;
  #gate: Gate | undefined;
  #queue: SendQueue | undefined;
  /** For as long as it is connecting: runs when it takes too long. */
  #deadline: Timer | undefined;
  #connecting: boolean;
  #closed = false;
  #paused = false;
  /** An edge was seen and not all was read yet. */
  #readable = false;
  #ending = false;
  #peerEnded = false;
  /** `end` was called; and our side is finished. */
  #ended = false;
  #finished = false;
  /** Watching for room to write as well. */
  #armed: boolean;
  #askedAgain = false;
  /** TLS: the read goes on when there is room to write, the write when there is something to read. */
  #readWantsWrite = false;
  #writeWantsRead = false;
  #drainDue = false;
  #writeError: NodeJS.ErrnoException | undefined;
  #error: Error | undefined;

  constructor(
    streams: Streams,
    handler: TransportHandler,
    fd: number,
    remote: Peer,
    connecting: Timer | undefined,
    at?: Peer,
  ) {
    this.streams = streams;
    this.handler = handler;
    this.fd = fd;
    this.remote = remote;
    if (at !== undefined) this.#local = localEnd(this, at);
    this.#deadline = connecting;
    this.#connecting = connecting !== undefined;
    this.#armed = this.#connecting;
  }

  /** Have the loop watch it. Throws a system error. */
  watch(): void {
    this.streams.loop.add(this, this.fd, this.#armed ? WATCHED | EPOLLOUT : WATCHED);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Nothing that was written waits here. */
  get flushed(): boolean {
    return this.#queue === undefined || this.#queue.empty;
  }

  /** Neither TLS nor somebody else's gate: the descriptor may be used as it is. */
  get plain(): boolean {
    return this.#io === undefined && this.#gate === undefined && !this.#connecting && !this.#closed;
  }

  /** The peer has finished its side, and we have been asked to finish ours. */
  get peerEnded(): boolean {
    return this.#peerEnded;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get local(): Peer {
    return (this.#local ??= this.#closed ? NOWHERE : this.streams.localOf(this.fd));
  }

  onEvents(events: number): void {
    if (this.#gate !== undefined) return this.#gate.onReady(events);
    if (this.#connecting) return this.#onConnecting(events);
    if ((events & WRITABLE) !== 0 || this.#writeWantsRead) {
      if (this.#readWantsWrite) this.#readable = true;
      if (this.#queue !== undefined) {
        this.#flush();
        if (this.#closed) return;
      }
    }
    if ((events & READABLE) === 0 && !this.#readable) return;
    if (this.#peerEnded) return this.#afterEnd(events);
    this.#readable = true;
    if ((events & ENDING) !== 0) this.#ending = true;
    if (!this.#paused) this.#read();
  }

  onAgain(): void {
    this.#askedAgain = false;
    if (this.#closed) return;
    if (this.#gate !== undefined) return this.#gate.onReady(EPOLLIN | EPOLLOUT);
    if (this.#queue !== undefined || (this.#ended && !this.#finished)) this.#flush();
    if (this.#readable && !this.#paused && !this.#peerEnded && !this.#closed) this.#read();
  }

  onTurnEnd(): void {
    this.handler.onClose(this.#error);
  }

  onLoopEnd(): void {
    this.destroy();
  }

  onFault(error: unknown): void {
    this.streams.loop.log.error({ error }, 'connection handler failed');
    this.destroy(error instanceof Error ? error : new Error(String(error)));
  }

  #onConnecting(events: number): void {
    const errno = (events & (EPOLLERR | EPOLLHUP)) === 0 ? 0 : this.streams.errorOf(this.fd);
    if (errno !== 0) return this.close(connectError(errno, this.remote));
    if ((events & EPOLLOUT) === 0) return;
    this.#connecting = false;
    this.#readable = (events & READABLE) !== 0;
    this.#ending = (events & ENDING) !== 0;
    if (this.negotiate) this.negotiate();
    else this.opened();
  }

  /** It is open, and so is what was to be negotiated on it. */
  opened(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.handler.onConnect?.();
    if (this.#closed) return;
    if (this.#queue !== undefined || this.#ended) this.#flush();
    if (this.#readable) this.askAgain();
  }

  /** Get another turn, without waiting for the kernel. */
  askAgain(): void {
    if (this.#askedAgain) return;
    this.#askedAgain = true;
    this.streams.loop.again(this);
  }

  #read(): void {
    const { streams } = this;
    const { calls, readPointer } = streams;
    this.#readWantsWrite = false;
    for (let reads = 0; reads < READS_PER_TURN; reads++) {
      const io = this.#io;
      const count =
        io === undefined
          ? receive(calls, this.fd, readPointer, READ_BYTES)
          : io.read(readPointer, READ_BYTES);
      if (count <= 0) return count === 0 ? this.#onEnd() : this.#cannotRead(count, io);
      // A stream that gave less than there was room for is empty: the next bytes make another edge.
      if (!this.#ending && (io === undefined ? count < READ_BYTES : io.drained === true))
        this.#readable = false;
      this.handler.onData(streams.view(count));
      if (!this.#readable || this.#paused || this.#closed || this.#gate !== undefined) return;
    }
    this.askAgain();
  }

  #cannotRead(result: number, io: ByteIo | undefined): void {
    this.#readable = false;
    if (result === FAILED) this.close(io?.error() ?? systemError('read', this.streams.calls.errno()));
    else if (result === WANT_READ) this.#ending = false;
    else {
      this.#readWantsWrite = true;
      this.arm();
    }
  }

  #onEnd(): void {
    this.#readable = false;
    this.#peerEnded = true;
    const writeError = this.#writeError;
    // After a reset that a write has heard of, reading brings an end that the peer never sent.
    if (writeError !== undefined && writeError.code !== 'EPIPE') return this.close(writeError);
    this.handler.onEnd();
    if (this.#closed) return;
    if (writeError !== undefined || this.#finished) this.close(writeError);
  }

  /** There can be nothing to read any more; but the connection may be gone. */
  #afterEnd(events: number): void {
    if ((events & EPOLLERR) === 0) return;
    const errno = this.streams.errorOf(this.fd);
    if (errno !== 0) this.close(systemError('read', errno));
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    return this.#send(bytes, start, end, false);
  }

  writeOwned(bytes: Uint8Array): boolean {
    return this.#send(bytes, 0, bytes.length, true);
  }

  #send(bytes: Uint8Array, start: number, end: number, owned: boolean): boolean {
    if (this.#closed || this.#ended || this.#writeError !== undefined) return true;
    const length = end - start;
    if (this.#connecting || this.#gate !== undefined || this.#queue?.empty === false) {
      return length === 0 ? this.flushed : this.#enqueue(part(bytes, start, end), owned);
    }
    if (length === 0) return true;
    const sent = this.#put(this.streams.pointerTo(bytes, start, end), length);
    if (sent === length) return true;
    if (sent < 0) {
      this.#drainDue = false;
      return true;
    }
    this.#enqueue(part(bytes, start + sent, end), owned);
    if (!this.#writeWantsRead) this.arm();
    return false;
  }

  #enqueue(bytes: Uint8Array, owned: boolean): false {
    this.#queue ??= new SendQueue(this.streams);
    if (owned) this.#queue.keep(bytes);
    else this.#queue.copy(bytes);
    this.#drainDue = true;
    return false;
  }

  /** Give bytes to the kernel: how many it took, or -1 when there will never be a way again. */
  #put(pointer: number, length: number): number {
    const { calls } = this.streams;
    const io = this.#io;
    const sent = io === undefined ? transmit(calls, this.fd, pointer, length) : io.write(pointer, length);
    if (sent === FAILED) return this.#cannotWrite(io?.error() ?? systemError('write', calls.errno()));
    this.#writeWantsRead = sent === WANT_READ;
    return sent < 0 ? 0 : sent;
  }

  /**
   * Nobody takes our bytes any more. What the peer said before it stopped listening (an early answer to an upload, such as
   * 413) is still to be read, so the connection goes on until that ends.
   */
  #cannotWrite(error: Error): -1 {
    this.#writeError = error;
    this.#queue?.clear();
    this.#readable = true;
    this.#ending = true;
    if (this.#peerEnded) this.close(error);
    else this.askAgain();
    return -1;
  }

  /** Watch for room to write as well, from now on. */
  arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.streams.loop.change(this, this.fd, WATCHED | EPOLLOUT);
  }

  #flush(): void {
    const queue = this.#queue;
    if (queue !== undefined) {
      while (!queue.empty) {
        const { length } = queue;
        const sent = this.#put(queue.pointer, length);
        if (sent < 0) break;
        if (sent > 0) queue.sent(sent);
        if (sent === length) continue;
        // Plain: less than all means no room. TLS may take a record at a time.
        if (sent > 0 && this.#io !== undefined) continue;
        if (!this.#writeWantsRead) this.arm();
        return;
      }
    }
    if (this.#closed) return;
    if (this.#ended) this.#finish();
    if (!this.#drainDue || this.#closed) return;
    this.#drainDue = false;
    this.handler.onDrain();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#readable && !this.#closed) this.askAgain();
  }

  end(last = false): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    if (this.#connecting || this.#gate !== undefined || !this.flushed) return;
    // A close has the kernel send what it took, then our end, unless there is something to read: then it sends a reset.
    const mayClose = last && !this.#readable && this.#io === undefined && this.#writeError === undefined;
    if (mayClose) this.close(undefined);
    else this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    const io = this.#io;
    if (io !== undefined && this.#writeError === undefined) {
      const result = io.end();
      if (result === WANT_READ || result === WANT_WRITE) {
        this.#queue ??= new SendQueue(this.streams);
        this.#writeWantsRead = result === WANT_READ;
        if (result === WANT_WRITE) this.arm();
        return;
      }
    }
    this.#finished = true;
    // It fails where the peer has reset the connection; reading tells.
    this.streams.calls.shutdown(this.fd, SHUT_WR);
    if (this.#peerEnded) this.close(this.#writeError);
  }

  destroy(error?: Error): void {
    if (this.#closed) return;
    if (error !== undefined && !this.#connecting) this.streams.lingerNot(this.fd);
    this.close(error);
  }

  /** The end, whoever wanted it. The owner is told at the end of the turn. */
  close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#deadline?.cancel();
    const { loop } = this.streams;
    this.#io?.close(error === undefined && this.flushed);
    this.#queue = undefined;
    loop.close(this, this.fd);
    loop.atEnd(this);
    this.#gate?.onClosed(error);
  }

  /** Let somebody else have the events, until `open`. */
  shut(gate: Gate): void {
    this.#gate = gate;
  }

  /** For a gate that has read the end: the handler hears of it. */
  tellEnd(): void {
    this.#peerEnded = true;
    this.handler.onEnd();
  }

  /** For a gate: finish our side of a plain connection. */
  shutDown(): void {
    this.#ended = true;
    this.#finished = true;
    this.streams.calls.shutdown(this.fd, SHUT_WR);
  }

  /** Give the events back to the handler, through `io` from now on where there is one. */
  open(io?: ByteIo): void {
    this.#gate = undefined;
    this.#io = io;
    if (this.#closed) return;
    // What there was to read may have been seen by the gate: look again.
    this.#readable = true;
    this.#ending = true;
    this.askAgain();
  }
}
