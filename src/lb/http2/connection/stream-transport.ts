import { copyOf } from '../../../core/bytes.ts';
import type { Peer, SecureFacts, Transport, TransportHandler } from '../../../net/index.ts';
import { BodyReader, FAILED, INCOMPLETE } from '../../http1/index.ts';
import { ErrorCode } from '../protocol.ts';
import { Inbound } from './inbound.ts';
import { SendQueue } from './send-queue.ts';
import type { Http2Stream, StreamOwner } from './types.ts';

/** What of an HTTP/1.1 message its writer has given us so far. */
export const Writing = { HEAD: 0, BODY: 1, TUNNEL: 2, DONE: 3, DISCARD: 4 } as const;

/**
 * One stream of HTTP/2 that its handler sees as a connection of HTTP/1.1: what the handler writes is parsed and becomes
 * HEADERS and DATA, what the peer sends becomes heads and bodies. It outlives its stream: like a connection that is kept
 * alive it serves one after the other.
 */
export abstract class StreamTransport implements Transport, Http2Stream {
  handler: TransportHandler = NOBODY;
  readonly connection: StreamOwner;
  /** Of the stream that is bound to it, 0 without one. */
  id = 0;
  /** Monotonic milliseconds. */
  boundAt = 0;
  writing: number = Writing.HEAD;
  /** END_STREAM was sent, and received. */
  localEnded = false;
  remoteEnded = false;
  readonly inbound: Inbound;
  readonly queue: SendQueue;
  /** The handler has called `end`. */
  protected ended = false;
  /** A whole head is here that could not be sent yet. */
  protected stuck = false;
  protected readonly body = new BodyReader();
  #partial: Uint8Array | undefined;
  #needDrain = false;
  #destroyed = false;
  #closeError: Error | undefined;
  #notified = false;
  #dirty = false;
  readonly #onPayload: (bytes: Uint8Array, start: number, end: number) => void;

  constructor(connection: StreamOwner) {
    this.connection = connection;
    this.inbound = new Inbound(connection, this);
    this.queue = new SendQueue(connection, this);
    this.#onPayload = (bytes, start, end) => this.queue.data(bytes, start, end);
  }

  get remote(): Peer {
    return this.connection.transport.remote;
  }

  get local(): Peer {
    return this.connection.transport.local;
  }

  get secure(): SecureFacts | undefined {
    return this.connection.transport.secure;
  }

  get closed(): boolean {
    return this.#destroyed;
  }

  get waitsForDrain(): boolean {
    return this.#needDrain;
  }

  /** Begin with a new stream. */
  bind(id: number): void {
    this.id = id;
    this.boundAt = this.connection.context.now();
    this.writing = Writing.HEAD;
    this.localEnded = false;
    this.remoteEnded = false;
    this.queue.reset(this.connection.peerWindow);
    this.inbound.reset();
  }

  /** Take one head out of what was written: the offset after it, INCOMPLETE or FAILED. Sets `writing` when it is the last. */
  protected abstract takeHead(bytes: Uint8Array, start: number, end: number): number;
  /** Whether what has come may be handed over; who says no has `settle` called again. */
  protected ready(): boolean {
    return true;
  }
  /** See whether the stream, or this transport, is over. */
  protected abstract finish(): void;

  /** Read a body of this length from now on. Where it is empty, the head that goes before it ends the stream. */
  protected beginBody(length: number): void {
    this.writing = Writing.BODY;
    this.body.begin(length);
    this.body.onPayload = this.#onPayload;
    if (this.body.done) this.#bodyDone();
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (this.#destroyed) return true;
    this.#take(end - start === bytes.length ? bytes : bytes.subarray(start, end));
    if (this.#flows) return true;
    this.#needDrain = true;
    this.connection.waitForDrain(this);
    return false;
  }

  /** What is written now leaves now. */
  get #flows(): boolean {
    return !this.queue.waiting && !this.stuck && this.connection.takes(this);
  }

  stop(): void {
    if (this.#needDrain || this.#destroyed || this.id === 0 || this.connection.takes(this)) return;
    this.#needDrain = true;
    this.connection.waitForDrain(this);
    this.queue.stop();
    this.handler.onBlocked?.();
  }

  writeOwned(bytes: Uint8Array): boolean {
    return this.write(bytes);
  }

  #take(piece: Uint8Array): void {
    let bytes = piece;
    if (this.#partial !== undefined) {
      bytes = Buffer.concat([this.#partial, piece]);
      this.#partial = undefined;
    }
    let at = 0;
    const end = bytes.length;
    while (at < end && !this.#destroyed) {
      if (this.writing === Writing.HEAD) {
        const next = this.takeHead(bytes, at, end);
        if (next === INCOMPLETE) {
          this.#partial = copyOf(bytes, at, end);
          return;
        }
        if (next === FAILED) return this.destroy(new Error('not HTTP/1.1'));
        at = next;
      } else if (this.writing === Writing.BODY) at = this.#takeBody(bytes, at, end);
      else if (this.writing === Writing.TUNNEL) {
        this.queue.data(bytes, at, end);
        return;
      } else if (this.writing === Writing.DISCARD) return;
      else if (!this.nextMessage()) return this.destroy(new Error('bytes behind the end of a message'));
    }
  }

  /** What could not be sent before, again. */
  protected takeMore(): void {
    if (this.#partial !== undefined && !this.#destroyed) this.#take(NOTHING);
  }

  /** Bytes came behind the end of a message: whether they may begin the next one. */
  protected nextMessage(): boolean {
    return false;
  }

  #takeBody(bytes: Uint8Array, at: number, end: number): number {
    const next = this.body.push(bytes, at, end);
    if (this.body.error !== undefined) this.destroy(new Error(this.body.error));
    else if (this.body.done) this.#bodyDone();
    return next;
  }

  #bodyDone(): void {
    this.writing = Writing.DONE;
    this.queue.end(this.body.trailers);
    this.later();
  }

  pause(): void {
    this.inbound.paused = true;
  }

  resume(): void {
    if (!this.inbound.paused) return;
    this.inbound.paused = false;
    this.later();
  }

  end(): void {
    if (this.#destroyed || this.ended) return;
    this.ended = true;
    if (this.writing === Writing.TUNNEL) this.queue.end(undefined);
    else if (this.writing === Writing.BODY && this.body.finish()) this.#bodyDone();
    this.later();
  }

  destroy(error?: Error): void {
    if (this.#destroyed) return;
    const over = this.id === 0 || (this.localEnded && this.remoteEnded);
    if (!over) this.connection.reset(this, this.resetCode(error));
    this.close(error);
  }

  /** What the peer is told when the handler gives the stream up. */
  protected resetCode(error: Error | undefined): number {
    if (this.localEnded && error === undefined) return ErrorCode.NO_ERROR;
    return this.writing === Writing.TUNNEL ? ErrorCode.CANCEL : ErrorCode.INTERNAL_ERROR;
  }

  /** It is over, for whatever reason; the handler hears of it at the end of this round. */
  close(error: Error | undefined): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#closeError = error;
    this.queue.drop();
    this.inbound.drop();
    this.connection.forget(this);
    this.later();
  }

  /** Have `settle` called at the end of this round. */
  later(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.connection.settleLater(this);
  }

  /** The connection can take more: whoever was told to wait goes on. */
  drained(): boolean {
    if (!this.#needDrain) return true;
    if (!this.#flows) return false;
    this.later();
    return true;
  }

  /** Tell the handler what has come about, outside of any call of its own. */
  settle(): void {
    this.#dirty = false;
    if (this.#destroyed) return this.#notify();
    if (!this.ready()) return;
    this.inbound.deliver();
    if (this.#needDrain && !this.#destroyed) this.#goOn();
    if (!this.#destroyed) this.finish();
  }

  #goOn(): void {
    if (this.#flows) {
      this.#needDrain = false;
      this.handler.onDrain();
    } else {
      // Another one was quicker.
      this.connection.waitForDrain(this);
    }
  }

  #notify(): void {
    if (this.#notified) return;
    this.#notified = true;
    this.handler.onClose(this.#closeError);
  }
}

const NOTHING = new Uint8Array(0);

const NOBODY: TransportHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};
