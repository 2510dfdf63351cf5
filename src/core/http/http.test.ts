import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Health } from '../health.ts';
import { Metrics } from '../metrics.ts';
import { createHttpClient, releasePiece } from './client.ts';
import type { HttpClient } from './client.ts';
import { addOperationalRoutes } from './operational.ts';
import { createApi, listen } from './server.ts';
import type { Api } from './server.ts';
import { openStream } from './stream-response.ts';
import type { StreamResponse } from './stream-response.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(build: (api: Api) => void): Promise<{ url: string; client: HttpClient }> {
  const api = createApi({ bodyLimitBytes: 1000 });
  build(api);
  const port = await listen(api, '127.0.0.1', 0);
  const client = createHttpClient();
  closers.push(
    () => api.close(),
    () => client.close(),
  );
  return { url: `http://127.0.0.1:${port}`, client };
}

it('gives back the memory of a piece that has it for itself, and of no other', async () => {
  const shared = new Uint8Array(10);
  releasePiece(shared.subarray(0, 9));
  expect(shared.byteLength).toBe(10);
  const own = new Uint8Array(10);
  releasePiece(own);
  expect(own.byteLength).toBe(0);
  // A client whose pieces are given back as they come reads all of a large body, and the next one.
  const { url, client } = await serve((api) => {
    api.get('/large', async () => Buffer.alloc(3_000_000, 'x'));
  });
  for (let round = 0; round < 3; round++) {
    const response = await client.request({ method: 'GET', url: `${url}/large` });
    let bytes = 0;
    for await (const piece of response.body) {
      bytes += piece.filter((b) => b === 0x78).length;
      releasePiece(piece);
    }
    expect(bytes).toBe(3_000_000);
  }
});

describe('server and client', () => {
  it('hand bodies over as bytes, whatever their media type', async () => {
    const { url, client } = await serve((api) => {
      api.post('/echo', async (request) => {
        const body = request.body as Buffer;
        return { type: request.headers['content-type'], text: body.toString() };
      });
    });
    for (const type of ['application/json', 'application/x-protobuf', 'text/strange']) {
      const response = await client.request({
        method: 'POST',
        url: `${url}/echo`,
        headers: { 'content-type': type },
        body: '{"a":',
      });
      expect(response.status).toBe(200);
      expect(JSON.parse(await response.text())).toEqual({ type, text: '{"a":' });
    }
  });

  it('refuse bodies over the limit and do not follow redirects', async () => {
    const { url, client } = await serve((api) => {
      api.post('/', async () => '');
      api.get('/away', async (_request, reply) => reply.redirect('/', 307));
    });
    const big = await client.request({
      method: 'POST',
      url,
      body: 'x'.repeat(1001),
      headers: { 'content-type': 'text/plain' },
    });
    expect(big.status).toBe(413);
    await big.text();
    const away = await client.request({ method: 'GET', url: `${url}/away` });
    expect([away.status, away.headers['location']]).toEqual([307, '/']);
    away.cancel();
  });

  it('stream piece by piece, and tell the server once when the client leaves', async () => {
    const opened = Promise.withResolvers<StreamResponse>();
    const left = Promise.withResolvers<void>();
    let closes = 0;
    const { url, client } = await serve((api) => {
      api.get('/stream', (_request, reply) => {
        opened.resolve(
          openStream(reply, {
            headers: { 'content-type': 'text/plain' },
            onClose: () => {
              closes++;
              left.resolve();
            },
          }),
        );
      });
    });
    const response = await client.request({ method: 'GET', url: `${url}/stream`, timeoutMs: 0 });
    const stream = await opened.promise;
    const pieces = response.body[Symbol.asyncIterator]();
    for (const piece of ['one', 'two']) {
      expect(stream.write(piece)).toBe(true);
      const { value } = (await pieces.next()) as { value: Uint8Array };
      expect(Buffer.from(value).toString()).toBe(piece);
    }
    response.cancel();
    await left.promise;
    expect([closes, stream.closed, stream.write('late')]).toEqual([1, true, false]);
  });

  it('end a stream cleanly', async () => {
    let closes = 0;
    const { url, client } = await serve((api) => {
      api.get('/stream', (_request, reply) => {
        const stream = openStream(reply, { headers: {}, onClose: () => void closes++ });
        stream.write('all');
        stream.end();
      });
    });
    const response = await client.request({ method: 'GET', url: `${url}/stream` });
    expect(await response.text()).toBe('all');
    expect(closes).toBe(1);
  });

  it('are over at once when the client has left before they begin', async () => {
    const came = Promise.withResolvers<void>();
    const over = Promise.withResolvers<StreamResponse>();
    const { url, client } = await serve((api) => {
      api.get('/stream', async (_request, reply) => {
        came.resolve();
        await once(reply.raw, 'close');
        const stream = openStream(reply, { headers: {}, onClose: () => over.resolve(stream) });
        return reply;
      });
    });
    const leaving = new AbortController();
    const asked = client.request({ method: 'GET', url: `${url}/stream`, signal: leaving.signal });
    await came.promise;
    leaving.abort();
    await expect(asked).rejects.toThrow();
    const stream = await over.promise;
    expect([stream.closed, stream.write('late')]).toEqual([true, false]);
  });

  it('cut off a reader that does not read', async () => {
    const closed = Promise.withResolvers<void>();
    const { url, client } = await serve((api) => {
      api.get('/stream', (_request, reply) => {
        const stream = openStream(reply, {
          headers: {},
          maxBufferedBytes: 1024 * 1024,
          onClose: () => closed.resolve(),
        });
        const piece = Buffer.alloc(256 * 1024);
        const pump = (): void => {
          if (stream.write(piece)) setImmediate(pump);
        };
        pump();
      });
    });
    const response = await client.request({ method: 'GET', url: `${url}/stream` });
    await closed.promise;
    await expect(response.text()).rejects.toThrow();
  });

  it('report a server that cannot be reached, and an abort', async () => {
    const { url, client } = await serve((api) => {
      api.get('/never', () => new Promise(() => {}));
    });
    await expect(client.request({ method: 'GET', url: 'http://127.0.0.1:1/' })).rejects.toThrow(
      /ECONNREFUSED/,
    );
    const controller = new AbortController();
    const asked = client.request({ method: 'GET', url: `${url}/never`, signal: controller.signal });
    controller.abort();
    await expect(asked).rejects.toThrow(/abort/i);
  });
});

describe('listen', () => {
  it('has room for all who come at once after a failover', async () => {
    const api = createApi();
    const listening = vi.spyOn(api.server, 'listen');
    try {
      await listen(api, '127.0.0.1', 0);
      expect(listening.mock.calls[0]?.[0]).toMatchObject({ backlog: 4096 });
    } finally {
      await api.close();
    }
  });
});

describe('operational routes', () => {
  it('tell metrics, health and readiness truly', async () => {
    const health = new Health();
    const metrics = new Metrics();
    metrics.gauge('rimrock_test_up', 'Up.').set(1);
    let ok = false;
    health.require('thing', () => ({ ok }));
    const { url, client } = await serve((api) => addOperationalRoutes(api, { metrics, health }));
    const get = async (path: string): Promise<readonly [number, string]> => {
      const response = await client.request({ method: 'GET', url: `${url}${path}` });
      return [response.status, await response.text()];
    };
    expect((await get('/metrics'))[1]).toContain('rimrock_test_up 1');
    expect((await get('/ready'))[0]).toBe(503);
    const [status, body] = await get('/health');
    expect([status, JSON.parse(body)]).toEqual([
      200,
      { alive: true, ready: false, draining: false, conditions: { thing: { ok: false } } },
    ]);
    ok = true;
    expect((await get('/ready'))[0]).toBe(200);
    health.drain();
    expect((await get('/ready'))[0]).toBe(503);
  });

  it('leave out what an API defines itself', async () => {
    const { url, client } = await serve((api) => {
      addOperationalRoutes(api, { metrics: new Metrics(), health: new Health(), skip: ['/health'] });
      api.get('/health', async () => '');
    });
    const response = await client.request({ method: 'GET', url: `${url}/health` });
    expect(await response.text()).toBe('');
  });
});
