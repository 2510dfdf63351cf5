import { ErrorCode, Flag, FRAME_HEADER_BYTES, FrameType, MAX_FRAME_BYTES } from '../protocol.ts';

/** What a reader tells. Ranges of bytes are valid during the call only. */
export interface FrameSink {
  /**
   * A piece of a DATA frame. `flow`: how much of the windows it takes, padding included. `last`: the frame is complete,
   * and `endStream` counts.
   */
  onDataFrame(
    stream: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    flow: number,
    last: boolean,
    endStream: boolean,
  ): void;
  /** A whole field block: HEADERS with its CONTINUATION frames. */
  onHeaders(stream: number, endStream: boolean, bytes: Uint8Array, start: number, end: number): void;
  onReset(stream: number, code: number): void;
  onSettings(bytes: Uint8Array, start: number, end: number): void;
  onSettingsAck(): void;
  onPing(ack: boolean, bytes: Uint8Array, start: number): void;
  onGoaway(lastStream: number, code: number): void;
  onWindowUpdate(stream: number, increment: number): void;
  /** PRIORITY, or a type that is not known: nothing follows from it. */
  onIgnored(): void;
  /** A frame that costs its stream only. */
  onStreamError(stream: number, code: number): void;
}

/** By type: the length that the payload must have; 255: it has rules of its own. */
const EXACT_LENGTH = [255, 255, 255, 4, 255, 255, 8, 255, 4, 255];
/** By type, whether the frame is about a stream (1), the connection (0) or either (2). */
const ABOUT_STREAM = [1, 1, 1, 1, 0, 1, 0, 0, 2, 1];

/**
 * Reads frames (RFC 9113 §4, §6) from bytes in any pieces. Payloads of DATA pass through as they come, all others are
 * handed over whole. A connection error stops it for good.
 */
export class FrameReader {
  /** A connection error (RFC 9113 §5.4.1), or undefined. */
  error: number | undefined;
  readonly #sink: FrameSink;
  readonly #maxBlock: number;
  readonly #head = new Uint8Array(FRAME_HEADER_BYTES);
  #headLength = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  #length = 0;
  /** Payload bytes still to come; -1: a header comes next. */
  #left = -1;
  /** Of a DATA frame: padding that ends it, -1 while its length is not known yet. */
  #padding = 0;
  #held: Uint8Array | undefined;
  /** The stream whose field block goes on in CONTINUATION, 0 without one. */
  #blockStream = 0;
  #blockEndsStream = false;
  #block: Uint8Array | undefined;
  #blockLength = 0;
  #continuations = 0;
  #settingsSeen = false;

  /** `maxBlock`: the largest field block, bytes as sent. */
  constructor(sink: FrameSink, maxBlock: number) {
    this.#sink = sink;
    this.#maxBlock = maxBlock;
  }

  /** The first frame has come. */
  get begun(): boolean {
    return this.#settingsSeen;
  }

  /** A field block has begun and its end has not come. */
  get inBlock(): boolean {
    return this.#blockStream !== 0;
  }

  /** Give up: a connection error, found here or by the sink. The first one counts. */
  fail(code: number): void {
    this.error ??= code;
  }

  /** Take in bytes. Check `error` afterwards. */
  push(bytes: Uint8Array): void {
    const end = bytes.length;
    let at = 0;
    while (this.error === undefined) {
      if (this.#left < 0) {
        if (at >= end) return;
        at = this.#header(bytes, at, end);
      } else if (this.#type === FrameType.DATA) {
        if (at >= end && this.#left > 0) return;
        at = this.#data(bytes, at, end);
      } else if (this.#held === undefined && end - at >= this.#left) {
        const payloadEnd = at + this.#left;
        this.#left = -1;
        this.#payload(bytes, at, payloadEnd);
        at = payloadEnd;
      } else {
        if (at >= end) return;
        at = this.#hold(bytes, at, end);
      }
    }
  }

  /** Collect the payload of a frame that comes in several pieces. */
  #hold(bytes: Uint8Array, at: number, end: number): number {
    const held = (this.#held ??= new Uint8Array(this.#length));
    const n = Math.min(this.#left, end - at);
    held.set(bytes.subarray(at, at + n), this.#length - this.#left);
    this.#left -= n;
    if (this.#left === 0) {
      this.#left = -1;
      this.#held = undefined;
      this.#payload(held, 0, held.length);
    }
    return at + n;
  }

  #header(bytes: Uint8Array, at: number, end: number): number {
    if (this.#headLength === 0 && end - at >= FRAME_HEADER_BYTES) {
      this.#begin(bytes, at);
      return at + FRAME_HEADER_BYTES;
    }
    const n = Math.min(FRAME_HEADER_BYTES - this.#headLength, end - at);
    for (let i = 0; i < n; i++) this.#head[this.#headLength + i] = bytes[at + i] as number;
    this.#headLength += n;
    if (this.#headLength === FRAME_HEADER_BYTES) {
      this.#headLength = 0;
      this.#begin(this.#head, 0);
    }
    return at + n;
  }

  /** The header of a frame is there: judge what can be judged by it. */
  #begin(bytes: Uint8Array, at: number): void {
    const length =
      ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    const type = bytes[at + 3] as number;
    const flags = bytes[at + 4] as number;
    const stream = uint31(bytes, at + 5);
    this.#type = type;
    this.#flags = flags;
    this.#stream = stream;
    this.#length = length;
    this.#left = length;
    const error = this.#judge(type, flags, stream, length);
    if (error !== undefined) this.fail(error);
    else if (type === FrameType.DATA) this.#beginData(length, flags);
  }

  /** The connection error that a header is, if it is one. */
  #judge(type: number, flags: number, stream: number, length: number): number | undefined {
    if (length > MAX_FRAME_BYTES) return ErrorCode.FRAME_SIZE_ERROR;
    const inBlock = this.#blockStream !== 0;
    if (inBlock && (type !== FrameType.CONTINUATION || stream !== this.#blockStream))
      return ErrorCode.PROTOCOL_ERROR;
    if (!this.#settingsSeen) {
      // Settings come first, from either side (RFC 9113 §3.4).
      if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) return ErrorCode.PROTOCOL_ERROR;
      this.#settingsSeen = true;
    }
    if (type > FrameType.CONTINUATION) return undefined;
    const about = ABOUT_STREAM[type];
    if (about === (stream === 0 ? 1 : 0)) return ErrorCode.PROTOCOL_ERROR;
    if (type === FrameType.PUSH_PROMISE || (type === FrameType.CONTINUATION && !inBlock))
      return ErrorCode.PROTOCOL_ERROR;
    const exact = EXACT_LENGTH[type] as number;
    return exact === 255 || length === exact ? undefined : ErrorCode.FRAME_SIZE_ERROR;
  }

  #beginData(length: number, flags: number): void {
    this.#padding = 0;
    if ((flags & Flag.PADDED) === 0) return;
    if (length === 0) return this.fail(ErrorCode.FRAME_SIZE_ERROR);
    this.#padding = -1;
  }

  #data(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let flow = 0;
    if (this.#padding < 0) {
      this.#padding = bytes[at] as number;
      at += 1;
      flow = 1;
      this.#left -= 1;
      if (this.#padding > this.#left) {
        this.fail(ErrorCode.PROTOCOL_ERROR);
        return at;
      }
    }
    const n = Math.min(this.#left, end - at);
    const payload = Math.min(n, this.#left - this.#padding);
    this.#left -= n;
    if (payload < n) this.#padding -= n - payload;
    const last = this.#left === 0;
    if (last) this.#left = -1;
    const endStream = last && (this.#flags & Flag.END_STREAM) !== 0;
    this.#sink.onDataFrame(this.#stream, bytes, at, at + payload, flow + n, last, endStream);
    return at + n;
  }

  #payload(bytes: Uint8Array, start: number, end: number): void {
    const sink = this.#sink;
    const stream = this.#stream;
    const ack = (this.#flags & Flag.ACK) !== 0;
    switch (this.#type) {
      case FrameType.HEADERS:
        return this.#headers(bytes, start, end);
      case FrameType.CONTINUATION:
        return this.#continuation(bytes, start, end);
      case FrameType.PRIORITY:
        if (end - start !== 5) return sink.onStreamError(stream, ErrorCode.FRAME_SIZE_ERROR);
        if (uint31(bytes, start) === stream) return sink.onStreamError(stream, ErrorCode.PROTOCOL_ERROR);
        return sink.onIgnored();
      case FrameType.RST_STREAM:
        return sink.onReset(stream, uint32(bytes, start));
      case FrameType.SETTINGS:
        if (ack && end !== start) return this.fail(ErrorCode.FRAME_SIZE_ERROR);
        if ((end - start) % 6 !== 0) return this.fail(ErrorCode.FRAME_SIZE_ERROR);
        return ack ? sink.onSettingsAck() : sink.onSettings(bytes, start, end);
      case FrameType.PING:
        return sink.onPing(ack, bytes, start);
      case FrameType.GOAWAY:
        if (end - start < 8) return this.fail(ErrorCode.FRAME_SIZE_ERROR);
        return sink.onGoaway(uint31(bytes, start), uint32(bytes, start + 4));
      case FrameType.WINDOW_UPDATE:
        return this.#windowUpdate(stream, uint31(bytes, start));
      default:
        return sink.onIgnored();
    }
  }

  #windowUpdate(stream: number, increment: number): void {
    if (increment > 0) this.#sink.onWindowUpdate(stream, increment);
    else if (stream === 0) this.fail(ErrorCode.PROTOCOL_ERROR);
    else this.#sink.onStreamError(stream, ErrorCode.PROTOCOL_ERROR);
  }

  #headers(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    let to = end;
    if ((this.#flags & Flag.PADDED) !== 0) {
      if (from >= to) return this.fail(ErrorCode.FRAME_SIZE_ERROR);
      to -= bytes[from++] as number;
    }
    if ((this.#flags & Flag.PRIORITY) !== 0) from += 5;
    if (from > to) return this.fail(ErrorCode.PROTOCOL_ERROR);
    const endStream = (this.#flags & Flag.END_STREAM) !== 0;
    if ((this.#flags & Flag.END_HEADERS) !== 0)
      return this.#sink.onHeaders(this.#stream, endStream, bytes, from, to);
    this.#blockStream = this.#stream;
    this.#blockEndsStream = endStream;
    this.#blockLength = 0;
    this.#continuations = 0;
    this.#addToBlock(bytes, from, to);
  }

  #continuation(bytes: Uint8Array, start: number, end: number): void {
    this.#continuations += 1;
    this.#addToBlock(bytes, start, end);
    // Small fragments are as good an attack as many bytes: half a kilobyte each is the least that is put up with.
    if (this.#continuations > 8 + this.#blockLength / 512) this.fail(ErrorCode.ENHANCE_YOUR_CALM);
    if (this.error !== undefined || (this.#flags & Flag.END_HEADERS) === 0) return;
    const block = this.#block ?? new Uint8Array(0);
    const stream = this.#blockStream;
    this.#blockStream = 0;
    this.#block = undefined;
    this.#sink.onHeaders(stream, this.#blockEndsStream, block, 0, this.#blockLength);
  }

  #addToBlock(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#blockLength + end - start;
    if (length > this.#maxBlock) return this.fail(ErrorCode.ENHANCE_YOUR_CALM);
    if (this.#block === undefined || this.#block.length < length) {
      const bigger = new Uint8Array(Math.max(2048, length * 2));
      if (this.#block !== undefined) bigger.set(this.#block.subarray(0, this.#blockLength));
      this.#block = bigger;
    }
    this.#block.set(bytes.subarray(start, end), this.#blockLength);
    this.#blockLength = length;
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return uint31(bytes, at) + ((bytes[at] as number) >= 128 ? 2 ** 31 : 0);
}

/** The reserved bit is ignored (RFC 9113 §4.1). */
function uint31(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) & 127) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
