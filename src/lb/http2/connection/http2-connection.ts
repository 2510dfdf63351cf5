import type { Transport, TransportHandler } from '../../../net/index.ts';
import type { Http2Context } from '../context.ts';
import { endedByUs, http2Errors, resetByPeer } from '../errors.ts';
import { FrameReader, writeGoaway, writePing, writeSettingsAck } from '../frames/index.ts';
import type { FrameSink } from '../frames/index.ts';
import { blockLimit, HpackDecoder, HpackEncoder } from '../hpack/index.ts';
import { DEFAULT_WINDOW, ErrorCode, errorName, MAX_FRAME_BYTES, MAX_WINDOW } from '../protocol.ts';
import { Bucket } from './bucket.ts';
import { Link } from './link.ts';
import { OpenStreams } from './open-streams.ts';
import { RecentResets } from './recent.ts';
import { freshSettings, readSettings } from './settings.ts';
import type { PeerSettings } from './settings.ts';
import type { Http2Stream, StreamOwner } from './types.ts';

/** What one stream sends before the next has its turn. */
const TURN_BYTES = MAX_FRAME_BYTES;
/** A client that leaves a page resets at once all that it had asked for, which is a hundred streams; and that twice. */
const RESETS = 200;
/** Streams that have lived for this long may be reset at any rate. */
const PATIENT_MS = 1_000;
/** After GOAWAY with an error, the peer has this long to read it. */
const LAST_WORDS_MS = 1_000;

/**
 * One connection of HTTP/2, whichever end of it we are (RFC 9113): frames in and out, windows both ways, guards against
 * floods, and the streams as transports. Sans I/O: it sees its socket through `Transport` only.
 */
export abstract class Http2Connection extends Link implements TransportHandler, FrameSink, StreamOwner {
  readonly peer: PeerSettings = freshSettings();
  protected readonly encoder = new HpackEncoder();
  protected readonly decoder = new HpackDecoder();
  protected readonly reader: FrameReader;
  /** Open streams, as HTTP/2 counts them. */
  protected readonly streams = new OpenStreams<Http2Stream>();
  /** Frames from which nothing follows, and streams that come to nothing, are allowed in measure only. */
  protected readonly idleFrames: Bucket;
  protected readonly resets: Bucket;
  #receiveWindow = DEFAULT_WINDOW;
  #taken = 0;
  readonly #waiting = new Set<Http2Stream>();
  protected readonly wasReset = new RecentResets();
  readonly #since: number;
  #blockSince = 0;
  #idleSince: number;
  #peerEnded = false;

  constructor(context: Http2Context, transport: Transport) {
    super(context, transport);
    this.reader = new FrameReader(this, blockLimit(context.block.limits));
    this.idleFrames = new Bucket(1000, 100, context.now);
    this.resets = new Bucket(RESETS, RESETS / 4, context.now);
    this.#since = this.#idleSince = context.now();
  }

  /** Whether no frame about this stream can have been sent yet. */
  protected abstract isIdle(stream: number): boolean;
  abstract onHeaders(stream: number, endStream: boolean, bytes: Uint8Array, start: number, end: number): void;
  abstract onGoaway(lastStream: number, code: number): void;
  protected abstract onPong(bytes: Uint8Array, start: number): void;
  /** The last stream to be named in a GOAWAY of ours. */
  protected abstract lastStream(): number;
  /** A stream has ended, in whatever way. */
  protected onStreamGone(): void {}

  get openStreams(): number {
    return this.streams.size;
  }

  get peerWindow(): number {
    return this.peer.initialWindow;
  }

  // What comes from the socket.

  onData(bytes: Uint8Array): void {
    if (this.closed) return;
    this.within(this.#push, bytes);
    if (this.reader.error !== undefined) this.abort(this.reader.error);
    this.turn();
  }

  readonly #push = (bytes: Uint8Array): void => this.reader.push(bytes);

  onEnd(): void {
    this.#peerEnded = true;
    if (this.streams.size === 0) this.transport.end();
  }

  onDrain(): void {
    this.unblock();
    this.#pump();
    this.flush();
    this.startStreams();
    if (!this.blocked) this.readOn();
    this.turn();
  }

  onClose(error: Error | undefined): void {
    this.closed = true;
    this.closeAll(error ?? http2Errors.LB_HTTP2_CONNECTION_LOST());
    this.turn();
  }

  protected closeAll(error: Error): void {
    for (const stream of this.transports) stream.close(error);
  }

  /** A connection error: say so, and close. */
  abort(code: number): void {
    if (this.closed) return;
    writeGoaway(this.out.seal(), this.lastStream(), code, errorName(code));
    this.flush();
    this.closed = true;
    this.closeAll(endedByUs(code));
    this.transport.end();
    this.context.clock.after(LAST_WORDS_MS, () => this.transport.destroy());
  }

  onDataFrame(
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    flow: number,
    last: boolean,
    endStream: boolean,
  ): void {
    if (!this.withinWindow(flow)) return;
    const payload = end - start;
    if (payload === 0 && last && !endStream) this.onIgnored();
    const stream = this.streams.get(id);
    if (stream === undefined || stream.remoteEnded) {
      this.credit(flow);
      if (last) this.#closedStream(id);
      return;
    }
    const { inbound } = stream;
    inbound.window -= flow;
    inbound.received += payload;
    if (inbound.window < 0) {
      this.credit(flow);
      return this.onStreamError(id, ErrorCode.FLOW_CONTROL_ERROR);
    }
    const { expected, received } = inbound;
    if (expected >= 0 && (received > expected || (endStream && received !== expected))) {
      this.credit(flow);
      return this.onStreamError(id, ErrorCode.PROTOCOL_ERROR);
    }
    if (flow > payload) this.consumed(stream, flow - payload);
    if (endStream) this.remoteEnd(stream);
    if (payload > 0 || endStream) inbound.data(bytes, start, end, endStream);
  }

  /** Take `flow` out of the connection's window; false: the peer has overrun it. */
  protected withinWindow(flow: number): boolean {
    this.#receiveWindow -= flow;
    if (this.#receiveWindow < 0) this.reader.fail(ErrorCode.FLOW_CONTROL_ERROR);
    return this.#receiveWindow >= 0;
  }

  /** A frame came for a stream that is not open. */
  #closedStream(id: number): void {
    if (this.isIdle(id)) this.reader.fail(ErrorCode.PROTOCOL_ERROR);
    else if (!this.wasReset.has(id)) this.onStreamError(id, ErrorCode.STREAM_CLOSED);
    else this.onIgnored();
  }

  onReset(id: number, code: number): void {
    if (this.isIdle(id)) return this.reader.fail(ErrorCode.PROTOCOL_ERROR);
    const stream = this.streams.get(id);
    // Who waited for a while before he gave up has had no more work done for nothing than others have.
    const patient = stream !== undefined && this.context.now() - stream.boundAt >= PATIENT_MS;
    if (!patient && !this.resets.spend()) return this.reader.fail(ErrorCode.ENHANCE_YOUR_CALM);
    if (stream === undefined) return;
    this.remove(stream);
    stream.close(this.resetError(stream, code));
  }

  /** How the handler of a stream is told that the peer has reset it. */
  protected resetError(_stream: Http2Stream, code: number): Error {
    return resetByPeer(code);
  }

  onSettings(bytes: Uint8Array, start: number, end: number): void {
    this.onIgnored();
    const before = this.peer.initialWindow;
    const code = readSettings(bytes, start, end, this.peer, this.encoder);
    if (code !== undefined) return this.reader.fail(code);
    const change = this.peer.initialWindow - before;
    if (change !== 0) {
      for (const stream of this.streams) {
        if (!stream.queue.widen(change)) return this.reader.fail(ErrorCode.FLOW_CONTROL_ERROR);
      }
    }
    writeSettingsAck(this.out.seal());
    if (change > 0) this.#pump();
    if (change > 0) this.startStreams();
    else this.stopStreams();
  }

  onSettingsAck(): void {}

  onPing(ack: boolean, bytes: Uint8Array, start: number): void {
    if (ack) return this.onPong(bytes, start);
    this.onIgnored();
    writePing(this.out.seal(), true, bytes, start);
  }

  onWindowUpdate(id: number, increment: number): void {
    this.onIgnored();
    if (id === 0) {
      this.sendWindow += increment;
      if (this.sendWindow > MAX_WINDOW) return this.reader.fail(ErrorCode.FLOW_CONTROL_ERROR);
      this.#pump();
      return this.startStreams();
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) this.reader.fail(ErrorCode.PROTOCOL_ERROR);
    } else if (!stream.queue.widen(increment)) this.onStreamError(id, ErrorCode.FLOW_CONTROL_ERROR);
    else if (stream.queue.waiting) this.#pumpOne(stream, MAX_WINDOW);
    else stream.drained();
  }

  /** A frame from which nothing follows: a few are nothing, a flood of them is an attack. */
  onIgnored(): void {
    if (!this.idleFrames.spend()) this.reader.fail(ErrorCode.ENHANCE_YOUR_CALM);
  }

  /** The peer did wrong in one stream (RFC 9113 §5.4.2). */
  onStreamError(id: number, code: number): void {
    if (this.isIdle(id)) return this.reader.fail(ErrorCode.PROTOCOL_ERROR);
    // Making us reset is as cheap for an attacker as doing it himself.
    if (!this.resets.spend()) return this.reader.fail(ErrorCode.ENHANCE_YOUR_CALM);
    const stream = this.streams.get(id);
    if (stream === undefined) return this.writeReset(id, code);
    this.reset(stream, code);
    stream.close(endedByUs(code));
  }

  // What streams send.

  /** Send payload as far as windows and socket allow; returns how much that was. */
  sendData(stream: Http2Stream, bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    const { queue } = stream;
    while (at < end && !this.closed) {
      const n = Math.min(end - at, queue.window, this.sendWindow, MAX_FRAME_BYTES);
      if (n <= 0) break;
      if (!this.makeRoom()) break;
      queue.window -= n;
      this.spend(n);
      // Who is sent something will widen windows for it.
      if (this.out.data(stream.id, bytes, at, at + n)) this.idleFrames.earn(3);
      at += n;
    }
    if (at > start) this.written();
    return at - start;
  }

  /** The stream's end, with trailers or without. */
  sendEnd(stream: Http2Stream, trailers: Uint8Array | undefined): void {
    stream.localEnded = true;
    this.out.end(stream.id, trailers, this.encoder);
    stream.later();
    this.#ifEnded(stream);
  }

  /** The peer has ended a stream with trailers: field lines, with the empty line. */
  protected endedByTrailers(stream: Http2Stream, section: Uint8Array): void {
    this.remoteEnd(stream);
    stream.inbound.trailers(section);
  }

  /** END_STREAM has come. To be called before the handler sees it, which may begin with something new at once. */
  protected remoteEnd(stream: Http2Stream): void {
    stream.remoteEnded = true;
    this.#ifEnded(stream);
  }

  #ifEnded(stream: Http2Stream): void {
    if (!stream.localEnded || !stream.remoteEnded) return;
    this.resets.earn(1);
    this.idleFrames.earn(1);
    this.remove(stream);
    stream.later();
  }

  /** The stream is no longer open. */
  protected remove(stream: Http2Stream): void {
    if (!this.streams.remove(stream)) return;
    this.#waiting.delete(stream);
    if (this.streams.size === 0) {
      this.#idleSince = this.context.now();
      if (this.#peerEnded && !this.closed) this.context.defer(() => this.transport.end());
    }
    this.onStreamGone();
  }

  /** End a stream with RST_STREAM. */
  reset(stream: Http2Stream, code: number): void {
    const { id } = stream;
    this.remove(stream);
    if (id !== 0) this.writeReset(id, code);
  }

  /** Send RST_STREAM for a stream that is not open any more, or never was. */
  protected writeReset(id: number, code: number): void {
    if (this.closed) return;
    this.wasReset.add(id);
    this.out.reset(id, code);
    this.written();
  }

  // What streams take.

  /** The handler has taken `n` bytes of a stream: the peer may send as much again. */
  consumed(stream: Http2Stream, n: number): void {
    this.credit(n);
    const { inbound } = stream;
    inbound.taken += n;
    if (inbound.taken * 2 < this.context.limits.streamWindowBytes || stream.remoteEnded || stream.closed)
      return;
    this.out.windowUpdate(stream.id, inbound.taken);
    inbound.window += inbound.taken;
    inbound.taken = 0;
    this.written();
  }

  /** Room in the connection's window is free again. */
  credit(n: number): void {
    this.#taken += n;
    if (this.#taken * 2 < this.context.limits.connectionWindowBytes || this.closed) return;
    this.openWindow(this.#taken);
    this.#taken = 0;
  }

  /** Let the peer send `n` bytes more on this connection. */
  protected openWindow(n: number): void {
    this.#receiveWindow += n;
    this.out.windowUpdate(0, n);
    this.written();
  }

  // Waiting, and going on.

  waitForWindow(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  /** The transport is gone for its handler. */
  forget(stream: Http2Stream): void {
    this.remove(stream);
    this.neverMind(stream);
    this.#waiting.delete(stream);
  }

  #pump(): void {
    for (let sent = true; sent && this.#waiting.size > 0;) {
      sent = false;
      for (const stream of this.#waiting) if (this.#pumpOne(stream, TURN_BYTES) > 0) sent = true;
    }
  }

  #pumpOne(stream: Http2Stream, limit: number): number {
    const sent = stream.queue.pump(limit);
    if (stream.queue.waiting) return sent;
    this.#waiting.delete(stream);
    stream.drained();
    return sent;
  }

  /** Called several times a second: deadlines. `now`: monotonic milliseconds. */
  checkDeadline(now: number): void {
    if (this.closed) return;
    const { headMs, stallMs, idleMs } = this.context.limits;
    if (!this.reader.inBlock) this.#blockSince = 0;
    else if (this.#blockSince === 0) this.#blockSince = now;
    const late = this.reader.begun ? this.#blockSince : this.#since;
    if (late > 0 && now - late >= headMs) return this.abort(ErrorCode.ENHANCE_YOUR_CALM);
    if (this.blocked && now - this.blockedSince >= stallMs) return this.transport.destroy();
    for (const stream of this.transports) {
      const { since } = stream.queue;
      if (since === 0 || now - since < stallMs) continue;
      this.reset(stream, ErrorCode.CANCEL);
      stream.close(http2Errors.LB_HTTP2_PROTOCOL({ reason: 'windows stayed shut' }));
    }
    if (this.streams.size === 0 && now - this.#idleSince >= idleMs) this.abort(ErrorCode.NO_ERROR);
  }
}
