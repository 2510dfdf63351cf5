import { copyOf } from '../../../core/bytes.ts';
import type { OutBuffer } from '../frames/index.ts';
import type { Http2Stream, Incoming, StreamOwner } from './types.ts';

/** How the body that the peer sends is written for the handler. */
export const Framing = {
  /** There is none: what comes is dropped. */
  NONE: 0,
  /** As it is: the length was told, or it is a tunnel. */
  RAW: 1,
  TUNNEL: 2,
  CHUNKED: 3,
  /** The head is kept back until the end of this round: if the whole body is there by then, its length can be told. */
  UNDECIDED: 4,
} as const;

const CHUNKED_FIELD = 'transfer-encoding: chunked\r\n\r\n';

/** What the peer sends on one stream, on its way to the handler as HTTP/1.1. */
export class Inbound implements Incoming {
  paused = false;
  framing: number = Framing.NONE;
  /** Content-Length as the peer told it, -1 without one. */
  expected = -1;
  received = 0;
  /** What the peer may still send, and what has been taken since it was told so last. */
  window = 0;
  taken = 0;
  readonly #owner: StreamOwner;
  readonly #stream: Http2Stream;
  /** Heads that came while the handler took nothing. */
  #early: Uint8Array | undefined;
  #head: Uint8Array | undefined;
  #pieces: Uint8Array[] = NONE;
  #ended = false;
  #trailers: Uint8Array | undefined;

  constructor(owner: StreamOwner, stream: Http2Stream) {
    this.#owner = owner;
    this.#stream = stream;
  }

  reset(): void {
    this.framing = Framing.NONE;
    this.expected = -1;
    this.received = 0;
    this.window = this.#owner.context.limits.streamWindowBytes;
    this.taken = 0;
    this.drop();
  }

  /** Forget what the handler has not taken yet; its room in the window of the connection is free again. */
  drop(): void {
    for (const piece of this.#pieces) this.#owner.credit(piece.length);
    this.#pieces = NONE;
    this.#head = undefined;
    this.#early = undefined;
    this.#trailers = undefined;
    this.#ended = false;
  }

  /** All that the peer has sent was handed over. */
  get empty(): boolean {
    return this.#pieces.length === 0 && this.#head === undefined && !this.#ended && this.#early === undefined;
  }

  /** A whole head, to be handed over as it is. */
  head(bytes: Uint8Array): void {
    if (!this.paused && this.empty) return this.#stream.handler.onData(bytes);
    this.#early = this.#early === undefined ? copyOf(bytes) : Buffer.concat([this.#early, bytes]);
    this.#stream.later();
  }

  /** A head that goes with the first of the body; `framed`: it is whole, else its framing and its empty line are missing. */
  hold(head: Uint8Array, framed: boolean): void {
    this.framing = framed ? Framing.RAW : Framing.UNDECIDED;
    this.#head = head;
    this.#stream.later();
  }

  /** Payload; `last`: the stream ends with it. */
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.paused || !this.empty) {
      if (end > start) {
        if (this.#pieces === NONE) this.#pieces = [];
        this.#pieces.push(copyOf(bytes, start, end));
      }
      if (last) this.#ended = true;
      if (!this.paused) this.#stream.later();
      return;
    }
    this.#pass(bytes, start, end, last);
  }

  /** The stream ends with trailers: field lines, with the empty line. */
  trailers(section: Uint8Array): void {
    this.#trailers = section;
    this.data(section, 0, 0, true);
  }

  /** Hand over what waits, as long as the handler takes it. */
  deliver(): void {
    if (this.paused) return;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) this.#stream.handler.onData(early);
    if (this.#head !== undefined && !this.paused) this.#deliverHead();
    while (!this.paused && this.#pieces.length > 0) {
      const piece = this.#pieces.shift() as Uint8Array;
      const last = this.#ended && this.#pieces.length === 0;
      if (last) this.#ended = false;
      this.#pass(piece, 0, piece.length, last);
    }
    if (!this.paused && this.#ended) {
      this.#ended = false;
      this.#pass(NOTHING, 0, 0, true);
    }
  }

  /** The head with all of the body that has come by now. */
  #deliverHead(): void {
    const out = this.#owner.context.head;
    const head = this.#head as Uint8Array;
    const pieces = this.#pieces;
    const last = this.#ended;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#head = undefined;
    this.#pieces = NONE;
    this.#ended = false;
    out.length = 0;
    out.copy(head, 0, head.length);
    if (this.framing === Framing.UNDECIDED) {
      const whole = last && this.#trailers === undefined;
      this.framing = whole ? Framing.RAW : Framing.CHUNKED;
      out.text(whole ? `content-length: ${length}\r\n\r\n` : CHUNKED_FIELD);
    }
    if (this.framing === Framing.CHUNKED) {
      for (const piece of pieces) writeChunk(out, piece, 0, piece.length);
      if (last) this.#writeLastChunk(out);
    } else for (const piece of pieces) out.copy(piece, 0, piece.length);
    this.#credit(length);
    this.#stream.handler.onData(out.bytes.subarray(0, out.length));
    if (last) this.#stream.later();
  }

  /** One piece to the handler, in the framing that it was promised. */
  #pass(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const { handler } = this.#stream;
    const { framing } = this;
    // What the handler is given it may answer with a new request at once, so all else comes first.
    this.#credit(end - start);
    if (last) this.#stream.later();
    if (framing === Framing.CHUNKED) {
      const out = this.#owner.context.body;
      out.length = 0;
      if (end > start) writeChunk(out, bytes, start, end);
      if (last) this.#writeLastChunk(out);
      handler.onData(out.bytes.subarray(0, out.length));
    } else if (framing !== Framing.NONE) {
      if (end > start) handler.onData(bytes.subarray(start, end));
      if (last && framing === Framing.TUNNEL) handler.onEnd();
    }
  }

  #writeLastChunk(out: OutBuffer): void {
    out.text('0\r\n');
    const trailers = this.#trailers;
    this.#trailers = undefined;
    if (trailers === undefined) out.text('\r\n');
    else out.copy(trailers, 0, trailers.length);
  }

  #credit(n: number): void {
    if (n > 0) this.#owner.consumed(this.#stream, n);
  }
}

function writeChunk(out: OutBuffer, bytes: Uint8Array, start: number, end: number): void {
  out.text((end - start).toString(16));
  out.text('\r\n');
  out.copy(bytes, start, end);
  out.text('\r\n');
}

const NONE: Uint8Array[] = [];
const NOTHING = new Uint8Array(0);
