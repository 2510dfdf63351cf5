import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { RecordDecoder } from '../../../src/mesos/index.ts';

/** As little of an HTTP client as will do, so that who plays thousands of peers costs less than who is measured. */

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

function head(path: string, length: number, fields: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\naccept: application/json\r\ncontent-length: ${length}\r\n${fields}\r\n`;
}

interface Awaited {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

/** A keep-alive connection for calls, which are sent without waiting for the answers of those before. */
export class CallLine {
  readonly #socket: Socket;
  readonly #waiting: Awaited[] = [];
  #buffer: Buffer = NOTHING;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes));
    const over = (): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection is closed'));
    };
    this.#socket.on('error', over);
    this.#socket.on('close', over);
  }

  post(path: string, call: unknown, streamId?: string): Promise<Answer> {
    const body = Buffer.from(JSON.stringify(call));
    const fields = streamId === undefined ? '' : `mesos-stream-id: ${streamId}\r\n`;
    return this.#send(Buffer.concat([Buffer.from(head(path, body.length, fields)), body]));
  }

  get(path: string): Promise<Answer> {
    return this.#send(Buffer.from(`GET ${path} HTTP/1.1\r\nhost: bench\r\n\r\n`));
  }

  end(): void {
    this.#socket.destroy();
  }

  #send(bytes: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(bytes);
    });
  }

  #read(bytes: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const end = this.#buffer.indexOf(END_OF_HEAD);
      if (end < 0) return;
      const text = this.#buffer.toString('latin1', 0, end);
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      const until = end + 4 + length;
      if (this.#buffer.length < until) return;
      const body = this.#buffer.subarray(end + 4, until);
      this.#buffer = this.#buffer.subarray(until);
      this.#waiting.shift()?.resolve({ status: Number(text.slice(9, 12)), head: text, body });
    }
  }
}

/** What a stream tells who opened it. */
export interface Listener {
  opened(streamId: string, status: number): void;
  /** One record, JSON. */
  record(bytes: Uint8Array): void;
  /** Each piece as it comes, for whoever wants to know when the first one did. */
  piece?(): void;
  closed(): void;
}

/** A POST whose answer does not end: chunks of RecordIO. */
export function openRecords(port: number, path: string, call: unknown, listener: Listener): Socket {
  const body = Buffer.from(JSON.stringify(call));
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.write(Buffer.concat([Buffer.from(head(path, body.length, '')), body]));
  const decoder = new RecordDecoder();
  let buffer: Buffer = NOTHING;
  let isOpen = false;
  /** Of the chunk that is under way, with the line end behind it. */
  let left = 0;
  let over = false;
  const close = (): void => {
    if (over) return;
    over = true;
    listener.closed();
  };
  socket.on('error', close);
  socket.on('close', close);
  socket.on('data', (bytes: Buffer) => {
    buffer = buffer.length === 0 ? bytes : Buffer.concat([buffer, bytes]);
    if (!isOpen) {
      const end = buffer.indexOf(END_OF_HEAD);
      if (end < 0) return;
      const text = buffer.toString('latin1', 0, end);
      buffer = buffer.subarray(end + 4);
      isOpen = true;
      listener.opened(/mesos-stream-id: (\S+)/i.exec(text)?.[1] ?? '', Number(text.slice(9, 12)));
    }
    while (buffer.length > 0) {
      if (left === 0) {
        const line = buffer.indexOf(0x0a);
        if (line < 0) return;
        left = Number.parseInt(buffer.toString('latin1', 0, line), 16) + 2;
        buffer = buffer.subarray(line + 1);
        continue;
      }
      const n = Math.min(left, buffer.length);
      const data = buffer.subarray(0, Math.min(n, Math.max(0, left - 2)));
      left -= n;
      buffer = buffer.subarray(n);
      if (data.length === 0) continue;
      listener.piece?.();
      for (const record of decoder.push(data)) listener.record(record);
    }
  });
  return socket;
}

/** Milliseconds that all processes of a machine count alike. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What an orchestrator orders and what a child answers, each with the number of the order. */
export function serve(orders: Readonly<Record<string, (given: never) => unknown>>): void {
  process.on('message', (message: { id: number; order: string; given: never }) => {
    void (async () => {
      try {
        const answer = await orders[message.order]?.(message.given);
        process.send?.({ id: message.id, answer });
      } catch (error) {
        process.send?.({ id: message.id, error: String(error) });
      }
    })();
  });
  process.on('disconnect', () => process.exit(0));
}
