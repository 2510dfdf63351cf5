import type { Transport, TransportHandler } from '../../../net/index.ts';
import { equalsLower } from '../../http1/chars.ts';
import { FieldId } from '../../http1/index.ts';
import type { RequestParser } from '../../http1/index.ts';
import { Http2Connection } from '../connection/http2-connection.ts';
import { trailerSection } from '../connection/trailers.ts';
import type { Http2Stream } from '../connection/types.ts';
import type { Http2Context } from '../context.ts';
import { http2Errors, notProcessed } from '../errors.ts';
import { beginHeaders, writePing, writeSettings } from '../frames/index.ts';
import { DEFAULT_WINDOW, ErrorCode, MAX_STREAM_ID, PREFACE, Setting } from '../protocol.ts';
import { ClientStream } from './client-stream.ts';
import { ResponseHead } from './response-head.ts';
import type { ClientStreamOwner } from './types.ts';

/** What a peer that has not told its limit is taken to allow (RFC 9113 §6.5.2 recommends no less). */
const ASSUMED_STREAMS = 100;
/** With requests under way and nothing heard for this long, the instance is asked for a sign of life, and has this long for it. */
const PING_AFTER_MS = 10_000;
const PING_WAIT_MS = 5_000;
const PING = Uint8Array.from('rimrock?', (c) => c.charCodeAt(0));

const DROPPED =
  (1 << FieldId.HOST) |
  (1 << FieldId.CONNECTION) |
  (1 << FieldId.TRANSFER_ENCODING) |
  (1 << FieldId.UPGRADE) |
  (1 << FieldId.TE) |
  (1 << FieldId.KEEP_ALIVE) |
  (1 << FieldId.PROXY_CONNECTION) |
  (1 << FieldId.HTTP2_SETTINGS);

/** Indices of the static table. */
const AUTHORITY = 1;
const METHOD_GET = 2;
const PATH = 4;
const SCHEME_HTTP = 6;
const SCHEME_HTTPS = 7;
const GRPC = 'application/grpc';
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const TE_TRAILERS = latin1('te: trailers');
const PROTOCOL_WEBSOCKET = latin1(':protocol: websocket');
const CONNECT = latin1('CONNECT');

/** A connection of HTTP/2 to an instance, with the streams that requests go on. */
export class Http2ClientConnection extends Http2Connection implements ClientStreamOwner<ClientStream> {
  readonly #head = new ResponseHead();
  readonly #secure: boolean;
  /** No new streams: the instance has said so, or it is over. */
  #leaving = false;
  #connected = false;
  /** SETTINGS of the instance have come. */
  #settled = false;
  #nextStream = 1;
  #seats = 0;
  readonly #lobby: { readonly stream: ClientStream; readonly until: number }[] = [];
  readonly #stuck: ClientStream[] = [];
  /** Those whose requests depend on what the instance can do, which it has not said yet. */
  readonly #asking = new Map<ClientStream, number>();
  #timeoutMs = 0;
  /** Streams whose answers are complete, and whose END_STREAM is still to come. */
  readonly #finishing = new Set<number>();
  #heardAt = 0;
  #pingAt = 0;

  constructor(context: Http2Context, transport: Transport, secure: boolean) {
    super(context, transport);
    this.#secure = secure;
    // Nothing is sent before the connection stands.
    this.blocked = true;
    const { limits } = context;
    const out = this.out.seal();
    out.copy(PREFACE, 0, PREFACE.length);
    writeSettings(out, [
      [Setting.ENABLE_PUSH, 0],
      [Setting.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [Setting.MAX_HEADER_LIST_SIZE, limits.headBytes],
    ]);
    this.openWindow(limits.connectionWindowBytes - DEFAULT_WINDOW);
  }

  /** Transports may be added that get a stream at once. */
  get free(): number {
    return this.#leaving ? 0 : this.#capacity - this.#seats - this.#lobby.length;
  }

  get usable(): boolean {
    return !this.#leaving && !this.closed;
  }

  get connectProtocol(): boolean | undefined {
    return this.#settled ? this.peer.connectProtocol : undefined;
  }

  waitForSettings(stream: ClientStream): void {
    if (!this.#asking.has(stream)) this.#asking.set(stream, this.context.now() + this.#timeoutMs);
  }

  override onSettings(bytes: Uint8Array, start: number, end: number): void {
    super.onSettings(bytes, start, end);
    if (this.#settled) return;
    this.#settled = true;
    const asking = [...this.#asking.keys()];
    this.#asking.clear();
    for (const stream of asking) stream.goOn();
  }

  get #capacity(): number {
    return this.peer.concurrentStreams ?? ASSUMED_STREAMS;
  }

  /** A transport for requests, whose `onConnect` comes when there is room for it, within `timeoutMs`. */
  join(handler: TransportHandler, timeoutMs: number): Transport {
    const stream = new ClientStream(this);
    stream.handler = handler;
    this.#timeoutMs = timeoutMs;
    this.transports.add(stream);
    // While it is being opened, the time of the connection itself counts.
    const until = this.#connected ? this.context.now() + timeoutMs : Number.POSITIVE_INFINITY;
    this.#lobby.push({ stream, until });
    this.#admit();
    return stream;
  }

  #admit(): void {
    while (this.#connected && this.#seats < this.#capacity) {
      const first = this.#lobby.shift();
      if (first === undefined) return;
      this.#seats += 1;
      first.stream.admit();
    }
  }

  onConnect(): void {
    const { secure } = this.transport;
    if (secure !== undefined && secure.alpn !== 'h2')
      return this.transport.destroy(
        http2Errors.LB_HTTP2_PROTOCOL({ reason: 'the instance does not agree on h2 by ALPN' }),
      );
    this.#connected = true;
    this.#heardAt = this.context.now();
    this.#admit();
    this.onDrain();
  }

  override onData(bytes: Uint8Array): void {
    this.#heardAt = this.context.now();
    this.#pingAt = 0;
    super.onData(bytes);
    this.#admit();
    this.#unstick();
  }

  /** The instance has finished its side: no answer comes any more. */
  override onEnd(): void {
    this.transport.destroy();
  }

  open(stream: ClientStream): number {
    if (this.#leaving || this.closed) {
      stream.close(http2Errors.LB_HTTP2_NOT_PROCESSED({ reason: 'the connection is ending' }));
      return 0;
    }
    if (this.streams.size + this.#finishing.size >= this.#capacity) {
      if (!this.#stuck.includes(stream)) this.#stuck.push(stream);
      return 0;
    }
    const id = this.#nextStream;
    this.#nextStream += 2;
    if (this.#nextStream > MAX_STREAM_ID) this.#leave();
    stream.bind(id);
    this.streams.add(stream);
    return id;
  }

  detach(stream: ClientStream): void {
    this.#finishing.add(stream.id);
    this.remove(stream);
  }

  override onDataFrame(
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    flow: number,
    last: boolean,
    endStream: boolean,
  ): void {
    const stream = this.streams.get(id) as ClientStream | undefined;
    const finishing = stream === undefined && this.#finishing.has(id);
    if (!finishing && (stream === undefined || stream.answered))
      return super.onDataFrame(id, bytes, start, end, flow, last, endStream);
    if (!this.withinWindow(flow)) return;
    this.credit(flow);
    // A body before its head, or more of it than there should be.
    if (stream !== undefined || end > start) this.onStreamError(id, ErrorCode.PROTOCOL_ERROR);
    if (endStream || end > start) this.#finishing.delete(id);
  }

  #unstick(): void {
    while (this.#stuck.length > 0 && this.streams.size + this.#finishing.size < this.#capacity)
      this.#stuck.shift()?.goOn();
  }

  request(id: number, head: RequestParser, webSocket: boolean): void {
    const out = this.out.seal();
    const { encoder } = this;
    const { fields } = head;
    const { bytes } = fields;
    const at = beginHeaders(out);
    encoder.begin(out);
    if (webSocket) encoder.named(out, METHOD_GET, CONNECT, 0, CONNECT.length);
    else if (head.method === 'GET') encoder.indexed(out, METHOD_GET);
    else encoder.named(out, METHOD_GET, latin1(head.method), 0, head.method.length);
    if (webSocket) encoder.field(out, PROTOCOL_WEBSOCKET, 0, 9, 11, PROTOCOL_WEBSOCKET.length);
    encoder.indexed(out, this.#secure ? SCHEME_HTTPS : SCHEME_HTTP);
    const host = fields.find(FieldId.HOST);
    if (host >= 0)
      encoder.named(
        out,
        AUTHORITY,
        bytes,
        fields.valueStart[host] as number,
        fields.valueEnd[host] as number,
      );
    encoder.named(out, PATH, bytes, head.targetStart, head.targetEnd);
    let grpc = false;
    for (let i = 0; i < fields.count; i++) {
      if ((DROPPED & (1 << (fields.id[i] as number))) !== 0) continue;
      const nameStart = fields.nameStart[i] as number;
      const nameEnd = fields.nameEnd[i] as number;
      const start = fields.valueStart[i] as number;
      const end = fields.valueEnd[i] as number;
      if (webSocket && equalsLower(bytes, nameStart, nameEnd, 'sec-websocket-key')) continue;
      if (end - start >= GRPC.length && equalsLower(bytes, nameStart, nameEnd, 'content-type'))
        grpc = equalsLower(bytes, start, start + GRPC.length, GRPC);
      encoder.field(out, bytes, nameStart, nameEnd, start, end);
    }
    // TE is about one connection, so it was dropped on the way; gRPC servers insist on it.
    if (grpc) encoder.field(out, TE_TRAILERS, 0, 2, 4, TE_TRAILERS.length);
    this.out.headers(id, at);
    this.written();
  }

  onHeaders(id: number, endStream: boolean, bytes: Uint8Array, start: number, end: number): void {
    const { block } = this.context;
    if (!this.decoder.decode(bytes, start, end, block)) return this.reader.fail(ErrorCode.COMPRESSION_ERROR);
    const stream = this.streams.get(id) as ClientStream | undefined;
    if (this.#finishing.delete(id)) return;
    if (stream === undefined || stream.remoteEnded) {
      if (this.isIdle(id)) this.reader.fail(ErrorCode.PROTOCOL_ERROR);
      else if (stream !== undefined || !this.wasReset.has(id))
        this.onStreamError(id, ErrorCode.STREAM_CLOSED);
      return;
    }
    if (stream.answered) return this.#trailers(stream, endStream);
    if (!this.#head.read(block)) return this.onStreamError(id, ErrorCode.PROTOCOL_ERROR);
    if (endStream) this.remoteEnd(stream);
    stream.respond(this.#head, endStream);
  }

  #trailers(stream: ClientStream, endStream: boolean): void {
    const { expected, received } = stream.inbound;
    const section = endStream ? trailerSection(this.context.block) : undefined;
    if (section === undefined || (expected >= 0 && expected !== received))
      return this.onStreamError(stream.id, ErrorCode.PROTOCOL_ERROR);
    this.endedByTrailers(stream, section);
  }

  override onReset(id: number, code: number): void {
    this.#finishing.delete(id);
    const stream = this.streams.get(id) as ClientStream | undefined;
    if (stream === undefined || code !== ErrorCode.NO_ERROR || !stream.remoteEnded)
      return super.onReset(id, code);
    this.remove(stream);
    stream.stopSending();
  }

  protected override resetError(_stream: Http2Stream, code: number): Error {
    if (code === ErrorCode.REFUSED_STREAM) return notProcessed(code);
    return super.resetError(_stream, code);
  }

  onGoaway(lastStream: number, code: number): void {
    this.#leave();
    const refused = notProcessed(code);
    for (const stream of this.transports) {
      if (stream.id !== 0 && stream.id <= lastStream) continue;
      stream.close(refused);
    }
    this.onStreamGone();
  }

  /** No new streams on this connection; it ends with the last of those that run. */
  #leave(): void {
    this.#leaving = true;
    const error = http2Errors.LB_HTTP2_NOT_PROCESSED({ reason: 'the connection is ending' });
    for (const { stream } of this.#lobby.slice()) stream.close(error);
  }

  /** The endpoint is gone: transports between two requests close, running requests finish. */
  retire(): void {
    this.#leave();
    for (const stream of this.transports) if (stream.id === 0) stream.close(undefined);
    this.onStreamGone();
  }

  protected override onStreamGone(): void {
    if (this.#stuck.length > 0) this.context.defer(() => this.#unstick());
    if (!this.#leaving || this.streams.size > 0 || this.closed) return;
    this.context.defer(() => {
      if (this.streams.size === 0) this.abort(ErrorCode.NO_ERROR);
    });
  }

  override forget(stream: Http2Stream): void {
    super.forget(stream);
    const waiting = this.#lobby.findIndex((entry) => entry.stream === stream);
    if (waiting >= 0) this.#lobby.splice(waiting, 1);
    else this.#seats -= 1;
    this.#asking.delete(stream as ClientStream);
    const stuck = this.#stuck.indexOf(stream as ClientStream);
    if (stuck >= 0) this.#stuck.splice(stuck, 1);
    this.#admit();
  }

  protected isIdle(stream: number): boolean {
    return stream % 2 === 0 || stream >= this.#nextStream;
  }

  protected lastStream(): number {
    return 0;
  }

  protected onPong(): void {}

  override checkDeadline(now: number): void {
    if (!this.#connected) return;
    if (this.#pingAt > 0 && now - this.#pingAt >= PING_WAIT_MS)
      return this.transport.destroy(http2Errors.LB_HTTP2_CONNECTION_LOST());
    if (this.streams.size > 0 && this.#pingAt === 0 && now - this.#heardAt >= PING_AFTER_MS) {
      this.#pingAt = now;
      writePing(this.out.seal(), false, PING, 0);
      this.written();
    }
    const error = http2Errors.LB_HTTP2_NOT_PROCESSED({ reason: 'no free stream' });
    for (const { stream, until } of this.#lobby.slice()) if (now >= until) stream.close(error);
    const silent = http2Errors.LB_HTTP2_NOT_PROCESSED({ reason: 'no settings have come' });
    for (const [stream, until] of this.#asking) if (now >= until) stream.close(silent);
    super.checkDeadline(now);
  }
}
