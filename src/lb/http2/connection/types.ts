import type { Transport, TransportHandler } from '../../../net/index.ts';
import type { Http2Context } from '../context.ts';

/** What one stream has to send, as its connection sees it. */
export interface Outgoing {
  /** Bytes that the peer takes of this stream now; below 0 after it has made its window smaller. */
  window: number;
  /** Payload waits. */
  readonly waiting: boolean;
  /** Monotonic milliseconds since when nothing of it could go, 0 where it does not wait. */
  readonly since: number;
  /** More window; false: more than there can be. */
  widen(by: number): boolean;
  /** Send at most `limit` bytes of what waits. Returns what has gone. */
  pump(limit: number): number;
}

/** What comes on one stream, as its connection sees it. */
export interface Incoming {
  /** Content-Length as the peer told it, -1 without one. */
  readonly expected: number;
  received: number;
  /** What the peer may still send, and what has been taken since it was told so last. */
  window: number;
  taken: number;
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  /** The stream ends with trailers: field lines, with the empty line. */
  trailers(section: Uint8Array): void;
}

/** A stream as its connection sees it. */
export interface Http2Stream {
  handler: TransportHandler;
  /** 0 without a stream. */
  readonly id: number;
  readonly closed: boolean;
  /** When the stream began, monotonic milliseconds. */
  readonly boundAt: number;
  /** END_STREAM was sent, and received. */
  localEnded: boolean;
  remoteEnded: boolean;
  readonly queue: Outgoing;
  readonly inbound: Incoming;
  /** Have `settle` called at the end of this round. */
  later(): void;
  settle(): void;
  /** Write no more, unless the connection takes it (`takes`). */
  stop(): void;
  /** The connection can take more. Whether the stream goes on, and is to be called no more. */
  drained(): boolean;
  /** It is over, and the peer knows. */
  close(error: Error | undefined): void;
  /** It is over, and the peer is to be told. */
  destroy(error?: Error): void;
}

/** A connection as its streams see it. */
export interface StreamOwner {
  readonly transport: Transport;
  readonly context: Http2Context;
  /** Whether what a stream writes now can leave, or may wait. */
  takes(stream: Http2Stream): boolean;
  /** `n` bytes more wait for windows, or fewer. */
  queued(n: number): void;
  /** The window that new streams begin with. */
  readonly peerWindow: number;
  /** Send payload as far as windows and socket allow; returns how much that was. */
  sendData(stream: Http2Stream, bytes: Uint8Array, start: number, end: number): number;
  /** The stream's end, with trailers or without. */
  sendEnd(stream: Http2Stream, trailers: Uint8Array | undefined): void;
  /** End a stream with RST_STREAM. */
  reset(stream: Http2Stream, code: number): void;
  /** The handler has taken `n` bytes of a stream: the peer may send as much again. */
  consumed(stream: Http2Stream, n: number): void;
  /** Room in the connection's window is free again. */
  credit(n: number): void;
  waitForWindow(stream: Http2Stream): void;
  waitForDrain(stream: Http2Stream): void;
  settleLater(stream: Http2Stream): void;
  /** The transport is gone for its handler. */
  forget(stream: Http2Stream): void;
}
