/** Size of one read buffer: a socket delivers at most this much at a time. */
const READ_BUFFER_BYTES = 64 * 1024;

/** How many free buffers are kept; more than that go to the garbage collector. */
const KEEP = 256;

/** A buffer that one socket reads into. */
export interface ReadBuffer {
  readonly bytes: Buffer;
  /** Pending writes of slices of it. While there are any, nothing may be read into it. */
  holds: number;
}

/**
 * Buffers that sockets read into, used again and again. Each has an ArrayBuffer of its own, so that a slice tells
 * which buffer it belongs to. Pages that were never written cost no memory, so an idle connection is cheap.
 */
export class ReadBuffers {
  readonly #free: ReadBuffer[] = [];

  take(): ReadBuffer {
    return this.#free.pop() ?? { bytes: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES), holds: 0 };
  }

  /** Only for buffers that no socket and no pending write uses any more. */
  give(buffer: ReadBuffer): void {
    if (this.#free.length < KEEP) this.#free.push(buffer);
  }
}
