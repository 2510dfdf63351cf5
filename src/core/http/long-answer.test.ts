import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Rest } from '../slices.ts';
import { createHttpClient } from './client.ts';
import type { HttpClient } from './client.ts';
import { sendPieces, textPieces } from './long-answer.ts';
import type { Pieces } from './long-answer.ts';
import { createApi, listen } from './server.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** It rests after each step. */
const RESTING: Rest = {
  due: () => true,
  take: () => new Promise((resolve) => void setImmediate(resolve)),
};

const HEADERS = { 'content-type': 'application/json' };

/** Serves one answer; `failed` is what came of an error. */
async function serve(pieces: () => Pieces): Promise<{ port: number; failed: Promise<unknown> }> {
  const api = createApi();
  const failed = Promise.withResolvers<unknown>();
  api.get('/', async (_request, reply) => {
    void reply.header('x-before', 'yes');
    try {
      return await sendPieces(reply, HEADERS, pieces(), RESTING);
    } catch (error) {
      failed.resolve(error);
      throw error;
    }
  });
  closers.push(() => api.close());
  return { port: await listen(api, '127.0.0.1', 0), failed: failed.promise };
}

function client(): HttpClient {
  const one = createHttpClient();
  closers.push(() => one.close());
  return one;
}

const ask = (port: number): ReturnType<HttpClient['request']> =>
  client().request({ method: 'GET', url: `http://127.0.0.1:${port}/` });

const texts = (count: number, size = 1000): string[][] =>
  Array.from({ length: count }, () => ['x'.repeat(size)]);

describe('an answer in pieces', () => {
  it('that is one piece has a length', async () => {
    const { port } = await serve(() => textPieces(texts(200)));
    const response = await ask(port);
    const { headers } = response;
    expect([
      response.status,
      headers['content-length'],
      headers['x-before'],
      headers['content-type'],
    ]).toEqual([200, '200000', 'yes', 'application/json']);
    expect((await response.text()).length).toBe(200_000);
  });

  it('of no bytes is empty', async () => {
    const { port } = await serve(() => textPieces([]));
    const response = await ask(port);
    expect([response.headers['content-length'], await response.text()]).toEqual(['0', '']);
  });

  it('that is longer comes in chunks, texts and bytes that are kept elsewhere alike', async () => {
    const block = { bytes: Buffer.from('-kept-') };
    const all = texts(2000).map((row) => [...row, { block, start: 1, length: 4 }]);
    const { port } = await serve(() => textPieces(all));
    const response = await ask(port);
    const { headers } = response;
    expect([
      response.status,
      headers['transfer-encoding'],
      headers['x-before'],
      headers['content-type'],
    ]).toEqual([200, 'chunked', 'yes', 'application/json']);
    expect(await response.text()).toBe(`${'x'.repeat(1000)}kept`.repeat(2000));
  });

  it('is not made when only its head is wanted', async () => {
    let made = 0;
    const { port } = await serve(() =>
      textPieces(
        (function* () {
          for (const text of texts(100_000)) {
            made++;
            yield text;
          }
        })(),
      ),
    );
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(made).toBeLessThan(1000);
  });

  it('waits for a reader that takes its time, with little in memory, and ends when it goes', async () => {
    let made = 0;
    const over = Promise.withResolvers<void>();
    const { port } = await serve(() =>
      textPieces(
        (function* () {
          try {
            for (;;) {
              made++;
              yield ['x'.repeat(1024)];
            }
          } finally {
            over.resolve();
          }
        })(),
      ),
    );
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
    await once(socket, 'readable');
    socket.pause();
    // what the kernel takes is taken; then nothing is made any more
    for (let before = -1; before !== made;) {
      before = made;
      for (let i = 0; i < 200; i++) await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(made).toBeLessThan(50_000);
    socket.destroy();
    await over.promise;
  });

  it('that fails before anything is out is an error, and one that fails later ends the connection', async () => {
    const failing = (size: number) =>
      function* (): Pieces {
        yield* textPieces(texts(size));
        throw new Error('cannot go on');
      };
    const early = await serve(failing(1));
    expect((await ask(early.port)).status).toBe(500);
    const late = await serve(failing(2000));
    const response = await ask(late.port);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    expect(await late.failed).toMatchObject({ message: 'cannot go on' });
  });
});
