import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';

/** Numbers of the protocol that the checks write by hand. */
export const QTYPE = {
  A: 1,
  NS: 2,
  SOA: 6,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
};

export interface Header {
  readonly id?: number;
  /** The 16 bits of the flags word; RD alone by default. */
  readonly flags?: number;
  readonly counts?: readonly [qd: number, an: number, ns: number, ar: number];
}

export function header({ id = 0x5157, flags = 0x0100, counts = [1, 0, 0, 0] }: Header = {}): Buffer {
  const bytes = Buffer.alloc(12);
  for (const [i, word] of [id, flags, ...counts].entries()) bytes.writeUInt16BE(word, 2 * i);
  return bytes;
}

/** A name in wire form. Labels are as given, however long. */
export function wireName(name: string): Buffer {
  const labels = name.split('.').filter((l) => l !== '');
  const parts = labels.map((l) => Buffer.concat([Buffer.from([l.length]), Buffer.from(l, 'latin1')]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

export function question(name: string | Buffer, type: number = QTYPE.A, class_ = 1): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(type, 0);
  tail.writeUInt16BE(class_, 2);
  return Buffer.concat([typeof name === 'string' ? wireName(name) : name, tail]);
}

/** A resource record. `length` lies about the size of `data` when given. */
export function record(
  name: string | Buffer,
  type: number,
  class_: number,
  ttl: number,
  data: Buffer,
  length = data.length,
): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(class_, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(length, 8);
  return Buffer.concat([typeof name === 'string' ? wireName(name) : name, fixed, data]);
}

/** An OPT record (RFC 6891 §6.1); `ttl` holds version and flags. */
export function opt(payload = 1232, ttl = 0, options: Buffer = Buffer.alloc(0)): Buffer {
  return record('.', QTYPE.OPT, payload, ttl, options);
}

/** One plain question. */
export function query(name: string, type: number = QTYPE.A, more: Header & { edns?: Buffer } = {}): Buffer {
  const counts = more.counts ?? [1, 0, 0, more.edns ? 1 : 0];
  return Buffer.concat([header({ ...more, counts }), question(name, type), more.edns ?? Buffer.alloc(0)]);
}

export interface Arrived {
  readonly bytes: Buffer;
  /** After it was sent; NaN for what nobody asked for. */
  readonly ms: number;
}

/** One UDP socket of a client. */
export class UdpClient {
  /** Every datagram that arrived, in order. */
  readonly arrived: Arrived[] = [];
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { readonly at: number; readonly resolve: (a: Arrived) => void }>();
  #nextId = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => {
      const id = bytes.length >= 2 ? bytes.readUInt16BE(0) : -1;
      const waiting = this.#waiting.get(id);
      const arrived = { bytes, ms: waiting ? performance.now() - waiting.at : Number.NaN };
      this.arrived.push(arrived);
      this.#waiting.delete(id);
      waiting?.resolve(arrived);
    });
    socket.on('error', () => {}); // a port that is closed is a question without an answer
  }

  /** A socket that is connected to a port of 127.0.0.1. */
  static async to(port: number, from = '127.0.0.1'): Promise<UdpClient> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    socket.bind(0, from);
    await once(socket, 'listening');
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new UdpClient(socket);
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  /** Send a query under an id of its own; undefined when nothing came within `timeoutMs`. */
  async ask(bytes: Buffer, timeoutMs = 2_000): Promise<Arrived | undefined> {
    const id = (this.#nextId = (this.#nextId % 0xffff) + 1);
    bytes.writeUInt16BE(id, 0);
    return this.reply(id, () => this.send(bytes), timeoutMs);
  }

  /** The reply with this id after `send`. */
  reply(id: number, send: () => void, timeoutMs = 2_000): Promise<Arrived | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        resolve(undefined);
      }, timeoutMs);
      this.#waiting.set(id, {
        at: performance.now(),
        resolve: (a) => {
          clearTimeout(timer);
          resolve(a);
        },
      });
      send();
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** A message with its length before it, as TCP carries it (RFC 1035 §4.2.2). */
export function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

/** The whole messages in a stream of bytes. */
export function unframed(stream: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 2 <= stream.length;) {
    const end = at + 2 + stream.readUInt16BE(at);
    if (end > stream.length) break;
    messages.push(stream.subarray(at + 2, end));
    at = end;
  }
  return messages;
}

/** Write bytes to a TCP connection and collect messages until there are `replies`, it closes, or the time is over. */
export function overTcp(port: number, bytes: Uint8Array, replies = 1, timeoutMs = 3_000): Promise<Buffer[]> {
  return new Promise((resolve) => {
    let stream = Buffer.alloc(0);
    const socket = connect({ host: '127.0.0.1', port });
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(unframed(stream));
    };
    const timer = setTimeout(done, timeoutMs);
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (piece: Buffer) => {
      stream = Buffer.concat([stream, piece]);
      if (unframed(stream).length >= replies) done();
    });
    socket.on('error', done);
    socket.on('close', done);
  });
}
