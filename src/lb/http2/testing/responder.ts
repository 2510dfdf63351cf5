import type { Transport, TransportHandler } from '../../../net/index.ts';
import { BodyReader, INCOMPLETE, latin1Bytes, requestBody, RequestParser } from '../../http1/index.ts';

/** A request of HTTP/1.1 as it arrived, and the connection to answer on. */
export interface Received {
  readonly method: string;
  readonly target: string;
  /** The whole head as text. */
  readonly head: string;
  /** The body without its framing, one character per byte; complete when `respond` is called. */
  readonly body: string;
  readonly trailers: string;
  readonly transport: Transport;
}

/** Holds one head for the length of one call. */
const parser = new RequestParser({ headBytes: 64 * 1024, lineBytes: 16 * 1024, fields: 200 });

/** An HTTP/1.1 server on transports, strict and small: answers with whatever `respond` writes. */
export class Responder implements TransportHandler {
  /** Set when the transport is gone. */
  closed: { readonly error: Error | undefined } | undefined;
  closes = 0;
  ended = false;
  drains = 0;
  /** How often it was told that what it writes would wait; and whether it holds still, which is for tests to say. */
  blocks = 0;
  stopped = false;
  readonly #transport: Transport;
  readonly #respond: (request: Received) => void;
  readonly #body = new BodyReader();
  #held: Buffer = Buffer.alloc(0);
  #head: { method: string; target: string; head: string } | undefined;
  #text = '';
  #upgraded = false;
  /** Called with what comes after an upgrade. */
  onTunnel: ((text: string) => void) | undefined;
  onTunnelEnd: (() => void) | undefined;

  constructor(transport: Transport, respond: (request: Received) => void) {
    this.#transport = transport;
    this.#respond = respond;
  }

  upgrade(): void {
    this.#upgraded = true;
  }

  onData(bytes: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    while (this.#held.length > 0) {
      const before = this.#held.length;
      if (this.#upgraded) {
        this.onTunnel?.(this.#take(before));
        return;
      }
      if (this.#head === undefined) this.#readHead();
      else this.#readBody();
      if (this.#held.length === before) return;
    }
  }

  #take(n: number): string {
    const text = this.#held.subarray(0, n).toString('latin1');
    this.#held = this.#held.subarray(n);
    return text;
  }

  #readHead(): void {
    const next = parser.parse(this.#held, 0, this.#held.length);
    if (next === INCOMPLETE) return;
    const length = next < 0 ? undefined : requestBody(parser.fields, parser.version);
    if (typeof length !== 'number')
      throw new Error(`unsound HTTP/1.1: ${JSON.stringify(this.#held.toString('latin1'))}`);
    this.#head = { method: parser.method, target: parser.target, head: this.#take(next) };
    this.#text = '';
    this.#body.begin(length);
    this.#body.onPayload = (bytes, start, end) => {
      this.#text += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    };
    this.#maybeDone();
  }

  #readBody(): void {
    const n = this.#body.push(this.#held, 0, this.#held.length);
    this.#held = this.#held.subarray(n);
    if (this.#body.error !== undefined) throw new Error(this.#body.error);
    this.#maybeDone();
  }

  #maybeDone(): void {
    const head = this.#head;
    if (!this.#body.done || head === undefined) return;
    this.#head = undefined;
    const trailers = Buffer.from(this.#body.trailers ?? []).toString('latin1');
    this.#respond({ ...head, body: this.#text, trailers, transport: this.#transport });
  }

  onEnd(): void {
    this.ended = true;
    this.onTunnelEnd?.();
  }

  onDrain(): void {
    this.drains += 1;
  }

  onBlocked(): void {
    this.blocks += 1;
    this.stopped = true;
  }

  onClose(error: Error | undefined): void {
    this.closes += 1;
    this.closed = { error };
  }
}

/** Write text of one-byte characters. */
export function say(transport: Transport, text: string): boolean {
  return transport.writeOwned(latin1Bytes(text));
}
