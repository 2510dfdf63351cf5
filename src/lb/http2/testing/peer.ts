import type { Peer, Transport, TransportHandler } from '../../../net/index.ts';
import { FieldBlock, HpackDecoder } from '../hpack/index.ts';

/** The other end of a connection in memory, for whoever writes frames by hand. */
export class MemoryTransport implements Transport {
  handler: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
  readonly remote: Peer = { ip: '192.0.2.1', port: 1 };
  readonly local: Peer = { ip: '192.0.2.2', port: 2 };
  closed = false;
  ended = false;
  paused = false;
  /** Writes are taken, and said not to have left. */
  stuck = false;
  writes = 0;
  written: Buffer = Buffer.alloc(0);

  write(bytes: Uint8Array): boolean {
    this.writes += 1;
    this.written = Buffer.concat([this.written, bytes]);
    return !this.stuck;
  }
  writeOwned(bytes: Uint8Array): boolean {
    return this.write(bytes);
  }
  drain(): void {
    this.stuck = false;
    this.handler.onDrain();
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {
    this.ended = true;
  }
  destroy(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.handler.onClose(error);
  }
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const PREFACE_TEXT = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** The bytes of one frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = '',
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, body]);
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

export const setting = (id: number, value: number): Buffer =>
  Buffer.concat([Buffer.from([id >>> 8, id & 255]), uint32(value)]);

/** A field block of literals that go into no table (RFC 7541 §6.2.2), as simple as can be. */
export function block(
  fields: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
): Buffer {
  const list = Array.isArray(fields) ? (fields as [string, string][]) : Object.entries(fields);
  const parts: Buffer[] = [];
  for (const [name, value] of list) parts.push(Buffer.from([0]), text(name), text(value));
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const head = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), bytes]);
}

export const GET = { ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'a.test' } as const;
export const POST = { ...GET, ':method': 'POST' } as const;

/** Reads what was written to a transport as frames, and field blocks with a decoder that lives as long as it. */
export class FrameLog {
  readonly #transport: MemoryTransport;
  readonly #decoder = new HpackDecoder();
  readonly #block = new FieldBlock({ listBytes: 64 * 1024, fields: 200 });
  #at: number;

  /** `skip`: bytes before the first frame. */
  constructor(transport: MemoryTransport, skip = 0) {
    this.#transport = transport;
    this.#at = skip;
  }

  /** The frames that were written since the last call. */
  take(): Frame[] {
    const bytes = this.#transport.written;
    const frames: Frame[] = [];
    while (bytes.length - this.#at >= 9) {
      const length = bytes.readUIntBE(this.#at, 3);
      const end = this.#at + 9 + length;
      if (end > bytes.length) throw new Error('a frame is cut short');
      frames.push({
        type: bytes[this.#at + 3] ?? 0,
        flags: bytes[this.#at + 4] ?? 0,
        stream: bytes.readUInt32BE(this.#at + 5),
        payload: Buffer.from(bytes.subarray(this.#at + 9, end)),
      });
      this.#at = end;
    }
    return frames;
  }

  fields(of: Frame): Record<string, string> {
    if (!this.#decoder.decode(of.payload, 0, of.payload.length, this.#block)) throw new Error('bad HPACK');
    const fields: Record<string, string> = {};
    for (let i = 0; i < this.#block.count; i++) fields[this.#block.name(i)] = this.#block.value(i);
    return fields;
  }

  /** The same as `take`, one line for each, so that a test can show the whole of an exchange. */
  lines(): string[] {
    return this.take().map((f) => {
      const at = f.stream === 0 ? '' : ` ${f.stream}`;
      const end = (f.type === 0 || f.type === 1) && (f.flags & 1) !== 0 ? ' END' : '';
      switch (f.type) {
        case 0:
          return `DATA${at} ${f.payload.length > 40 ? f.payload.length : JSON.stringify(f.payload.toString('latin1'))}${end}`;
        case 1:
          return `HEADERS${at} ${Object.entries(this.fields(f))
            .map(([k, v]) => `${k}=${v}`)
            .join(' ')}${end}`;
        case 3:
          return `RST_STREAM${at} ${f.payload.readUInt32BE(0)}`;
        case 4:
          return f.flags === 1 ? 'SETTINGS ACK' : 'SETTINGS';
        case 6:
          return f.flags === 1 ? 'PING ACK' : 'PING';
        case 7:
          return `GOAWAY ${f.payload.readUInt32BE(0)} ${f.payload.readUInt32BE(4)}`;
        case 8:
          return `WINDOW_UPDATE${at} ${f.payload.readUInt32BE(0)}`;
        default:
          return `type ${f.type}${at}`;
      }
    });
  }
}
