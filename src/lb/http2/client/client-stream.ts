import { FieldId, INCOMPLETE, requestBody } from '../../http1/index.ts';
import type { RequestParser } from '../../http1/index.ts';
import { Framing } from '../connection/inbound.ts';
import { StreamTransport, Writing } from '../connection/stream-transport.ts';
import { http2Errors } from '../errors.ts';
import { ErrorCode } from '../protocol.ts';
import { webSocketAccept } from '../websocket.ts';
import type { ResponseHead } from './response-head.ts';
import type { ClientStreamOwner } from './types.ts';

/** What an upgrade is answered with that the instance cannot do. */
const NO_UPGRADE = new TextEncoder().encode(
  'HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
);

/**
 * A stream to an instance: who holds it sees a connection of HTTP/1.1 to that instance, that is kept alive. Each request
 * on it is a stream of its own.
 */
export class ClientStream extends StreamTransport {
  readonly #connection: ClientStreamOwner<ClientStream>;
  #isHead = false;
  /** Sec-WebSocket-Key of a request to upgrade, else empty. */
  #key = '';
  #answered = false;
  #admitted = false;

  constructor(connection: ClientStreamOwner<ClientStream>) {
    super(connection);
    this.#connection = connection;
  }

  /** The head of the answer (not an interim one) has come. */
  get answered(): boolean {
    return this.#answered;
  }

  /** The connection is there and has room: the holder hears of it at the end of this round. */
  admit(): void {
    this.#admitted = true;
    this.later();
  }

  /** There is room for a stream again. */
  goOn(): void {
    this.stuck = false;
    this.takeMore();
    this.later();
  }

  protected takeHead(bytes: Uint8Array, start: number, end: number): number {
    const head = this.connection.context.requests;
    const next = head.parse(bytes, start, end);
    if (next <= INCOMPLETE) return next;
    const length = requestBody(head.fields, head.version);
    if (typeof length === 'string') return -1;
    const webSocket = head.fields.isJust(FieldId.UPGRADE, 'websocket');
    if (webSocket && this.#connection.connectProtocol === undefined) {
      this.#connection.waitForSettings(this);
      this.stuck = true;
      return INCOMPLETE;
    }
    if (webSocket && this.#connection.connectProtocol === false) {
      this.inbound.head(NO_UPGRADE);
      this.ended = true;
      this.later();
      return end;
    }
    const id = this.#connection.open(this);
    if (id === 0) {
      this.stuck = true;
      return INCOMPLETE;
    }
    this.#isHead = head.method === 'HEAD';
    this.#key = webSocket ? keyOf(head) : '';
    this.#answered = false;
    this.#connection.request(id, head, webSocket);
    if (webSocket) this.writing = Writing.TUNNEL;
    else this.beginBody(length);
    return next;
  }

  protected override nextMessage(): boolean {
    if (this.writing !== Writing.DONE || !this.localEnded || !this.inbound.empty) return false;
    if (!this.remoteEnded) {
      // Many servers end a stream with a frame of its own, behind a body whose length had said it all.
      const { expected, received } = this.inbound;
      if (!this.#answered || expected < 0 || received < expected) return false;
      this.#connection.detach(this);
    }
    this.#unbind();
    return true;
  }

  #unbind(): void {
    this.id = 0;
    this.writing = Writing.HEAD;
  }

  /** The head of an answer is in the context's block, and was judged. */
  respond(head: ResponseHead, endStream: boolean): void {
    const { block, head: out } = this.connection.context;
    const { inbound } = this;
    const { status } = head;
    out.length = 0;
    if (status < 200 && endStream) return this.#malformed();
    if (status < 200) {
      head.write(block, out);
      out.text('\r\n');
      return inbound.head(out.bytes.subarray(0, out.length));
    }
    this.#answered = true;
    if (this.#key !== '' && status < 300) return this.#upgraded(head, endStream);
    if (this.#key !== '') {
      this.writing = Writing.DONE;
      this.queue.end(undefined);
    }
    const bodiless = this.#isHead || status === 204 || status === 304;
    if (!bodiless && endStream && head.length > 0) return this.#malformed();
    inbound.expected = bodiless ? 0 : head.length;
    head.write(block, out);
    if (bodiless || endStream) {
      out.text(bodiless || head.length === 0 ? '\r\n' : 'content-length: 0\r\n\r\n');
      return inbound.head(out.bytes.subarray(0, out.length));
    }
    if (head.length >= 0) out.text('\r\n');
    inbound.hold(out.bytes.slice(0, out.length), head.length >= 0);
  }

  #malformed(): void {
    this.destroy(http2Errors.LB_HTTP2_PROTOCOL({ reason: 'malformed answer' }));
  }

  #upgraded(head: ResponseHead, endStream: boolean): void {
    const { block, head: out } = this.connection.context;
    if (endStream) return this.#malformed();
    out.length = 0;
    out.text('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n');
    out.text(`sec-websocket-accept: ${webSocketAccept(this.#key)}\r\n`);
    head.writeFields(block, out);
    out.text('\r\n');
    this.inbound.framing = Framing.TUNNEL;
    this.inbound.head(out.bytes.subarray(0, out.length));
  }

  /** The instance has answered and wants no more of the request (RFC 9113 §8.1). */
  stopSending(): void {
    this.localEnded = true;
    this.queue.drop();
    this.writing = Writing.DISCARD;
    this.later();
  }

  override settle(): void {
    if (this.#admitted && !this.closed) {
      this.#admitted = false;
      this.handler.onConnect?.();
    }
    super.settle();
  }

  protected override resetCode(): number {
    return ErrorCode.CANCEL;
  }

  protected finish(): void {
    const over = this.localEnded && this.remoteEnded && this.inbound.empty;
    if (this.ended && (over || this.id === 0) && this.inbound.empty) return this.close(undefined);
    if (over && this.writing === Writing.DONE && this.id !== 0) this.#unbind();
  }
}

function keyOf(head: RequestParser): string {
  const { fields } = head;
  for (let i = 0; i < fields.count; i++)
    if (fields.id[i] === FieldId.OTHER && fields.name(i) === 'sec-websocket-key') return fields.value(i);
  return 'none';
}
