import { CHUNKED, FAILED, FieldId, INCOMPLETE, responseBody, UNTIL_CLOSE } from '../http1/index.ts';
import type { ResponseParser } from '../http1/index.ts';
import { alloc } from './context.ts';
import type { ClientSide, ForwardContext } from './context.ts';
import type { Admitted } from './admit.ts';
import { awaitStream } from './deadlines.ts';
import { writeResponseHead } from './heads.ts';
import { keepsAlive } from './keep-alive.ts';
import { forwardTrailers } from './relay.ts';

/** So many 1xx answers before the final one are an instance gone wrong. */
const MAX_INTERIM = 32;
/** A body that begins with this much or less is copied behind its head, to leave in one write. */
const COPY_BYTES = 16 * 1024;

/** What the relay needs of the exchange that it works for. */
export interface RelayOwner {
  readonly method: string;
  readonly http10: boolean;
  /** The client allows the connection to be used again. */
  readonly keepAlive: boolean;
  readonly request: Admitted;
  /** Fields that tie the client to its instance; mostly none. */
  readonly stickyFields: string;
  /** The instance says that it cannot answer; true when another one is asked instead. */
  instead(status: number): boolean;
  /** The answer begins: from here on the request cannot be tried elsewhere. */
  answering(): void;
  /** The answer is complete. `reusable`: the connection to the instance is clean. */
  answered(reusable: boolean): void;
  /** The answer cannot be used, and no byte of it has gone to the client. */
  failed(cause: 'bad-response'): void;
  /** The answer turned out broken after its beginning had gone to the client. */
  broken(): void;
  /** The instance agreed to the upgrade; `rest` came right behind its answer. */
  upgraded(rest: Uint8Array): void;
  pauseUpstream(): void;
}

/** The answer's way from the instance to the client: heads rewritten, body bytes passed on as they are. */
export class ResponseRelay {
  status = 0;
  /** The client connection can be used again after this answer. */
  keepAlive = false;
  readonly #ctx: ForwardContext;
  readonly #client: ClientSide;
  readonly #exchange: RelayOwner;
  #partial: Uint8Array | undefined;
  #interim = 0;
  #inBody = false;
  #dechunk = false;
  #reusable = false;
  /** While taking chunk framing off: whether the last piece went out at once. */
  #flowing = true;

  constructor(ctx: ForwardContext, client: ClientSide, exchange: RelayOwner) {
    this.#ctx = ctx;
    this.#client = client;
    this.#exchange = exchange;
  }

  /** Forget what an attempt left behind. */
  reset(): void {
    this.#partial = undefined;
  }

  onData(bytes: Uint8Array): void {
    if (this.#inBody) this.#body(bytes, 0, bytes.length);
    else if (this.#partial === undefined) this.#head(bytes);
    else {
      const all = Buffer.concat([this.#partial, bytes]);
      this.#partial = undefined;
      this.#head(all);
    }
  }

  #head(bytes: Uint8Array): void {
    const head = this.#ctx.responses;
    for (let at = 0; ;) {
      const next = head.parse(bytes, at, bytes.length);
      if (next === INCOMPLETE) {
        if (at < bytes.length) this.#partial = Buffer.from(bytes.subarray(at));
        return;
      }
      if (next === FAILED) return this.#exchange.failed('bad-response');
      if (head.status >= 200) return this.#begin(head, bytes, at, next);
      if (head.status === 101) return this.#upgrade(head, bytes, next);
      this.#interim += 1;
      if (this.#interim > MAX_INTERIM) return this.#exchange.failed('bad-response');
      if (!this.#exchange.http10) this.#passInterim(head, bytes, at, next);
      at = next;
      if (at === bytes.length) return;
    }
  }

  #passInterim(head: ResponseParser, bytes: Uint8Array, start: number, end: number): void {
    const { writer, filter } = this.#ctx;
    const { transport } = this.#client;
    const shape = { close: false, http10: false, dechunk: false, upgrade: false };
    if (writeResponseHead(writer, filter, head, shape)) transport.writeOwned(writer.take(alloc));
    else transport.write(bytes, start, end);
  }

  #begin(head: ResponseParser, bytes: Uint8Array, headStart: number, bodyStart: number): void {
    const exchange = this.#exchange;
    if (head.status >= 502 && head.status <= 504 && this.#interim === 0 && exchange.instead(head.status))
      return;
    const length = responseBody(head.fields, head.version, head.status, exchange.method === 'HEAD');
    if (typeof length === 'string') return exchange.failed('bad-response');
    this.status = head.status;
    this.#inBody = true;
    this.#dechunk = exchange.http10 && length === CHUNKED;
    this.#reusable = keepsAlive(head.fields, head.version) && length !== UNTIL_CLOSE;
    // What is left of a request body is not worth reading: an answer that comes before its end closes.
    this.keepAlive =
      exchange.keepAlive &&
      this.#client.requestBody.done &&
      length !== UNTIL_CLOSE &&
      !this.#dechunk &&
      !this.#ctx.draining &&
      !this.#client.halfClosed;
    exchange.answering();
    this.#client.responseBody.begin(length);
    const written = writeResponseHead(this.#ctx.writer, this.#ctx.filter, head, {
      close: !this.keepAlive,
      http10: exchange.http10,
      dechunk: this.#dechunk,
      upgrade: false,
      extra: exchange.stickyFields + exchange.request.tie,
      changes: exchange.request.passage?.response,
    });
    this.#send(written, bytes, headStart, bodyStart);
  }

  /** Head and the beginning of the body, in one write where possible. */
  #send(written: boolean, bytes: Uint8Array, headStart: number, bodyStart: number): void {
    const { writer } = this.#ctx;
    const { transport, responseBody: body } = this.#client;
    if (this.#dechunk) {
      transport.writeOwned(writer.take(alloc));
      body.onPayload = (from, start, end) => {
        this.#flowing = transport.write(from, start, end);
      };
      return this.#body(bytes, bodyStart, bytes.length);
    }
    const consumed = body.push(bytes, bodyStart, bytes.length);
    const end = Math.max(bodyStart, body.passEnd);
    let flowing: boolean;
    if (!written) flowing = transport.write(bytes, headStart, end);
    else if (writer.length <= bodyStart - headStart) {
      // The new head fits where the old one was: overwrite it, so that head and body leave together, uncopied.
      const start = bodyStart - writer.length;
      writer.placeBefore(bytes, bodyStart);
      flowing = transport.write(bytes, start, end);
    } else if (end - bodyStart <= COPY_BYTES)
      flowing = transport.write(writer.copy(bytes, bodyStart, end).view());
    else {
      transport.writeOwned(writer.take(alloc));
      flowing = transport.write(bytes, bodyStart, end);
    }
    this.#after(flowing, consumed === bytes.length);
  }

  #body(bytes: Uint8Array, start: number, end: number): void {
    const { transport, responseBody: body } = this.#client;
    this.#flowing = true;
    const consumed = body.push(bytes, start, end);
    let flowing = this.#flowing;
    if (!this.#dechunk && body.passEnd > start) flowing = transport.write(bytes, start, body.passEnd);
    this.#after(flowing, consumed === end);
  }

  #after(flowing: boolean, clean: boolean): void {
    const body = this.#client.responseBody;
    if (!flowing) this.#client.blocked = true;
    if (body.error !== undefined) return this.#exchange.broken();
    if (body.done) {
      if (body.trailers !== undefined && !this.#dechunk) {
        const trailers = forwardTrailers(this.#ctx, body.trailers);
        if (trailers === undefined) return this.#exchange.broken();
        this.#client.transport.writeOwned(trailers);
      }
      return this.#exchange.answered(this.#reusable && clean);
    }
    if (!flowing) this.#exchange.pauseUpstream();
    if (this.#client.requestBody.done) awaitStream(this.#ctx, this.#client);
  }

  #upgrade(head: ResponseParser, bytes: Uint8Array, next: number): void {
    const protocols = head.fields.list(FieldId.UPGRADE);
    if (!this.#exchange.request.upgrade || protocols.length !== 1 || protocols[0] !== 'websocket')
      return this.#exchange.failed('bad-response');
    const { stickyFields, request } = this.#exchange;
    const extra = stickyFields + request.tie;
    const changes = request.passage?.response;
    const shape = { close: false, http10: false, dechunk: false, upgrade: true, extra, changes };
    writeResponseHead(this.#ctx.writer, this.#ctx.filter, head, shape);
    this.#client.transport.writeOwned(this.#ctx.writer.take(alloc));
    this.#exchange.upgraded(bytes.subarray(next));
  }
}
