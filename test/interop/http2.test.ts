import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { block, frame, PREFACE_TEXT, setting, uint32 } from '../../src/lb/http2/testing/peer.ts';
import { answerOf, ask, cleanUp, dial, ENGINES, harness, origin1, whenDone } from '../support/http2.ts';
import { has } from '../support/peers.ts';

// The load balancer between clients and instances that we did not write, HTTP/2 on either side or on both.

afterEach(cleanUp);

const echo: RequestListener = (req, res) => {
  const pieces: Buffer[] = [];
  req.on('data', (piece: Buffer) => pieces.push(piece));
  req.on('end', () =>
    res.end(
      `${req.method} ${req.url} ${String(req.headers['x-forwarded-for'])} ${Buffer.concat(pieces).toString('latin1')}`,
    ),
  );
};

describe.each(ENGINES)('clients of HTTP/2, instances of HTTP/1.1, %s engine', (engine) => {
  it('200 requests side by side, with bodies and without', async () => {
    const h = await harness(engine, 'http1');
    await h.serve(await origin1(echo));
    const session = dial(h.port);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        i % 2 === 0
          ? ask(session, { ':path': `/${i}` })
          : ask(session, { ':path': `/${i}`, ':method': 'POST' }, `body ${i}`),
      ),
    );
    expect(answers.map((a) => a.body)).toEqual(
      Array.from({ length: 200 }, (_, i) =>
        i % 2 === 0 ? `GET /${i} 127.0.0.1 ` : `POST /${i} 127.0.0.1 body ${i}`,
      ),
    );
  });

  it('no route is 404, no instance 503, and the connection goes on', async () => {
    const h = await harness(engine, 'http1');
    await h.serve();
    const session = dial(h.port);
    const statuses = [
      await ask(session, { ':authority': 'other.test' }),
      await ask(session),
      await ask(session),
    ];
    expect(statuses.map((a) => a.headers[':status'])).toEqual([404, 503, 503]);
  });

  it('bodies of 8 MiB each way arrive as they were sent', async () => {
    const h = await harness(engine, 'http1');
    await h.serve(await origin1((req, res) => req.pipe(res)));
    const body = randomBytes(8 * 1024 * 1024);
    const answer = await ask(dial(h.port), { ':method': 'POST' }, body);
    const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(sum(Buffer.from(answer.body, 'latin1'))).toBe(sum(body));
  });

  it('over TLS, where ALPN agrees on it', async () => {
    const h = await harness(engine, 'http1', {
      https: { port: 0 },
      tls: { directory: '/certificates', reloadMs: 20 },
    });
    await h.serve(
      await origin1((req, res) => res.end(`${req.url} ${String(req.headers['x-forwarded-proto'])}`)),
    );
    const session = dial(h.securePort ?? 0, { servername: 'a.test', rejectUnauthorized: false });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask(session, { ':path': `/${i}`, ':scheme': 'https' })),
    );
    expect(answers.map((a) => a.body)).toEqual(Array.from({ length: 50 }, (_, i) => `/${i} https`));
    expect(session.alpnProtocol).toBe('h2');
  });

  it('early hints, trailers and streaming pass', async () => {
    const h = await harness(engine, 'http1');
    let next: (() => void) | undefined;
    await h.serve(
      await origin1((_, res) => {
        res.writeEarlyHints({ link: '</a.css>; rel=preload' });
        res.writeHead(200, { trailer: 'x-sum' });
        res.write('one');
        next = () => {
          res.addTrailers({ 'x-sum': '2' });
          res.end('two');
        };
      }),
    );
    const stream = dial(h.port).request({ ':authority': 'a.test' });
    const hints = new Promise((resolve) => stream.on('headers', resolve));
    const first = new Promise((resolve) => stream.once('data', (piece: Buffer) => resolve(piece.toString())));
    const whole = answerOf(stream);
    expect(await hints).toMatchObject({ ':status': 103, link: '</a.css>; rel=preload' });
    expect(await first).toBe('one');
    next?.();
    expect(await whole).toMatchObject({ trailers: { 'x-sum': '2' } });
  });

  it('a client that gives up is gone for the instance, an instance that dies is a reset for the client', async () => {
    const h = await harness(engine, 'http1');
    const gone = Promise.withResolvers<void>();
    await h.serve(
      await origin1((req, res) => {
        res.write('begun');
        if (req.url === '/die') setImmediate(() => res.destroy());
        else req.on('close', () => gone.resolve());
      }),
    );
    const session = dial(h.port);
    const stream = session.request({ ':authority': 'a.test' });
    stream.on('error', () => {});
    stream.once('data', () => stream.close(8));
    await gone.promise;
    await expect(ask(session, { ':path': '/die' })).rejects.toThrow(/INTERNAL_ERROR/);
  });

  it('a WebSocket by extended CONNECT', async () => {
    const h = await harness(engine, 'http1');
    const server = createHttpServer();
    server.on('upgrade', (req, socket) => {
      const accept = createHash('sha1')
        .update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nhello`,
      );
      socket.on('data', (piece: Buffer) =>
        piece.toString() === 'bye' ? socket.end('bye') : socket.write(piece),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    whenDone(() => void server.close());
    await h.serve((server.address() as AddressInfo).port);
    const session = dial(h.port);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const stream = session.request(
      {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'http',
        ':path': '/',
        ':authority': 'a.test',
      },
      { endStream: false },
    );
    let text = '';
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => stream.once('data', resolve));
    };
    stream.on('data', (piece: Buffer) => (text += piece.toString()));
    await until(() => text === 'hello');
    stream.write('ping');
    await until(() => text === 'helloping');
    const ended = new Promise((resolve) => stream.once('end', resolve));
    stream.end('bye');
    await ended;
    expect(text).toBe('hellopingbye');
  });
});

/** Run a program without holding up the load balancer, which lives on this thread. */
const run = (command: string, args: readonly string[], input = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { timeout: 60_000 });
    let out = '';
    child.stdout.on('data', (piece: Buffer) => (out += piece.toString('latin1')));
    child.stderr.on('data', (piece: Buffer) => (out += piece.toString('latin1')));
    child.on('error', reject);
    child.on('close', () => resolve(out));
    child.stdin.end(input);
  });

describe.each(ENGINES)('a client that attacks, %s engine', (engine) => {
  const attacks: [string, (i: number) => Buffer][] = [
    [
      '20,000 resets',
      (i) => Buffer.concat([frame(1, 5, 1 + 2 * i, request), frame(3, 0, 1 + 2 * i, uint32(8))]),
    ],
    ['20,000 malformed requests', (i) => frame(1, 5, 1 + 2 * i, block({ ':method': 'GET' }))],
    ['20,000 settings', () => frame(4, 0, 0, setting(4, 65_535))],
    ['20,000 pings', () => frame(6, 0, 0, '12345678')],
    ['a field block without end', (i) => (i === 0 ? frame(1, 1, 1) : frame(9, 0, 1, 'x'))],
  ];
  const request = block({ ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'a.test' });

  it.each(attacks)('%s end its connection within 2 s, others are answered meanwhile', async (_, one) => {
    const h = await harness(engine, 'http1');
    await h.serve(await origin1((_, res) => res.end('ok')));
    const honest = dial(h.port);
    await ask(honest);
    const socket = connectTcp(h.port, '127.0.0.1');
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const since = performance.now();
    socket.write(Buffer.concat([Buffer.from(PREFACE_TEXT), frame(4, 0, 0)]));
    socket.write(Buffer.concat(Array.from({ length: 20_000 }, (_, i) => one(i))));
    socket.resume();
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const before = performance.now();
      expect((await ask(honest)).body).toBe('ok');
      times.push(performance.now() - before);
    }
    await closed;
    expect(performance.now() - since).toBeLessThan(2_000);
    expect(times.toSorted((a, b) => a - b)[48]).toBeLessThan(100);
  });
});

describe.each(ENGINES)('with the tools of others, %s engine', (engine) => {
  it.skipIf(!has('curl'))('curl (needs curl)', async () => {
    const h = await harness(engine, 'http1');
    await h.serve(await origin1(echo));
    const url = `http://127.0.0.1:${h.port}/x`;
    const common = ['-s', '--http2-prior-knowledge', '-H', 'Host: a.test'];
    expect(await run('curl', [...common, '-w', ' %{http_version}', url])).toBe('GET /x 127.0.0.1  2');
    expect(await run('curl', [...common, '-H', 'Transfer-Encoding: chunked', '-d', '@-', url], 'abc')).toBe(
      'POST /x 127.0.0.1 abc',
    );
    expect(await run('curl', ['-s', '--http1.1', '-H', 'Host: a.test', url])).toBe('GET /x 127.0.0.1 ');
  });

  it.skipIf(!has('h2load'))('h2load: 20,000 requests, none fails (needs nghttp2-client)', async () => {
    const h = await harness(engine, 'http1');
    await h.serve(await origin1((_, res) => res.end('x'.repeat(1024))));
    const out = await run('h2load', [
      '-n',
      '20000',
      '-c',
      '4',
      '-m',
      '50',
      '-H',
      ':authority: a.test',
      `http://127.0.0.1:${h.port}/`,
    ]);
    expect(out).toContain('20000 succeeded, 0 failed, 0 errored, 0 timeout');
    expect(out).toContain('20000 2xx');
  });

  it.skipIf(spawnSync('/usr/bin/python3', ['-c', 'import h2']).status !== 0)(
    'python3-h2: its own judgement of our frames (needs python3-h2)',
    async () => {
      const h = await harness(engine, 'http1');
      await h.serve(await origin1(echo));
      const script = `
import socket, h2.connection, h2.config, h2.events
s = socket.create_connection(('127.0.0.1', ${h.port})); s.settimeout(20)
c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True)); c.initiate_connection()
body = {}
for i in range(20):
    n = c.get_next_available_stream_id()
    post = i % 2
    c.send_headers(n, [(':method', 'POST' if post else 'GET'), (':scheme', 'http'), (':path', '/%d' % i), (':authority', 'a.test')], end_stream=not post)
    if post: c.send_data(n, b'b%d' % i, end_stream=True)
    body[n] = b''
s.sendall(c.data_to_send())
left = len(body)
while left:
    for e in c.receive_data(s.recv(65536)):
        if isinstance(e, h2.events.DataReceived):
            body[e.stream_id] += e.data; c.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
        elif isinstance(e, h2.events.StreamEnded): left -= 1
        elif isinstance(e, (h2.events.StreamReset, h2.events.ConnectionTerminated)): raise Exception(e)
    s.sendall(c.data_to_send())
print('|'.join(body[n].decode() for n in sorted(body)))
`;
      const wanted = Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0 ? `GET /${i} 127.0.0.1 ` : `POST /${i} 127.0.0.1 b${i}`,
      );
      expect(
        (await run('/usr/bin/python3', ['-c', script]))
          .trimEnd()
          .split('|')
          .map((s) => s.trimEnd()),
      ).toEqual(wanted.map((s) => s.trimEnd()));
    },
  );
});
