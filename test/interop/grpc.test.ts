import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOf, ask, cleanUp, dial, ENGINES, harness, origin2 } from '../support/http2.ts';

afterEach(cleanUp);

describe.each(ENGINES)('gRPC, HTTP/2 on both sides, %s engine', (engine) => {
  const grpc = {
    ':method': 'POST',
    ':path': '/pkg.Service/Method',
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '2S',
  };

  it('one call: request, answer, trailers, deadline', async () => {
    const h = await harness(engine, 'h2');
    let seen: IncomingHttpHeaders = {};
    await h.serve(
      await origin2((stream, headers) => {
        seen = headers;
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
        stream.pipe(stream);
      }),
    );
    const answer = await ask(dial(h.port), grpc, 'message');
    expect(answer).toMatchObject({
      body: 'message',
      trailers: { 'grpc-status': '0', 'grpc-message': 'fine' },
    });
    expect(seen).toMatchObject({ te: 'trailers', 'grpc-timeout': '2S', 'x-forwarded-for': '127.0.0.1' });
  });

  it('an error of a head alone stays one', async () => {
    const h = await harness(engine, 'h2');
    await h.serve(
      await origin2((stream) =>
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
          { endStream: true },
        ),
      ),
    );
    const session = dial(h.port);
    const stream = session.request({ ':authority': 'a.test', ...grpc }, { endStream: true });
    const flags = new Promise<number>((resolve) => stream.on('response', (_, f) => resolve(f)));
    const answer = await answerOf(stream);
    expect((await flags) & 1).toBe(1);
    expect(answer.headers).toMatchObject({ 'grpc-status': '12' });
    expect(answer.headers['content-length']).toBe(undefined);
  });

  it('streams both ways, message by message', async () => {
    const h = await harness(engine, 'h2');
    await h.serve(
      await origin2((stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.on('data', (piece: Buffer) => stream.write(`<${piece.toString()}>`));
        stream.on('end', () => stream.end());
      }),
    );
    const stream = dial(h.port).request({ ':authority': 'a.test', ...grpc }, { endStream: false });
    const whole = answerOf(stream);
    let text = '';
    stream.on('data', (piece: Buffer) => (text += piece.toString()));
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => stream.once('data', resolve));
    };
    for (let i = 0; i < 20; i++) {
      const before = text;
      stream.write(`m${i}`);
      await until(() => text !== before);
      expect(text).toBe(`${before}<m${i}>`);
    }
    stream.end();
    expect(await whole).toMatchObject({ trailers: { 'grpc-status': '0' } });
  });

  it('500 calls at once share few connections, and none gets the answer of another', async () => {
    const h = await harness(engine, 'h2');
    const sessions = new Set<unknown>();
    await h.serve(
      await origin2((stream, headers) => {
        sessions.add(stream.session);
        stream.respond({ ':status': 200 });
        setImmediate(() => stream.end(headers[':path']));
      }),
    );
    const clients = Array.from({ length: 5 }, () => dial(h.port));
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, i) => ask(clients[i % 5] as ClientHttp2Session, { ':path': `/${i}` })),
    );
    expect(answers.map((a) => a.body)).toEqual(Array.from({ length: 500 }, (_, i) => `/${i}`));
    expect(sessions.size).toBeLessThanOrEqual(8);
  });

  it('checks by grpc.health.v1 take an instance out that is not serving', async () => {
    const check = 'rimrock.http.web.check.';
    const h = await harness(
      engine,
      'h2',
      {},
      {
        [`${check}type`]: 'grpc',
        [`${check}service`]: 'pkg.Service',
        [`${check}intervalSeconds`]: '0.1',
      },
    );
    let asked = '';
    const origin = (serving: number): Promise<number> =>
      origin2((stream, headers) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        if (headers[':path'] !== '/grpc.health.v1.Health/Check') return stream.end(`${serving}`);
        stream.on('data', (piece: Buffer) => (asked = piece.toString('latin1')));
        stream.on('end', () => stream.end(Buffer.from([0, 0, 0, 0, 2, 8, serving])));
      });
    await h.serve(await origin(2), await origin(1));
    const reasons = async (): Promise<string[]> => {
      const found = (await (await fetch(`${h.admin}/checks`)).json()) as {
        checks: { endpoints: { last?: { reason: string } }[] }[];
      };
      return found.checks.flatMap((c) => c.endpoints.map((e) => e.last?.reason ?? ''));
    };
    await expect.poll(reasons).toEqual(['answered NOT_SERVING', 'answered SERVING']);
    expect(asked).toContain('pkg.Service');
    const session = dial(h.port);
    await expect
      .poll(async () => {
        const answers = await Promise.all(Array.from({ length: 20 }, () => ask(session, grpc, 'm')));
        return new Set(answers.map((a) => a.body));
      })
      .toEqual(new Set(['1']));
  });
});
