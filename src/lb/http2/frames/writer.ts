import { FRAME_HEADER_BYTES, FrameType, Flag, MAX_FRAME_BYTES } from '../protocol.ts';
import type { OutBuffer } from './out-buffer.ts';

/** Write the header of a frame (RFC 9113 §4.1); the payload is written behind it by the caller. */
export function writeFrameHeader(
  out: OutBuffer,
  length: number,
  type: number,
  flags: number,
  stream: number,
): void {
  out.room(FRAME_HEADER_BYTES + length);
  const to = out.bytes;
  const at = out.length;
  to[at] = length >>> 16;
  to[at + 1] = length >>> 8;
  to[at + 2] = length;
  to[at + 3] = type;
  to[at + 4] = flags;
  putUint32(to, at + 5, stream);
  out.length = at + FRAME_HEADER_BYTES;
}

function putUint32(to: Uint8Array, at: number, value: number): void {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
}

function writeUint32(out: OutBuffer, value: number): void {
  out.room(4);
  putUint32(out.bytes, out.length, value);
  out.length += 4;
}

/** Settings as pairs of identifier and value. */
export function writeSettings(out: OutBuffer, settings: readonly (readonly [number, number])[]): void {
  writeFrameHeader(out, settings.length * 6, FrameType.SETTINGS, 0, 0);
  for (const [id, value] of settings) {
    out.bytes[out.length++] = id >>> 8;
    out.bytes[out.length++] = id;
    writeUint32(out, value);
  }
}

export function writeSettingsAck(out: OutBuffer): void {
  writeFrameHeader(out, 0, FrameType.SETTINGS, Flag.ACK, 0);
}

/** A PING with the eight bytes at `start`. */
export function writePing(out: OutBuffer, ack: boolean, bytes: Uint8Array, start: number): void {
  writeFrameHeader(out, 8, FrameType.PING, ack ? Flag.ACK : 0, 0);
  out.copy(bytes, start, start + 8);
}

export function writeGoaway(out: OutBuffer, lastStream: number, code: number, debug = ''): void {
  writeFrameHeader(out, 8 + debug.length, FrameType.GOAWAY, 0, 0);
  writeUint32(out, lastStream);
  writeUint32(out, code);
  out.text(debug);
}

export function writeWindowUpdate(out: OutBuffer, stream: number, increment: number): void {
  writeFrameHeader(out, 4, FrameType.WINDOW_UPDATE, 0, stream);
  writeUint32(out, increment);
}

export function writeReset(out: OutBuffer, stream: number, code: number): void {
  writeFrameHeader(out, 4, FrameType.RST_STREAM, 0, stream);
  writeUint32(out, code);
}

/** Leave room for the header of a HEADERS frame; the field block follows, then `endHeaders`. Returns where it begins. */
export function beginHeaders(out: OutBuffer): number {
  out.room(FRAME_HEADER_BYTES);
  const at = out.length;
  out.length += FRAME_HEADER_BYTES;
  return at;
}

/** Write the header of a field block that began at `at`; what does not fit into one frame goes on in CONTINUATION. */
export function endHeaders(out: OutBuffer, at: number, stream: number, endStream: boolean): void {
  const end = endStream ? Flag.END_STREAM : 0;
  const length = out.length - at - FRAME_HEADER_BYTES;
  if (length <= MAX_FRAME_BYTES) {
    out.length = at;
    writeFrameHeader(out, length, FrameType.HEADERS, end | Flag.END_HEADERS, stream);
    out.length += length;
    return;
  }
  const block = out.bytes.slice(at + FRAME_HEADER_BYTES, out.length);
  out.length = at;
  for (let from = 0; from < length; from += MAX_FRAME_BYTES) {
    const n = Math.min(MAX_FRAME_BYTES, length - from);
    const last = from + n === length ? Flag.END_HEADERS : 0;
    const type = from === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
    writeFrameHeader(out, n, type, (from === 0 ? end : 0) | last, stream);
    out.copy(block, from, from + n);
  }
}
