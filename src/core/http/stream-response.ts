import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ApiReply } from './server.ts';

/** A response that stays open: a RecordIO event stream or server-sent events. */
export interface StreamResponse {
  /** Write one piece; each call becomes one HTTP chunk (Mesos clients parse per chunk). False once closed. */
  write(piece: string | Uint8Array): boolean;
  /** Whether so much is written and not yet on its way that more should wait. */
  readonly isFull: boolean;
  /** Resolves when it is no longer full, or closed. */
  drained(): Promise<void>;
  /** Finish cleanly (the zero chunk). */
  end(): void;
  readonly closed: boolean;
}

/** What is written in one turn of the event loop goes to the kernel at once: each piece is a chunk, but not each a system call. */
function gathering(socket: Socket | null): () => void {
  let gathers = false;
  return () => {
    if (gathers || !socket) return;
    gathers = true;
    socket.cork();
    setImmediate(() => {
      gathers = false;
      socket.uncork();
    });
  };
}

/**
 * Take over a fastify reply as an open-ended chunked response. `onClose` runs exactly once, whoever closes. A reader
 * that falls more than `maxBufferedBytes` behind is cut off, so that a stuck client costs bounded memory.
 */
export function openStream(
  reply: ApiReply,
  options: {
    readonly headers: Readonly<Record<string, string>>;
    readonly maxBufferedBytes?: number;
    readonly onClose: () => void;
  },
): StreamResponse {
  reply.hijack();
  const raw = reply.raw;
  const limit = options.maxBufferedBytes ?? 64 * 1024 * 1024;
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    options.onClose();
  };
  raw.on('close', close);
  raw.on('error', close);
  // Who has gone meanwhile is not told of again.
  if (raw.destroyed) queueMicrotask(close);
  raw.socket?.setNoDelay(true);
  raw.writeHead(200, { ...options.headers });
  raw.flushHeaders(); // a stream without news is open all the same
  const gather = gathering(raw.socket);
  return {
    write(piece) {
      if (closed) return false;
      gather();
      raw.write(piece);
      if (raw.writableLength > limit) raw.destroy();
      return true;
    },
    get isFull() {
      return !closed && raw.writableNeedDrain;
    },
    drained: () => drained(raw),
    end() {
      raw.end();
      close();
    },
    get closed() {
      return closed;
    },
  };
}

/** Resolves when more may be written, or nobody reads any more. */
export function drained(raw: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      raw.off('drain', done);
      raw.off('close', done);
      resolve();
    };
    raw.on('drain', done);
    raw.on('close', done);
  });
}
