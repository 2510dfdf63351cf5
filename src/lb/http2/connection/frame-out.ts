import { endHeaders, OutBuffer, writeFrameHeader, writeReset, writeWindowUpdate } from '../frames/index.ts';
import type { OutPool } from '../frames/index.ts';
import type { HpackEncoder } from '../hpack/index.ts';
import { Flag, FRAME_HEADER_BYTES, FrameType, MAX_FRAME_BYTES } from '../protocol.ts';
import { encodeTrailers } from './trailers.ts';

/**
 * Frames that wait to leave in one send. The last one stays open as long as nothing else follows: payload that comes in
 * small pieces goes into one frame, and a message that turns out to be over ends with the frame that is there already.
 */
export class FrameOut {
  readonly buffer: OutBuffer;
  /** Where the open frame begins, -1 without one, and of which stream it is. */
  #openAt = -1;
  #openStream = 0;

  constructor(pool: OutPool) {
    this.buffer = new OutBuffer(pool);
  }

  get length(): number {
    return this.buffer.length;
  }

  /** Nothing is added to the last frame any more. For whoever writes frames into `buffer` himself. */
  seal(): OutBuffer {
    this.#openAt = -1;
    return this.buffer;
  }

  /** Payload, at most one frame's worth. Returns whether it began a new frame. */
  data(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { buffer } = this;
    const n = end - start;
    const at = this.#openAt;
    if (at >= 0 && this.#openStream === id && buffer.bytes[at + 3] === FrameType.DATA) {
      const length = buffer.length - at - FRAME_HEADER_BYTES + n;
      if (length <= MAX_FRAME_BYTES) {
        buffer.bytes[at + 1] = length >>> 8;
        buffer.bytes[at + 2] = length;
        buffer.copy(bytes, start, end);
        return false;
      }
    }
    this.#openAt = buffer.length;
    this.#openStream = id;
    writeFrameHeader(buffer, n, FrameType.DATA, 0, id);
    buffer.copy(bytes, start, end);
    return true;
  }

  /** A field block was written into `buffer` behind `beginHeaders`, at `at`. */
  headers(id: number, at: number): void {
    const length = this.buffer.length - at - FRAME_HEADER_BYTES;
    endHeaders(this.buffer, at, id, false);
    this.#openAt = length <= MAX_FRAME_BYTES ? at : -1;
    this.#openStream = id;
  }

  /** The stream's end, with trailers or without. */
  end(id: number, trailers: Uint8Array | undefined, encoder: HpackEncoder): void {
    const at = this.#openAt;
    const { buffer } = this;
    this.#openAt = -1;
    if (trailers !== undefined && encodeTrailers(trailers, encoder, buffer, id)) return;
    if (at >= 0 && this.#openStream === id)
      buffer.bytes[at + 4] = (buffer.bytes[at + 4] as number) | Flag.END_STREAM;
    else writeFrameHeader(buffer, 0, FrameType.DATA, Flag.END_STREAM, id);
  }

  reset(id: number, code: number): void {
    writeReset(this.seal(), id, code);
  }

  windowUpdate(id: number, increment: number): void {
    writeWindowUpdate(this.seal(), id, increment);
  }
}
