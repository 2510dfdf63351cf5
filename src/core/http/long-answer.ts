import type { ServerResponse } from 'node:http';
import type { Text, Written } from '../json/long-list.ts';
import type { Rest, Work } from '../slices.ts';
import type { ApiReply } from './server.ts';
import { drained } from './stream-response.ts';

/** What takes long to write, as it comes: a piece of its bytes, or undefined where the work may be interrupted. */
export type Pieces = Generator<Uint8Array | undefined, void, undefined>;

/** As much goes out in one piece. */
const PIECE_BYTES = 256 * 1024;
/** So many texts are taken from a list at once. */
const TEXTS_IN_A_ROW = 64;

/** The bytes of texts that come some at a time, each piece made when it is asked for. */
export function* textPieces(texts: Iterable<readonly Text[]>): Pieces {
  let some: Text[] = [];
  let length = 0;
  for (const row of texts) {
    for (const text of row) {
      some.push(text);
      length += text.length;
      if (length < PIECE_BYTES) continue;
      yield joined(some, length);
      some = [];
      length = 0;
    }
    yield undefined;
  }
  if (length > 0) yield joined(some, length);
}

/** All of them, with how long they are together. */
export function* collected(texts: Iterable<readonly Text[]>): Work<Written> {
  const all: Text[] = [];
  let bytes = 0;
  for (const row of texts) {
    for (const text of row) {
      all.push(text);
      bytes += text.length;
    }
    yield;
  }
  return { texts: all, bytes };
}

/** The pieces of what has to be written as a whole before its first byte goes out; `head` is told how many bytes that is. */
export function* writtenPieces(work: Work<Written>, head: (bytes: number) => string = () => ''): Pieces {
  const { texts, bytes } = yield* work;
  yield* textPieces(spent(head(bytes), texts));
}

/** What is on its way is held no more. */
function* spent(head: string, texts: Text[]): Generator<readonly Text[], void, undefined> {
  yield [head];
  for (let i = 0; i < texts.length; i += TEXTS_IN_A_ROW) {
    const row = texts.slice(i, i + TEXTS_IN_A_ROW);
    texts.fill('', i, i + TEXTS_IN_A_ROW);
    yield row;
  }
}

function joined(texts: readonly Text[], length: number): Uint8Array {
  const piece = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const text of texts) {
    if (typeof text === 'string') piece.write(text, at, 'latin1');
    else text.block.bytes.copy(piece, at, text.start, text.start + text.length);
    at += text.length;
  }
  return piece;
}

/**
 * Answer 200 with what takes long to make. Whatever is one piece goes out whole, with its length; more than that in chunks, as fast as the reader takes
 * them, so that what waits for a slow one is one piece. A reader that goes ends the work. An error rejects; when part of the answer is out already,
 * the connection is closed before that, so that nobody takes the part for the whole.
 */
export async function sendPieces(
  reply: ApiReply,
  headers: Readonly<Record<string, string>>,
  pieces: Pieces,
  rest: Rest,
): Promise<ApiReply> {
  const { raw } = reply;
  let first: Uint8Array | undefined;
  try {
    for (const piece of pieces) {
      if (piece && raw.headersSent) await written(raw, piece);
      else if (piece && first) {
        begin(reply, headers);
        // what comes behind would be for nothing
        if (reply.request.method === 'HEAD') break;
        await written(raw, first);
        await written(raw, piece);
      } else first = piece ?? first;
      if (rest.due()) await rest.take();
      if (raw.destroyed) return reply.hijack();
    }
  } catch (error) {
    if (raw.headersSent) raw.destroy();
    throw error;
  }
  if (!raw.headersSent)
    return reply
      .code(200)
      .headers({ ...headers })
      .send(first ?? new Uint8Array());
  raw.end();
  return reply;
}

function begin(reply: ApiReply, headers: Readonly<Record<string, string>>): void {
  const { raw } = reply.headers({ ...headers }).hijack();
  raw.writeHead(200, reply.getHeaders() as Record<string, string>);
}

/** Resolves when more should be written, or nobody reads any more. */
async function written(raw: ServerResponse, piece: Uint8Array): Promise<void> {
  raw.write(piece);
  if (raw.writableNeedDrain && !raw.destroyed) await drained(raw);
}
