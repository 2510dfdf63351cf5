import type { Transport } from '../../../net/index.ts';
import type { Http2Context } from '../context.ts';
import { DEFAULT_WINDOW } from '../protocol.ts';
import { FrameOut } from './frame-out.ts';
import type { Http2Stream } from './types.ts';

/** From this much on, what was written is sent without waiting for the end of the round. */
const FLUSH_BYTES = 32 * 1024;
/** While the socket takes nothing, bodies are written up to here, and frames are read up to there. */
const FULL_BYTES = 64 * 1024;
const PAUSE_BYTES = 192 * 1024;
/** The most that engines read at a time. */
const READ_BYTES = 128 * 1024;
/**
 * With so much payload waiting in a connection nothing more is read for it but what can leave at once, until half of it
 * has gone. What was just being read comes on top: together that is less than 1 MiB.
 */
const WAITING_BYTES = 640 * 1024;

/** The socket of a connection, and its rounds: what is written during one leaves at its end, in one send where possible. */
export abstract class Link {
  readonly transport: Transport;
  readonly context: Http2Context;
  /** The socket has not sent all yet. */
  blocked = false;
  /** Payload that waits for windows, of all streams; and whether that is as much as there may be. */
  queuedBytes = 0;
  #full = false;
  /** What the peer takes on this connection now, of all streams. */
  protected sendWindow = DEFAULT_WINDOW;
  /** All transports that handlers hold, with a stream or between two. */
  protected readonly transports = new Set<Http2Stream>();
  protected readonly out: FrameOut;
  protected closed = false;
  /** Monotonic milliseconds since when the socket takes nothing. */
  protected blockedSince = 0;
  #dirty: Http2Stream[] = [];
  /** Those that have been told to write no more for now. */
  readonly #stopped = new Set<Http2Stream>();
  #depth = 0;
  #scheduled = false;
  #paused = false;

  constructor(context: Http2Context, transport: Transport) {
    this.context = context;
    this.transport = transport;
    this.out = new FrameOut(context.pool);
  }

  /** Run what belongs to one round. */
  protected within(f: (bytes: Uint8Array) => void, bytes: Uint8Array): void {
    this.#depth += 1;
    try {
      f(bytes);
    } finally {
      this.#depth -= 1;
    }
  }

  settleLater(stream: Http2Stream): void {
    this.#dirty.push(stream);
    this.written();
  }

  /** Something was written into `out`, or is to be settled: it happens at the end of this round. */
  protected written(): void {
    if (this.#depth > 0 || this.#scheduled) return;
    this.#scheduled = true;
    this.context.defer(this.#runTurn);
  }

  readonly #runTurn = (): void => {
    this.#scheduled = false;
    this.turn();
  };

  /** The end of a round: tell handlers what has come about, and send what was written. */
  protected turn(): void {
    this.#depth += 1;
    // What handlers do here may leave more to do; one that never comes to an end must not keep the others waiting.
    for (let i = 0; i < 8 && this.#dirty.length > 0; i++) {
      const streams = this.#dirty;
      this.#dirty = [];
      for (const stream of streams) this.#settle(stream);
    }
    this.#depth -= 1;
    this.flush();
    if (this.#dirty.length > 0) this.written();
    if (this.blocked && !this.#paused && this.out.length > PAUSE_BYTES) {
      this.#paused = true;
      this.transport.pause();
    }
  }

  /** Settle a stream outside of a round; what follows from it leaves at the end of the next. */
  protected settleNow(stream: Http2Stream): void {
    this.#depth += 1;
    this.#settle(stream);
    this.#depth -= 1;
    this.written();
  }

  #settle(stream: Http2Stream): void {
    try {
      stream.settle();
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  protected flush(): void {
    if (this.out.length === 0 || this.blocked) return;
    const buffer = this.out.seal();
    if (this.closed) return buffer.clear();
    const sent = this.transport.write(buffer.bytes.subarray(0, buffer.length));
    buffer.clear();
    if (sent) return;
    this.blocked = true;
    this.blockedSince = this.context.now();
    this.stopStreams();
  }

  /** `n` bytes more wait for windows, or fewer. */
  queued(n: number): void {
    this.queuedBytes += n;
    if (!this.#full && this.queuedBytes >= WAITING_BYTES) {
      this.#full = true;
      this.stopStreams();
    } else if (this.#full && this.queuedBytes <= WAITING_BYTES / 2) {
      this.#full = false;
      this.startStreams();
    }
  }

  /** Whether what a stream writes now can leave, or may wait. */
  takes(stream: Http2Stream): boolean {
    if (this.blocked) return false;
    return !this.#full || (this.sendWindow >= READ_BYTES && stream.queue.window >= READ_BYTES);
  }

  /** Windows or the socket take less than before: with as much waiting as may, streams stop that would have to wait. */
  protected stopStreams(): void {
    if (this.#full) for (const stream of this.transports) stream.stop();
  }

  /** `n` bytes of payload were written. */
  protected spend(n: number): void {
    const before = this.sendWindow;
    this.sendWindow = before - n;
    if (before >= READ_BYTES && this.sendWindow < READ_BYTES) this.stopStreams();
  }

  /** Have `drained` of a stream called when the connection takes more. */
  waitForDrain(stream: Http2Stream): void {
    this.#stopped.add(stream);
  }

  protected neverMind(stream: Http2Stream): void {
    this.transports.delete(stream);
    this.#stopped.delete(stream);
  }

  protected startStreams(): void {
    for (const stream of this.#stopped) if (stream.drained()) this.#stopped.delete(stream);
  }

  /** The socket has sent all: go on. */
  protected unblock(): void {
    this.blocked = false;
    this.flush();
  }

  /** Read again, where too much was waiting for that. */
  protected readOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.transport.resume();
  }

  /** Whether there is room for another frame of payload. */
  protected makeRoom(): boolean {
    if (this.out.length >= FLUSH_BYTES && !this.blocked) this.flush();
    return this.out.length < FULL_BYTES;
  }
}
