import type { HpackEncoder } from '../hpack/index.ts';
import { DEFAULT_WINDOW, ErrorCode, MAX_FRAME_BYTES, MAX_WINDOW, Setting } from '../protocol.ts';

/** What the peer has told of itself. */
export interface PeerSettings {
  initialWindow: number;
  /** Streams that it takes at a time; undefined: it has not said. */
  concurrentStreams: number | undefined;
  /** It knows extended CONNECT (RFC 8441). */
  connectProtocol: boolean;
}

/** What holds until the peer has told anything. */
export function freshSettings(): PeerSettings {
  return { initialWindow: DEFAULT_WINDOW, concurrentStreams: undefined, connectProtocol: false };
}

/** Apply a SETTINGS frame (RFC 9113 §6.5.2); returns a connection error, if it is one. */
export function readSettings(
  bytes: Uint8Array,
  start: number,
  end: number,
  peer: PeerSettings,
  encoder: HpackEncoder,
): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = start; at < end; at += 6) {
    const value = view.getUint32(at + 2);
    switch (view.getUint16(at)) {
      case Setting.HEADER_TABLE_SIZE:
        encoder.setPeerLimit(value);
        break;
      case Setting.ENABLE_PUSH:
        if (value > 1) return ErrorCode.PROTOCOL_ERROR;
        break;
      case Setting.MAX_CONCURRENT_STREAMS:
        peer.concurrentStreams = value;
        break;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) return ErrorCode.FLOW_CONTROL_ERROR;
        peer.initialWindow = value;
        break;
      case Setting.MAX_FRAME_SIZE:
        // We never send more than the least that it can be.
        if (value < MAX_FRAME_BYTES || value > 2 ** 24 - 1) return ErrorCode.PROTOCOL_ERROR;
        break;
      case Setting.ENABLE_CONNECT_PROTOCOL:
        if (value > 1) return ErrorCode.PROTOCOL_ERROR;
        peer.connectProtocol = value === 1;
        break;
      default:
    }
  }
  return undefined;
}
