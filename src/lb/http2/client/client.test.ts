import { createServer } from 'node:http2';
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Transport, TransportHandler } from '../../../net/index.ts';
import { block, frame, uint32 } from '../testing/peer.ts';
import { portable, realContext } from '../testing/real.ts';
import { webSocketAccept } from '../websocket.ts';
import { Http2Client } from './http2-client.ts';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const f of cleanup.splice(0)) f();
});

/** Who holds a transport: text that can be waited for. */
class Holder implements TransportHandler {
  text = '';
  connected = false;
  ended = false;
  closed: { readonly error: Error | undefined } | undefined;
  drains = 0;
  transport!: Transport;
  #waiters: (() => void)[] = [];

  onConnect(): void {
    this.connected = true;
    this.#changed();
  }
  onData(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString('latin1');
    this.#changed();
  }
  onEnd(): void {
    this.ended = true;
    this.#changed();
  }
  onDrain(): void {
    this.drains += 1;
    this.#changed();
  }
  onClose(error: Error | undefined): void {
    this.closed = { error };
    this.#changed();
  }
  say(text: string): boolean {
    return this.transport.write(Buffer.from(text, 'latin1'));
  }
  async until(condition: () => boolean): Promise<string> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.text;
  }
  #changed(): void {
    for (const w of this.#waiters.splice(0)) w();
  }
}

type OnStream = (stream: ServerHttp2Stream, headers: Record<string, string>) => void;

async function origin(
  onStream: OnStream,
  settings: Parameters<typeof createServer>[0] = {},
): Promise<{
  server: Http2Server;
  client: Http2Client;
  sessions: ServerHttp2Session[];
  join(): Promise<Holder>;
  dial(timeoutMs?: number): Holder;
}> {
  const server = createServer(settings);
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers as Record<string, string>);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new Http2Client(realContext(), portable());
  cleanup.push(() => {
    client.close();
    for (const session of sessions) session.destroy();
    server.close();
  });
  const dial = (timeoutMs = 5_000): Holder => {
    const holder = new Holder();
    holder.transport = client.connect({ ip: '127.0.0.1', port }, { timeoutMs }, holder);
    return holder;
  };
  const join = async (): Promise<Holder> => {
    const holder = dial();
    await holder.until(() => holder.connected || holder.closed !== undefined);
    return holder;
  };
  return { server, client, sessions, join, dial };
}

const GET = 'GET /path?q HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\nConnection: keep-alive\r\n\r\n';

describe('towards an instance (a server of node:http2)', () => {
  it('a request becomes a stream, its answer HTTP/1.1, one after the other on one connection', async () => {
    const seen: Record<string, string>[] = [];
    const o = await origin((stream, headers) => {
      seen.push({ ...headers });
      stream.respond({ ':status': 200, 'x-b': 'c' });
      stream.end('hello');
    });
    const holder = await o.join();
    holder.say(GET);
    expect(await holder.until(() => holder.text.endsWith('hello'))).toMatch(
      /^HTTP\/1.1 200 \r\nx-b: c\r\ndate: .*\r\ncontent-length: 5\r\n\r\nhello$/,
    );
    expect(seen[0]).toMatchObject({
      ':method': 'GET',
      ':path': '/path?q',
      ':scheme': 'http',
      ':authority': 'a.test',
      'x-a': 'b',
    });
    expect(seen[0]?.['connection']).toBe(undefined);
    holder.text = '';
    holder.say(GET);
    await holder.until(() => holder.text.endsWith('hello'));
    const other = await o.join();
    other.say(GET);
    await other.until(() => other.text.endsWith('hello'));
    expect([o.sessions.length, o.client.connections]).toEqual([1, 1]);
  });

  it.each<[string, string, (stream: ServerHttp2Stream) => void, RegExp]>([
    [
      'an empty answer',
      GET,
      (s) => s.respond({ ':status': 200 }, { endStream: true }),
      /\r\ncontent-length: 0\r\n\r\n$/,
    ],
    [
      '204',
      GET,
      (s) => s.respond({ ':status': 204 }, { endStream: true }),
      /^HTTP\/1.1 204 \r\ndate: [^\r]*\r\n\r\n$/,
    ],
    [
      'HEAD',
      GET.replace('GET', 'HEAD'),
      (s) => s.respond({ ':status': 200, 'content-length': 9 }, { endStream: true }),
      /\r\ncontent-length: 9\r\ndate: [^\r]*\r\n\r\n$/,
    ],
    [
      'early hints',
      GET,
      (s) => {
        s.additionalHeaders({ ':status': 103, link: 'x' });
        s.respond({ ':status': 204 }, { endStream: true });
      },
      /^HTTP\/1.1 103 \r\nlink: x\r\n\r\nHTTP\/1.1 204 \r\n/,
    ],
    [
      'trailers',
      GET,
      (s) => {
        s.respond({ ':status': 200 }, { waitForTrailers: true });
        s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }));
        s.end('a');
      },
      /transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\ngrpc-status: 0\r\n\r\n$/,
    ],
  ])('%s', async (_, request, answer, wanted) => {
    const o = await origin(answer);
    const holder = await o.join();
    holder.say(request);
    expect(await holder.until(() => wanted.test(holder.text))).toMatch(wanted);
    expect(holder.closed).toBe(undefined);
  });

  it('bodies and trailers of requests, of known length and chunked', async () => {
    const bodies: string[] = [];
    const o = await origin((stream) => {
      let body = '';
      stream.on('data', (piece: Buffer) => (body += piece.toString()));
      stream.on('trailers', (trailers) => (body += ` ${String(trailers['x-t'])}`));
      stream.on('end', () => {
        bodies.push(body);
        stream.respond({ ':status': 204 }, { endStream: true });
      });
    });
    const holder = await o.join();
    holder.say('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe');
    holder.say('llo');
    await holder.until(() => holder.text.endsWith('\r\n\r\n'));
    holder.text = '';
    holder.say('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    holder.say('0\r\nx-t: y\r\n\r\n');
    await holder.until(() => holder.text.endsWith('\r\n\r\n'));
    expect(bodies).toEqual(['hello', 'abc y']);
  });

  it('4 MiB each way at once, in order, with back-pressure', async () => {
    const o = await origin((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const holder = await o.join();
    const size = 4 * 1024 * 1024;
    // No letters that could be the size of a chunk.
    const body = Buffer.alloc(size, 'ghijklmnop');
    const pieces: string[] = [];
    let received = 0;
    let text = '';
    holder.onData = (bytes) => {
      pieces.push(Buffer.from(bytes).toString('latin1'));
      received += bytes.length;
      text = received > size ? pieces.join('') : '';
      holder.onDrain();
    };
    holder.say(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    let waits = 0;
    for (let at = 0; at < size; at += 50_000) {
      const drains = holder.drains;
      if (holder.transport.write(body.subarray(at, at + 50_000))) continue;
      waits += 1;
      await holder.until(() => holder.drains > drains);
    }
    await holder.until(() => text.endsWith('\r\n0\r\n\r\n'));
    const payload = text
      .slice(text.indexOf('\r\n\r\n') + 4)
      .replace(/(?:\r\n)?[0-9a-f]+\r\n(?:\r\n)?(?=[g-p]|$)/g, '');
    expect(payload.length).toBe(size);
    expect(waits).toBeGreaterThan(0);
  });

  it('a refused stream is told apart from one that was cut', async () => {
    const o = await origin((stream, headers) => {
      if (headers[':path'] === '/refuse') stream.close(7);
      else if (headers[':path'] === '/cut') stream.close(2);
    });
    for (const [path, code] of [
      ['/refuse', 'LB_HTTP2_NOT_PROCESSED'],
      ['/cut', 'LB_HTTP2_STREAM_RESET'],
    ]) {
      const holder = await o.join();
      holder.say(GET.replace('/path?q', path ?? ''));
      await holder.until(() => holder.closed !== undefined);
      expect(holder.closed?.error).toMatchObject({ code });
    }
  });

  it('a request above the last of GOAWAY was not processed, one below it goes on', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (piece: Buffer) => {
        // The head of stream 3.
        if (!piece.includes(Buffer.of(1, 5, 0, 0, 0, 3))) return;
        socket.write(frame(7, 0, 0, Buffer.concat([uint32(1), uint32(0)])));
        socket.write(frame(1, 5, 1, block({ ':status': '204' })));
      });
      socket.write(frame(4, 0, 0));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = new Http2Client(realContext(), portable());
    cleanup.push(() => {
      client.close();
      server.close();
    });
    const holders = [new Holder(), new Holder()];
    for (const holder of holders) {
      const { port } = server.address() as AddressInfo;
      holder.transport = client.connect({ ip: '127.0.0.1', port }, { timeoutMs: 5_000 }, holder);
    }
    await Promise.all(holders.map((holder) => holder.until(() => holder.connected)));
    for (const holder of holders) holder.say(GET);
    const [first, second] = holders;
    await second?.until(() => second.closed !== undefined);
    expect(second?.closed?.error).toMatchObject({ code: 'LB_HTTP2_NOT_PROCESSED' });
    await first?.until(() => first.text !== '');
    expect(first?.text).toBe('HTTP/1.1 204 \r\n\r\n');
  });

  it('after GOAWAY running requests finish, idle transports close, new ones get another connection', async () => {
    const streams: ServerHttp2Stream[] = [];
    const o = await origin((stream) => streams.push(stream));
    const idle = await o.join();
    const running = await o.join();
    running.say(GET);
    while (streams.length === 0) await new Promise((resolve) => setImmediate(resolve));
    o.sessions[0]?.goaway(0, 2 ** 31 - 1);
    await idle.until(() => idle.closed !== undefined);
    const next = await o.join();
    expect(next.connected).toBe(true);
    streams[0]?.respond({ ':status': 200 });
    streams[0]?.end('late');
    await running.until(() => running.text.endsWith('late'));
    expect(o.sessions.length).toBe(2);
  });

  it('keeps to the number of streams that the instance allows, with more connections, then in a queue', async () => {
    const o = await origin(() => {}, { settings: { maxConcurrentStreams: 2 } });
    const first = await o.join();
    first.say(GET);
    while (o.sessions[0] === undefined) await new Promise((resolve) => setImmediate(resolve));
    // The limit is known when the settings have come, which the answer to a ping proves.
    await new Promise<void>((resolve) => o.sessions[0]?.ping(() => resolve()));
    for (let i = 1; i < 16; i++) {
      const holder = await o.join();
      expect(holder.connected).toBe(true);
      await new Promise<void>((resolve) => o.sessions.at(-1)?.ping(() => resolve()));
    }
    expect(o.sessions.length).toBe(8);
    const late = o.dial(300);
    await late.until(() => late.closed !== undefined || late.connected);
    expect(late.closed?.error).toMatchObject({ code: 'LB_HTTP2_NOT_PROCESSED' });
    const lucky = o.dial(5_000);
    first.transport.destroy();
    await lucky.until(() => lucky.connected);
  });

  it('nobody there: the error of the connection', async () => {
    const o = await origin(() => {});
    o.server.close();
    const holder = await o.join();
    expect(holder.closed?.error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(o.client.connections).toBe(0);
  });

  it('a cut connection is told to all who use it', async () => {
    const o = await origin((stream) => stream.session?.destroy());
    const a = await o.join();
    const b = await o.join();
    a.say(GET);
    await a.until(() => a.closed !== undefined);
    await b.until(() => b.closed !== undefined);
    expect(a.closed?.error).toBeInstanceOf(Error);
  });

  it('giving a request up resets its stream', async () => {
    const codes: number[] = [];
    const o = await origin((stream) => stream.on('close', () => codes.push(stream.rstCode)));
    const a = await o.join();
    a.say(GET);
    const b = await o.join();
    while (o.sessions.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => o.sessions[0]?.ping(() => resolve()));
    a.transport.destroy();
    while (codes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(codes).toEqual([8]);
    expect(b.closed).toBe(undefined);
  });

  it('a WebSocket goes by extended CONNECT', async () => {
    const seen: (string | undefined)[] = [];
    const o = await origin(
      (stream, headers) => {
        seen.push(headers[':protocol']);
        stream.respond({ ':status': 200 });
        stream.pipe(stream);
      },
      { settings: { enableConnectProtocol: true } },
    );
    const holder = await o.join();
    holder.say(GET);
    await new Promise<void>((resolve) => o.sessions[0]?.ping(() => resolve()));
    holder.transport.destroy();
    const socket = await o.join();
    socket.say(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n',
    );
    await socket.until(() => socket.text.endsWith('\r\n\r\n'));
    expect(socket.text).toContain(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${webSocketAccept('abc')}\r\n`,
    );
    expect(seen).toEqual([undefined, 'websocket']);
    socket.say('ping');
    await socket.until(() => socket.text.endsWith('\r\n\r\nping'));
    socket.transport.end();
    await socket.until(() => socket.ended && socket.closed !== undefined);
    expect(socket.closed).toEqual({ error: undefined });
  });
});
