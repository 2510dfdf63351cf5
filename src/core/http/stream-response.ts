import type { ApiReply } from './server.ts';

/** A response that stays open: a RecordIO event stream or server-sent events. */
export interface StreamResponse {
  /** Write one piece; each call becomes one HTTP chunk (Mesos clients parse per chunk). False once closed. */
  write(piece: string | Uint8Array): boolean;
  /** Finish cleanly (the zero chunk). */
  end(): void;
  readonly closed: boolean;
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
  raw.socket?.setNoDelay(true);
  raw.writeHead(200, { ...options.headers });
  raw.flushHeaders(); // a stream without news is open all the same
  return {
    write(piece) {
      if (closed) return false;
      raw.write(piece);
      if (raw.writableLength > limit) raw.destroy();
      return true;
    },
    end() {
      raw.end();
      close();
    },
    get closed() {
      return closed;
    },
  };
}
