import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** What came back on a connection, and how it ended. */
export interface Conversation {
  /** All bytes, as latin1. */
  readonly text: string;
  readonly ended: 'closed' | 'reset' | 'quiet';
  readonly ms: number;
}

/**
 * Send bytes on a connection of its own and read until the other side closes, or until nothing came for `quietMs`.
 */
export function converse(
  port: number,
  bytes: Uint8Array | string,
  options: { readonly quietMs?: number; readonly whole?: (text: string) => boolean } = {},
): Promise<Conversation> {
  const { quietMs = 2_000, whole = () => false } = options;
  return new Promise((resolve) => {
    const begun = performance.now();
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let text = '';
    const done = (ended: Conversation['ended']): void => {
      clearTimeout(quiet);
      socket.removeAllListeners('close');
      socket.destroy();
      resolve({ text, ended, ms: performance.now() - begun });
    };
    const quiet = setTimeout(() => done('quiet'), quietMs);
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      text += piece;
      if (whole(text)) done('quiet');
      else quiet.refresh();
    });
    socket.on('end', () => done('closed'));
    socket.on('error', () => done('reset'));
    socket.on('close', () => done('reset'));
    socket.write(Buffer.from(bytes as string, 'latin1'));
  });
}

export interface RawAnswer {
  readonly status: number;
  readonly reason: string | undefined;
  readonly head: string;
  readonly body: string;
}

/** Responses one after the other, as far as they are complete; interim ones are left out. Bodies must have a length or be chunked. */
export function readAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n\r\n', at);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text.slice(at, at + 16))?.[1] ?? 0);
    if (end < 0 || status === 0) return answers;
    const head = text.slice(at, end + 2);
    at = end + 4;
    if (status < 200) continue;
    const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
    let body = '';
    if (length !== undefined) {
      body = text.slice(at, at + Number(length));
      // The answer to HEAD has a length and no body.
      if (body.startsWith('HTTP/1.')) body = '';
      else if (body.length < Number(length)) return answers;
      at += body.length;
    } else if (/^transfer-encoding: chunked\r$/im.test(head)) {
      for (;;) {
        const line = text.indexOf('\r\n', at);
        if (line < 0) return answers;
        const size = Number.parseInt(text.slice(at, line), 16);
        body += text.slice(line + 2, line + 2 + size);
        at = line + 2 + size + 2;
        if (!(size > 0)) break;
      }
    }
    answers.push({ status, head, body, reason: /^x-rimrock-reason: (.*)\r$/im.exec(head)?.[1] });
  }
}

/** A connection that holds what is said to it until the other side ends it. */
export interface Held {
  readonly socket: Socket;
  received: string;
  /** From the beginning to the end by the other side; undefined while open. */
  closedMs: number | undefined;
  readonly closed: Promise<void>;
}

export function hold(port: number, begin: (socket: Socket) => void): Held {
  const begun = performance.now();
  const socket = connect({ host: '127.0.0.1', port });
  const { promise, resolve } = Promise.withResolvers<void>();
  const held: Held = { socket, received: '', closedMs: undefined, closed: promise };
  const over = (): void => {
    held.closedMs ??= performance.now() - begun;
    resolve();
  };
  socket.on('error', over);
  socket.on('end', over);
  socket.on('close', over);
  socket.on('data', (piece: Buffer) => void (held.received += piece.toString('latin1')));
  socket.on('connect', () => begin(socket));
  return held;
}
