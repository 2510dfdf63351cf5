import { once } from 'node:events';
import { connect } from 'node:net';

/** A request and the answer that somebody recorded. `body` is parsed JSON, text as it was, or `{base64}`. */
export interface Exchange {
  readonly name: string;
  readonly request: { readonly line: string; readonly headers: readonly string[]; readonly body: unknown };
  readonly response: { readonly status: string; readonly headers: readonly string[]; readonly body: unknown };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  /** The body, or of a chunked answer the first chunk. */
  readonly body: string;
}

/** Send the recorded bytes on a socket of their own. `translate` puts in ids that are known only now. */
export async function replay(
  port: number,
  { request }: Exchange,
  translate: (text: string) => string,
): Promise<RawAnswer> {
  const chunked = request.headers.includes('Transfer-Encoding: chunked');
  const body = bodyBytes(request.body, translate);
  const headers = request.headers
    .map(translate)
    .map((h) => (h.startsWith('Content-Length:') && !chunked ? `Content-Length: ${body.length}` : h));
  const socket = connect(port, '127.0.0.1');
  socket.write(`${[translate(request.line), ...headers].join('\r\n')}\r\n\r\n`);
  socket.write(body);
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    if (answered(text, request.line.startsWith('HEAD'))) socket.destroy();
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end);
  const rest = text.slice(end + 4);
  const status = Number(head.split(' ')[1]);
  if (!/transfer-encoding: chunked/i.test(head)) return { status, headers: head, body: rest };
  const start = rest.indexOf('\r\n') + 2;
  return { status, headers: head, body: rest.slice(start, rest.indexOf('\r\n', start)) };
}

function bodyBytes(given: unknown, translate: (text: string) => string): Buffer {
  if (given === null) return Buffer.alloc(0);
  if (typeof given === 'string') return Buffer.from(translate(given));
  const { base64 } = given as { readonly base64?: string };
  return base64 === undefined ? Buffer.from(translate(JSON.stringify(given))) : Buffer.from(base64, 'base64');
}

function answered(text: string, head: boolean): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  if (head) return true;
  const length = /content-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return /\r\n[^]*\r\n/.test(text.slice(end + 4));
}
