import { constants } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, uint32 } from '../../src/lb/http2/testing/peer.ts';
import {
  answerOf,
  ask,
  cleanUp,
  dial,
  ENGINES,
  harness,
  origin1,
  origin2,
  whenDone,
} from '../support/http2.ts';

// Connections and streams of HTTP/2 that end while requests are under way: instances that go, a load balancer that stops.

afterEach(cleanUp);

const post = { ':method': 'POST' };

describe.each(ENGINES)('endings of HTTP/2, %s engine', (engine) => {
  it.each(['http1', 'h2'] as const)(
    'instances of %s come and go under load, and nobody notices',
    async (upstream) => {
      const h = await harness(engine, upstream);
      const origin = (): Promise<number> =>
        upstream === 'h2'
          ? origin2((stream) => {
              stream.respond({ ':status': 200 });
              setImmediate(() => stream.end('ok'));
            })
          : origin1((_, res) => void setImmediate(() => res.end('ok')));
      const ports = await Promise.all([origin(), origin(), origin(), origin()]);
      await h.serve(...ports.slice(0, 2));
      const load = { going: true };
      const outcomes = new Map<string, number>();
      const clients = Array.from({ length: 2 }, () => dial(h.port));
      const one = async (session: ClientHttp2Session, i: number): Promise<void> => {
        while (load.going) {
          const answer = await ask(session, i % 2 === 0 ? {} : post, i % 2 === 0 ? undefined : 'body');
          const outcome = `${answer.headers[':status']} ${answer.body}`;
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      };
      const running = clients.flatMap((session) => Array.from({ length: 10 }, (_, i) => one(session, i)));
      for (let round = 1; round <= 20; round++) {
        const before = outcomes.get('200 ok') ?? 0;
        await h.serve(...[0, 1].map((i) => ports[(round + i) % 4] as number));
        await expect.poll(() => outcomes.get('200 ok') ?? 0, { interval: 5 }).toBeGreaterThan(before + 20);
      }
      load.going = false;
      await Promise.all(running);
      expect([...outcomes.keys()]).toEqual(['200 ok']);
    },
  );

  it('a request that an instance refuses, or has not begun with when it goes, is sent again whatever its method', async () => {
    const h = await harness(engine, 'h2');
    let seen = 0;
    const instance = await origin2((stream, headers) => {
      seen += 1;
      if (headers[':path'] === '/refused' && seen === 1)
        return stream.close(constants.NGHTTP2_REFUSED_STREAM);
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    await h.serve(instance);
    const session = dial(h.port);
    expect(await ask(session, { ...post, ':path': '/refused' }, 'again')).toMatchObject({ body: 'again' });
    expect(seen).toBe(2);
    // The same instance behind a door that sends the first connection away.
    let connections = 0;
    const door = createServer((socket) => {
      socket.on('error', () => {});
      connections += 1;
      if (connections === 1) {
        const goaway = frame(7, 0, 0, Buffer.concat([uint32(0), uint32(0)]));
        socket.write(frame(4, 0, 0));
        // HEADERS come behind the preface, SETTINGS and WINDOW_UPDATE, with the body.
        socket.on('data', (bytes) => bytes.includes('anew') && socket.write(goaway));
        return;
      }
      const inner = connect(instance, '127.0.0.1').on('error', () => {});
      socket.pipe(inner).pipe(socket);
    });
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    whenDone(() => void door.close());
    await h.serve((door.address() as AddressInfo).port);
    expect(await ask(session, post, 'anew')).toMatchObject({ body: 'anew' });
    expect(connections).toBe(2);
  });

  it('an instance that always refuses is not asked without end', async () => {
    const h = await harness(engine, 'h2', { timeouts: { connectMs: 300, drainMs: 200 } });
    let seen = 0;
    await h.serve(
      await origin2((stream) => {
        seen += 1;
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
      }),
    );
    const answer = await ask(dial(h.port), post, 'x');
    expect(answer.headers).toMatchObject({ ':status': 502, 'x-rimrock-reason': 'connect-failed' });
    expect(seen).toBeLessThan(10);
  });

  it('drain: GOAWAY first, running streams finish, then the connection ends', async () => {
    const h = await harness(engine, 'http1', { timeouts: { drainMs: 10_000 } });
    const arrived = Promise.withResolvers<() => void>();
    await h.serve(
      await origin1((_, res) => {
        res.write('begun ');
        arrived.resolve(() => res.end('finished'));
      }),
    );
    const session = dial(h.port);
    const goaway = new Promise<number>((resolve) => session.once('goaway', resolve));
    const closed = new Promise<void>((resolve) => session.once('close', resolve));
    const running = answerOf(session.request({ ':authority': 'a.test' }));
    const finish = await arrived.promise;
    const stopped = h.stop();
    expect(await goaway).toBe(constants.NGHTTP2_NO_ERROR);
    finish();
    expect((await running).body).toBe('begun finished');
    await closed;
    await stopped;
  });

  it('streams that go on after the time of the drain are cut off', async () => {
    const h = await harness(engine, 'http1', { timeouts: { drainMs: 100 } });
    await h.serve(await origin1((_, res) => void res.write('begun')));
    const stream = dial(h.port).request({ ':authority': 'a.test' });
    await new Promise((resolve) => stream.once('data', resolve));
    const cut = new Promise((resolve) => stream.once('close', resolve));
    stream.on('error', () => {});
    await h.stop();
    await cut;
    // INTERNAL_ERROR by our RST_STREAM, or the CANCEL that Node gives to what the end of its connection left open; never NO_ERROR, which
    // would pass half an answer off as whole. (`readableEnded` says nothing here: Node ends the stream after a CANCEL of its own.)
    expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('counts connections and streams of both sides', async () => {
    const h = await harness(engine, 'h2');
    let finish: (() => void) | undefined;
    const arrived = Promise.withResolvers<void>();
    await h.serve(
      await origin2((stream) => {
        stream.respond({ ':status': 200 });
        finish = () => stream.end();
        arrived.resolve();
      }),
    );
    const running = ask(dial(h.port));
    await arrived.promise;
    const open = await h.metrics.text();
    for (const side of ['clients', 'instances'])
      for (const what of ['connections', 'streams'])
        expect(open).toContain(`rimrock_lb_http2_${what}{side="${side}"} 1\n`);
    finish?.();
    await running;
    await expect.poll(() => h.metrics.text()).toContain('rimrock_lb_http2_streams{side="clients"} 0\n');
  });

  it('is not spoken where the configuration says so', async () => {
    const h = await harness(engine, 'http1', { http2: { enabled: false } });
    await h.serve(await origin1((_, res) => res.end('ok')));
    await expect(ask(dial(h.port))).rejects.toThrow();
    const plain = await fetch(`http://127.0.0.1:${h.port}/`);
    expect(plain.status).toBe(404);
  });
});
