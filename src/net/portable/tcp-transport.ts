import type { Socket } from 'node:net';
import type { Logger } from '../../core/log.ts';
import type { Peer, SecureFacts, Transport, TransportHandler } from '../types.ts';
import type { ReadBuffer, ReadBuffers } from './read-buffers.ts';

const EMPTY = Buffer.alloc(0);

/** Handlers are put in place right after the transport is made; until then nothing can arrive. */
export const NO_HANDLER: TransportHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/** What all connections of one engine share. */
export interface TcpShared {
  readonly log: Logger;
  readonly buffers: ReadBuffers;
  /** The read buffer whose `onData` runs now; a write of a slice of it needs no copy. */
  reading: ReadBuffer | undefined;
}

/** A node:net socket as a Transport. The socket is made with `readOptions()` where Node allows it, else read by events. */
export class TcpTransport implements Transport {
  handler: TransportHandler;
  secure: SecureFacts | undefined;
  /** What the owner is told where the socket says this. */
  errorFor: (error: Error) => Error = (error) => error;
  readonly #shared: TcpShared;
  #socket: Socket | undefined;
  /** With TLS: the socket below, which alone can be reset. */
  #lowest: Socket | undefined;
  #buffer: ReadBuffer | undefined;
  #held: ReadBuffer[] | undefined;
  #waiting = false;
  #closed = false;
  #reset = false;
  #error: Error | undefined;
  #remote: Peer | undefined;
  #local: Peer | undefined;

  constructor(shared: TcpShared, handler: TransportHandler) {
    this.#shared = shared;
    this.handler = handler;
  }

  /** The `onread` option of node:net: read into our own buffers instead of a fresh one per read. */
  readOptions(): { buffer: () => Uint8Array; callback: (size: number, buffer: Uint8Array) => boolean } {
    return {
      // Called once at the start and after each read; undefined keeps the buffer (the types do not know that).
      buffer: () => this.#nextBuffer() as Uint8Array,
      callback: (size) => {
        const buffer = this.#buffer;
        if (buffer) this.#deliver(buffer, size);
        return true;
      },
    };
  }

  #nextBuffer(): Buffer | undefined {
    if (this.#buffer?.holds === 0) return undefined;
    this.#buffer = this.#shared.buffers.take();
    return this.#buffer.bytes;
  }

  /** Take the socket over. `events`: it was not made with `readOptions`, so read by 'data' events. `lowest`: below TLS. */
  attach(socket: Socket, events: boolean, lowest = socket): void {
    this.#socket = socket;
    this.#lowest = lowest;
    if (events) socket.on('data', (bytes: Buffer) => this.#deliver({ bytes, holds: 1 }, bytes.length));
    socket.on('end', () => this.#run(() => this.handler.onEnd()));
    socket.on('error', (error) => {
      this.#error ??= this.errorFor(error);
    });
    socket.on('close', () => this.#onClose());
  }

  #deliver(buffer: ReadBuffer, size: number): void {
    if (this.#closed) return;
    this.#shared.reading = buffer;
    try {
      this.handler.onData(buffer.bytes.subarray(0, size));
    } catch (error) {
      this.#fault(error);
    }
    this.#shared.reading = undefined;
  }

  #run(f: () => void): void {
    if (this.#closed) return;
    try {
      f();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** A handler threw: a bug of ours that must cost this connection only. */
  #fault(error: unknown): void {
    this.#shared.log.error({ error }, 'connection handler failed');
    this.destroy(error instanceof Error ? error : new Error(String(error)));
  }

  #onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#buffer?.holds === 0) this.#shared.buffers.give(this.#buffer);
    this.#buffer = undefined;
    try {
      this.handler.onClose(this.#error);
    } catch (error) {
      this.#shared.log.error({ error }, 'connection handler failed');
    }
  }

  onConnect(): void {
    this.#run(() => this.handler.onConnect?.());
  }

  get remote(): Peer {
    this.#remote ??= { ip: plainIp(this.#socket?.remoteAddress), port: this.#socket?.remotePort ?? 0 };
    return this.#remote;
  }

  get local(): Peer {
    this.#local ??= { ip: plainIp(this.#socket?.localAddress), port: this.#socket?.localPort ?? 0 };
    return this.#local;
  }

  get closed(): boolean {
    return this.#closed || this.#reset || this.#socket?.destroyed === true;
  }

  write(whole: Uint8Array, start = 0, end = whole.length): boolean {
    const bytes = end - start === whole.length ? whole : whole.subarray(start, end);
    const reading = this.#shared.reading;
    if (reading === undefined || bytes.buffer !== reading.bytes.buffer)
      return this.writeOwned(Buffer.from(bytes));
    if (this.writeOwned(bytes)) return true;
    this.#held ??= [];
    if (this.#held.at(-1) !== reading) {
      reading.holds += 1;
      this.#held.push(reading);
    }
    return false;
  }

  writeOwned(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (socket === undefined || this.closed || socket.writableEnded) return true;
    socket.write(bytes);
    // `write` returns true below the high-water mark even while the bytes are still ours to keep: the length tells.
    if (socket.writableLength === 0) return true;
    if (!this.#waiting) {
      this.#waiting = true;
      this.#awaitDrain(socket);
    }
    return false;
  }

  /** An empty write completes after all before it: the one sign that nothing is pending, at no cost to fast writes. */
  #awaitDrain(socket: Socket): void {
    socket.write(EMPTY, (error) => {
      if (error) return;
      if (socket.writableLength === 0) this.#drained();
      // After `end` there is no writing any more, but a sign for having written all.
      else if (socket.writableEnded) socket.once('finish', () => this.#drained());
      else this.#awaitDrain(socket);
    });
  }

  #drained(): void {
    this.#waiting = false;
    const held = this.#held;
    this.#held = undefined;
    if (held) for (const buffer of held) this.#release(buffer);
    this.#run(() => this.handler.onDrain());
  }

  /** The reader has gone on with another buffer since; the last pending write gives this one back. */
  #release(buffer: ReadBuffer): void {
    buffer.holds -= 1;
    if (buffer.holds === 0) this.#shared.buffers.give(buffer);
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  end(): void {
    this.#socket?.end();
  }

  destroy(error?: Error): void {
    const socket = this.#socket;
    if (socket === undefined || this.closed) return;
    this.#error ??= error;
    if (error === undefined || socket.connecting || this.#lowest === undefined) {
      socket.destroy();
      return;
    }
    // TLS above it follows by itself; destroying that as well would have Node abort.
    this.#reset = true;
    this.#lowest.resetAndDestroy();
  }
}

/** IPv4 clients of a dual-stack socket appear as `::ffff:a.b.c.d`. */
export function plainIp(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
