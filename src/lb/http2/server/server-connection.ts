import type { Transport, TransportHandler } from '../../../net/index.ts';
import { equalsLower } from '../../http1/chars.ts';
import { FieldId } from '../../http1/index.ts';
import type { ResponseParser } from '../../http1/index.ts';
import { Http2Connection } from '../connection/http2-connection.ts';
import type { Http2Stream } from '../connection/types.ts';
import { trailerSection } from '../connection/trailers.ts';
import type { Http2Context } from '../context.ts';
import { beginHeaders, writeGoaway, writePing, writeSettings } from '../frames/index.ts';
import { DEFAULT_WINDOW, ErrorCode, MAX_STREAM_ID, PREFACE, Setting } from '../protocol.ts';
import { RequestHead } from './request-head.ts';
import { ServerStream } from './server-stream.ts';
import type { Starter } from './starts.ts';
import type { ServerStreamOwner } from './types.ts';

/** Fields of one connection, which HTTP/2 does not have (RFC 9113 §8.2.2). */
const DROPPED =
  (1 << FieldId.CONNECTION) |
  (1 << FieldId.TRANSFER_ENCODING) |
  (1 << FieldId.UPGRADE) |
  (1 << FieldId.TE) |
  (1 << FieldId.KEEP_ALIVE) |
  (1 << FieldId.PROXY_CONNECTION) |
  (1 << FieldId.HTTP2_SETTINGS);

/** A client that does not answer our last PING is taken to have heard the first GOAWAY after this time. */
const DRAIN_WAIT_MS = 1_000;
const DRAIN_PING = Uint8Array.from('goingawy', (c) => c.charCodeAt(0));

export interface ServerHooks {
  /** A handler for a new transport; it gets requests of HTTP/1.1, as over a connection that is kept alive. */
  accept(transport: Transport): TransportHandler;
  /** The connection is gone. */
  onClosed?(connection: Http2ServerConnection): void;
  /** A request was answered here with 431, for its head is too large. */
  onHeadTooLarge?(connection: Http2ServerConnection): void;
}

/** The connection of one client that speaks HTTP/2, from its preface on (RFC 9113 §3.4). */
export class Http2ServerConnection
  extends Http2Connection
  implements ServerStreamOwner<ServerStream>, Starter
{
  readonly #hooks: ServerHooks;
  readonly #head = new RequestHead();
  /** Transports between two requests, the one used last at the end. */
  readonly #free: ServerStream[] = [];
  /** Requests that wait for their turn. */
  readonly #fresh: ServerStream[] = [];
  waits = false;
  #prefaceSeen = 0;
  #lastStream = 0;
  #draining: 'no' | 'announced' | 'yes' = 'no';
  #drainAt = 0;

  constructor(context: Http2Context, transport: Transport, hooks: ServerHooks) {
    super(context, transport);
    this.#hooks = hooks;
    const { limits } = context;
    writeSettings(this.out.buffer, [
      [Setting.MAX_CONCURRENT_STREAMS, limits.concurrentStreams],
      [Setting.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [Setting.MAX_HEADER_LIST_SIZE, limits.headBytes],
      [Setting.ENABLE_CONNECT_PROTOCOL, 1],
    ]);
    this.openWindow(limits.connectionWindowBytes - DEFAULT_WINDOW);
  }

  override onData(bytes: Uint8Array): void {
    const rest = this.#prefaceSeen < PREFACE.length ? this.#preface(bytes) : bytes;
    if (rest !== undefined) super.onData(rest);
  }

  /** What comes behind the preface; undefined: there is nothing yet, or it was none. */
  #preface(bytes: Uint8Array): Uint8Array | undefined {
    if (this.closed) return undefined;
    const n = Math.min(PREFACE.length - this.#prefaceSeen, bytes.length);
    for (let i = 0; i < n; i++) {
      if (bytes[i] === PREFACE[this.#prefaceSeen + i]) continue;
      this.abort(ErrorCode.PROTOCOL_ERROR);
      return undefined;
    }
    this.#prefaceSeen += n;
    return this.#prefaceSeen === PREFACE.length ? bytes.subarray(n) : undefined;
  }

  protected isIdle(stream: number): boolean {
    return stream % 2 === 0 || stream > this.#lastStream;
  }

  protected lastStream(): number {
    return this.#lastStream;
  }

  onHeaders(id: number, endStream: boolean, bytes: Uint8Array, start: number, end: number): void {
    const { block, limits } = this.context;
    if (!this.decoder.decode(bytes, start, end, block)) return this.reader.fail(ErrorCode.COMPRESSION_ERROR);
    const stream = this.streams.get(id);
    if (stream !== undefined) return this.#trailers(stream, endStream);
    if (id % 2 === 0) return this.reader.fail(ErrorCode.PROTOCOL_ERROR);
    if (id <= this.#lastStream) {
      if (this.wasReset.has(id)) this.onIgnored();
      else this.reader.fail(ErrorCode.STREAM_CLOSED);
      return;
    }
    // After the last GOAWAY the client knows that these are not looked at.
    if (this.#draining === 'yes') return this.onIgnored();
    this.#lastStream = id;
    if (this.streams.size >= limits.concurrentStreams) return this.#refuse(id);
    if (block.tooLarge) return this.#tooLarge(id, endStream);
    if (!this.#head.read(block, endStream)) return this.onStreamError(id, ErrorCode.PROTOCOL_ERROR);
    this.#open(id).request(this.#head, endStream);
  }

  /** One stream too many: a client that has not read our settings yet does not know better, and it costs us next to nothing. */
  #refuse(id: number): void {
    this.onIgnored();
    this.writeReset(id, ErrorCode.REFUSED_STREAM);
  }

  #open(id: number): ServerStream {
    const free = this.#free.pop();
    const stream = free ?? new ServerStream(this);
    stream.bind(id);
    this.streams.add(stream);
    if (free === undefined) this.transports.add(stream);
    return stream;
  }

  start(stream: ServerStream): void {
    const { starts } = this.context;
    if (!starts.resting) return starts.run(() => this.#begin(stream));
    if (!this.#fresh.includes(stream)) this.#fresh.push(stream);
    starts.wait(this);
  }

  startNext(): boolean {
    const stream = this.#fresh.shift();
    if (stream !== undefined) this.settleNow(stream);
    return this.#fresh.length > 0;
  }

  #begin(stream: ServerStream): void {
    if (!stream.accepted) {
      stream.accepted = true;
      stream.handler = this.#hooks.accept(stream);
    }
    stream.begin();
    stream.stop();
  }

  /** The request of this transport is answered: it can take another one. */
  recycle(stream: ServerStream): void {
    stream.id = 0;
    if (this.#draining !== 'no') return stream.end();
    this.#free.push(stream);
  }

  override forget(stream: Http2Stream): void {
    super.forget(stream);
    const among = stream.id === 0 ? this.#free : this.#fresh;
    const i = among.indexOf(stream as ServerStream);
    if (i >= 0) among.splice(i, 1);
  }

  #trailers(stream: Http2Stream, endStream: boolean): void {
    if (stream.remoteEnded) return this.onStreamError(stream.id, ErrorCode.STREAM_CLOSED);
    const { expected, received } = stream.inbound;
    const section = endStream ? trailerSection(this.context.block) : undefined;
    if (section === undefined || (expected >= 0 && expected !== received))
      return this.onStreamError(stream.id, ErrorCode.PROTOCOL_ERROR);
    this.endedByTrailers(stream, section);
  }

  #tooLarge(id: number, endStream: boolean): void {
    const out = this.out.seal();
    const at = beginHeaders(out);
    this.encoder.begin(out);
    this.encoder.status(out, 431);
    this.out.headers(id, at);
    this.out.end(id, undefined, this.encoder);
    // The answer is complete, and the rest of the request not wanted (RFC 9113 §8.1).
    if (!endStream) this.writeReset(id, ErrorCode.NO_ERROR);
    this.written();
    this.#hooks.onHeadTooLarge?.(this);
  }

  /** Write the head of an answer. */
  respond(id: number, head: ResponseParser, empty: boolean): void {
    const { encoder } = this;
    const out = this.out.seal();
    const { fields } = head;
    const { bytes } = fields;
    const at = beginHeaders(out);
    encoder.begin(out);
    encoder.status(out, head.status === 101 ? 200 : head.status);
    const drop = DROPPED | (empty && isGrpc(head) ? 1 << FieldId.CONTENT_LENGTH : 0);
    for (let i = 0; i < fields.count; i++) {
      if ((drop & (1 << (fields.id[i] as number))) !== 0) continue;
      const nameStart = fields.nameStart[i] as number;
      const nameEnd = fields.nameEnd[i] as number;
      if (head.status === 101 && equalsLower(bytes, nameStart, nameEnd, 'sec-websocket-accept')) continue;
      encoder.field(
        out,
        bytes,
        nameStart,
        nameEnd,
        fields.valueStart[i] as number,
        fields.valueEnd[i] as number,
      );
    }
    this.out.headers(id, at);
    this.written();
  }

  /**
   * Go away without harm (RFC 9113 §6.8): first say that no more streams should come, then, when the client must have heard
   * it, which was the last. Running streams finish; `force`: their time is over.
   */
  drain(force: boolean): void {
    if (this.closed) return;
    if (force) return this.abort(ErrorCode.NO_ERROR);
    if (this.#draining !== 'no') return;
    this.#draining = 'announced';
    this.#drainAt = this.context.now() + DRAIN_WAIT_MS;
    writeGoaway(this.out.seal(), MAX_STREAM_ID, ErrorCode.NO_ERROR);
    writePing(this.out.buffer, false, DRAIN_PING, 0);
    this.written();
    for (const stream of this.#free.splice(0)) stream.end();
  }

  protected onPong(bytes: Uint8Array, start: number): void {
    if (this.#draining !== 'announced') return this.onIgnored();
    for (let i = 0; i < 8; i++) if (bytes[start + i] !== DRAIN_PING[i]) return this.onIgnored();
    this.#lastGoaway();
  }

  #lastGoaway(): void {
    this.#draining = 'yes';
    writeGoaway(this.out.seal(), this.#lastStream, ErrorCode.NO_ERROR);
    this.written();
    this.onStreamGone();
  }

  protected override onStreamGone(): void {
    if (this.#draining !== 'yes' || this.streams.size > 0 || this.closed) return;
    this.context.defer(() => this.#endDrained());
  }

  #endDrained(): void {
    if (!this.closed && this.streams.size === 0) this.abort(ErrorCode.NO_ERROR);
  }

  onGoaway(): void {
    // The client opens no more streams; those that run finish.
    this.onIgnored();
  }

  override checkDeadline(now: number): void {
    if (this.#draining === 'announced' && now >= this.#drainAt && !this.closed) this.#lastGoaway();
    super.checkDeadline(now);
  }

  override onClose(error: Error | undefined): void {
    super.onClose(error);
    this.#hooks.onClosed?.(this);
  }
}

/** gRPC calls that fail at once are a head alone, and have no length (gRPC over HTTP/2, "Trailers-Only"). */
function isGrpc(head: ResponseParser): boolean {
  const { fields } = head;
  for (let i = 0; i < fields.count; i++) {
    const start = fields.valueStart[i] as number;
    if (fields.id[i] !== FieldId.OTHER || (fields.valueEnd[i] as number) - start < GRPC.length) continue;
    if (
      equalsLower(fields.bytes, fields.nameStart[i] as number, fields.nameEnd[i] as number, 'content-type') &&
      equalsLower(fields.bytes, start, start + GRPC.length, GRPC)
    )
      return true;
  }
  return false;
}

const GRPC = 'application/grpc';
