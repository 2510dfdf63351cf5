import { FieldId, INCOMPLETE, responseBody } from '../../http1/index.ts';
import type { ResponseParser } from '../../http1/index.ts';
import { StreamTransport, Writing } from '../connection/stream-transport.ts';
import { Framing } from '../connection/inbound.ts';
import { ErrorCode } from '../protocol.ts';
import { webSocketAccept, webSocketKey } from '../websocket.ts';
import type { RequestHead } from './request-head.ts';
import type { ServerStreamOwner } from './types.ts';

const NO_BODY = '\r\n';
const NO_LENGTH = 'content-length: 0\r\n\r\n';

/** A stream of a client: its handler sees a client that speaks HTTP/1.1, one request after the other. */
export class ServerStream extends StreamTransport {
  /** It has a handler. */
  accepted = false;
  readonly #connection: ServerStreamOwner<ServerStream>;
  #isHead = false;
  #key = '';
  /** A request whose turn has not come, and its head where it is handed over as it is. */
  #fresh = false;
  #whole: Uint8Array | undefined;

  constructor(connection: ServerStreamOwner<ServerStream>) {
    super(connection);
    this.#connection = connection;
  }

  /** The request's head is in the context's block, and was judged. */
  request(head: RequestHead, endStream: boolean): void {
    const { context } = this.connection;
    const { block, head: out } = context;
    this.#isHead = head.isHead;
    this.#key = '';
    this.remoteEnded = endStream;
    this.#fresh = true;
    this.#whole = undefined;
    // At the end of this round: what is reset until then was never there.
    this.later();
    const { inbound } = this;
    inbound.expected = head.length;
    out.length = 0;
    head.write(block, out);
    if (head.webSocket) {
      this.#key = webSocketKey(context.random);
      out.text(`connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${this.#key}\r\n\r\n`);
      inbound.framing = Framing.TUNNEL;
      // What comes before the answer must not be taken for a request.
      inbound.paused = true;
    } else if (endStream) out.text(head.length < 0 && head.wantsLength(block) ? NO_LENGTH : NO_BODY);
    else if (head.connect) out.text(NO_BODY);
    else {
      if (head.length >= 0) out.text(NO_BODY);
      return inbound.hold(out.bytes.slice(0, out.length), head.length >= 0);
    }
    this.#whole = out.bytes.slice(0, out.length);
  }

  protected override ready(): boolean {
    if (!this.#fresh) return true;
    this.#connection.start(this);
    return false;
  }

  /** The turn of the request has come. */
  begin(): void {
    const head = this.#whole;
    this.#fresh = false;
    this.#whole = undefined;
    if (head !== undefined) this.handler.onData(head);
    this.later();
  }

  protected override resetCode(error: Error | undefined): number {
    return this.#fresh ? ErrorCode.REFUSED_STREAM : super.resetCode(error);
  }

  protected takeHead(bytes: Uint8Array, start: number, end: number): number {
    const head = this.connection.context.responses;
    const next = head.parse(bytes, start, end);
    if (next <= INCOMPLETE) return next;
    const { status } = head;
    if (status === 101) return this.#upgraded(head) ? next : -1;
    if (status < 200) {
      this.#connection.respond(this.id, head, false);
      return next;
    }
    const length = responseBody(head.fields, head.version, status, this.#isHead);
    if (typeof length === 'string') return -1;
    // A refused upgrade is an answer like any other, and what the client sends after it goes nowhere.
    if (this.#key !== '') this.inbound.framing = Framing.NONE;
    this.#connection.respond(this.id, head, length === 0);
    this.beginBody(length);
    return next;
  }

  #upgraded(head: ResponseParser): boolean {
    if (this.#key === '') return false;
    const { fields } = head;
    let accept = '';
    for (let i = 0; i < fields.count; i++)
      if (fields.id[i] === FieldId.OTHER && fields.name(i) === 'sec-websocket-accept')
        accept = fields.value(i);
    if (accept !== webSocketAccept(this.#key)) return false;
    this.#connection.respond(this.id, head, false);
    this.writing = Writing.TUNNEL;
    this.resume();
    return true;
  }

  protected finish(): void {
    if (this.ended) return this.#finishEnded();
    if (this.id === 0) return;
    if (!this.localEnded || this.writing !== Writing.DONE || this.waitsForDrain || this.inbound.paused)
      return;
    if (!this.remoteEnded) {
      // A refused CONNECT: for the handler the request had no body, so this is the end of it.
      if (this.inbound.framing !== Framing.NONE) return;
      this.connection.reset(this, ErrorCode.NO_ERROR);
    }
    if (this.inbound.empty) this.#connection.recycle(this);
  }

  /** The handler has written its last. */
  #finishEnded(): void {
    if (this.id === 0) return this.close(undefined);
    if (this.writing === Writing.TUNNEL) {
      if (this.localEnded && this.remoteEnded) this.close(undefined);
      return;
    }
    if (this.writing !== Writing.DONE) return this.destroy(new Error('the answer is not complete'));
    if (!this.localEnded) return;
    // The answer is complete, and the rest of the request not wanted (RFC 9113 §8.1).
    if (!this.remoteEnded) this.connection.reset(this, ErrorCode.NO_ERROR);
    this.close(undefined);
  }
}
