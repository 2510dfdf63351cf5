import { copyOf } from '../../../core/bytes.ts';
import { MAX_WINDOW } from '../protocol.ts';
import type { Http2Stream, Outgoing, StreamOwner } from './types.ts';

/** What one stream has to send: its window, the payload that waits for it, and the end. */
export class SendQueue implements Outgoing {
  /** Bytes that the peer takes of this stream now; below 0 after it has made its window smaller. */
  window = 0;
  /** Monotonic milliseconds since when it waits for windows, 0 where it does not. */
  since = 0;
  readonly #owner: StreamOwner;
  readonly #stream: Http2Stream;
  #pieces: Uint8Array[] = [];
  /** Of the first piece, what has gone already. */
  #gone = 0;
  #bytes = 0;
  #ending = false;
  #trailers: Uint8Array | undefined;

  constructor(owner: StreamOwner, stream: Http2Stream) {
    this.#owner = owner;
    this.#stream = stream;
  }

  reset(window: number): void {
    this.window = window;
    this.drop();
  }

  /** Forget all that waits. */
  drop(): void {
    if (this.#bytes > 0) this.#owner.queued(-this.#bytes);
    this.#pieces = NONE;
    this.#gone = 0;
    this.#bytes = 0;
    this.since = 0;
    this.#ending = false;
    this.#trailers = undefined;
  }

  /** Payload waits here. */
  get waiting(): boolean {
    return this.#bytes > 0;
  }

  /** More window; false: more than there can be (RFC 9113 §6.9.1). */
  widen(by: number): boolean {
    this.window += by;
    if (this.#bytes === 0 && this.window > 0) this.since = 0;
    return this.window <= MAX_WINDOW;
  }

  /** Its writer is told to stop: where its window is shut, it waits for that from now on. */
  stop(): void {
    if (this.since === 0 && this.window <= 0) this.since = this.#owner.context.now();
  }

  /** Send payload; what cannot go now waits. */
  data(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    if (this.#bytes === 0) at += this.#owner.sendData(this.#stream, bytes, start, end);
    if (at === end) return;
    const owner = this.#owner;
    if (this.#bytes === 0) {
      this.#pieces = [];
      if (this.since === 0) this.since = owner.context.now();
    }
    this.#pieces.push(copyOf(bytes, at, end));
    this.#bytes += end - at;
    owner.waitForWindow(this.#stream);
    owner.queued(end - at);
  }

  /** The end, perhaps with trailers: goes behind what waits. */
  end(trailers: Uint8Array | undefined): void {
    if (this.#bytes === 0) return this.#owner.sendEnd(this.#stream, trailers);
    this.#ending = true;
    this.#trailers = trailers === undefined ? undefined : copyOf(trailers);
  }

  /** Send at most `limit` bytes of what waits. Returns what has gone. */
  pump(limit: number): number {
    const owner = this.#owner;
    let sent = 0;
    while (this.#bytes > 0 && sent < limit) {
      const piece = this.#pieces[0] as Uint8Array;
      const end = Math.min(piece.length, this.#gone + limit - sent);
      const n = owner.sendData(this.#stream, piece, this.#gone, end);
      if (n === 0) break;
      sent += n;
      this.#gone += n;
      this.#bytes -= n;
      owner.queued(-n);
      if (this.#gone === piece.length) {
        this.#pieces.shift();
        this.#gone = 0;
      }
    }
    if (sent > 0) this.since = this.#bytes > 0 ? owner.context.now() : 0;
    if (this.#bytes === 0 && this.#ending) {
      this.#ending = false;
      owner.sendEnd(this.#stream, this.#trailers);
    }
    return sent;
  }
}

const NONE: Uint8Array[] = [];
