import { describe, expect, it } from 'vitest';
import { block, frame, GET, POST, setting, uint32 } from '../testing/peer.ts';
import { MemoryServer } from '../testing/memory-server.ts';
import { webSocketAccept } from '../websocket.ts';

const END = 1;
const END_HEADERS = 4;
const headers = (stream: number, fields: Parameters<typeof block>[0], flags = END_HEADERS | END): Buffer =>
  frame(1, flags, stream, block(fields));
const data = (stream: number, payload: string, end = false): Buffer =>
  frame(0, end ? END : 0, stream, payload);

describe('windows', () => {
  const page = 'x'.repeat(100_000);
  const long = `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${page}`;

  it('sends as much as the windows allow, and goes on when they open', () => {
    const server = new MemoryServer().send(headers(1, GET));
    expect(server.say(0, long)).toBe(false);
    expect(server.log.lines()).toEqual([
      'HEADERS 1 :status=200 content-length=100000',
      'DATA 1 16384',
      'DATA 1 16384',
      'DATA 1 16384',
      'DATA 1 16383',
    ]);
    server.send(frame(8, 0, 1, uint32(20_000)));
    expect(server.log.lines()).toEqual([]);
    expect(server.responders[0]?.drains).toBe(0);
    server.send(frame(8, 0, 0, uint32(1_000_000)));
    expect(server.log.lines()).toEqual(['DATA 1 16384', 'DATA 1 3616']);
    server.send(frame(8, 0, 1, uint32(20_000)));
    expect(server.log.lines()).toEqual(['DATA 1 14465 END']);
    expect(server.responders[0]?.drains).toBe(1);
  });

  it('sends all that waits when the window of the one stream opens', () => {
    const server = new MemoryServer().send(
      frame(4, 0, 0, setting(4, 0)),
      frame(8, 0, 0, uint32(1_000_000)),
      headers(1, GET),
    );
    server.say(0, long);
    server.send(frame(8, 0, 1, uint32(100_000)));
    expect(server.log.lines().at(-1)).toBe('DATA 1 1696 END');
    expect(server.connection.queuedBytes).toBe(0);
  });

  it('counts a window that is made smaller, and larger, for streams that are open', () => {
    const server = new MemoryServer().send(headers(1, GET), frame(8, 0, 0, uint32(1_000_000)));
    server.log.take();
    server.send(frame(4, 0, 0, setting(4, 10)));
    server.say(0, long);
    expect(server.log.lines()).toEqual([
      'SETTINGS ACK',
      'HEADERS 1 :status=200 content-length=100000',
      'DATA 1 "xxxxxxxxxx"',
    ]);
    server.send(frame(4, 0, 0, setting(4, 0)), frame(8, 0, 1, uint32(10)));
    expect(server.log.lines()).toEqual(['SETTINGS ACK']);
    server.send(frame(4, 0, 0, setting(4, 5)));
    expect(server.log.lines()).toEqual(['SETTINGS ACK', 'DATA 1 "xxxxx"']);
  });

  it('the end and trailers go behind what waits, and need no window', () => {
    const server = new MemoryServer().send(frame(4, 0, 0, setting(4, 2)), headers(1, GET));
    server.log.take();
    server.say(0, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n');
    expect(server.log.lines()).toEqual(['HEADERS 1 :status=200', 'DATA 1 "ab"']);
    server.send(frame(8, 0, 1, uint32(1)));
    expect(server.log.lines()).toEqual(['DATA 1 "c"', 'HEADERS 1 x=y END']);
  });

  it('lets the client send more as the handler takes it', () => {
    const limits = { streamWindowBytes: 65_535, connectionWindowBytes: 100_000 };
    const server = new MemoryServer({ limits }).send(
      headers(1, { ...POST, 'content-length': '999999' }, END_HEADERS),
    );
    server.send(...Array.from({ length: 4 }, () => data(1, 'x'.repeat(16_000))));
    expect(server.log.lines()).toEqual(['WINDOW_UPDATE 1 48000', 'WINDOW_UPDATE 64000']);
    expect(server.responders[0]?.closed).toBe(undefined);
  });

  it('a handler that takes nothing holds the client back', () => {
    const limits = { streamWindowBytes: 65_535, connectionWindowBytes: 100_000 };
    const server = new MemoryServer({ limits }).send(
      headers(1, { ...POST, 'content-length': '999999' }, END_HEADERS),
    );
    server.transports[0]?.pause();
    server.send(...Array.from({ length: 4 }, () => data(1, 'x'.repeat(16_000))));
    expect(server.log.lines()).toEqual([]);
    server.transports[0]?.resume();
    server.settle();
    expect(server.log.lines()).toEqual(['WINDOW_UPDATE 1 48000', 'WINDOW_UPDATE 64000']);
  });

  it('the window of the connection opens again for what a reset stream has left behind', () => {
    const limits = { streamWindowBytes: 65_535, connectionWindowBytes: 100_000 };
    const server = new MemoryServer({ limits }).send(headers(1, POST, END_HEADERS));
    server.transports[0]?.pause();
    server.send(...Array.from({ length: 4 }, () => data(1, 'x'.repeat(16_000))));
    server.send(frame(3, 0, 1, uint32(8)));
    expect(server.log.lines()).toEqual(['WINDOW_UPDATE 64000']);
  });

  it('a client that overruns a window of ours is told so', () => {
    const limits = { streamWindowBytes: 1000, connectionWindowBytes: 65_535 };
    const paused = new MemoryServer({ limits }).send(
      headers(1, { ...POST, 'content-length': '9999' }, END_HEADERS),
    );
    paused.send(data(1, 'x'.repeat(1001)));
    expect(paused.log.lines()).toContain('RST_STREAM 1 3');
  });

  it('stops at a stuck socket, and reads no more when too much is waiting', () => {
    const server = new MemoryServer({ answer: (r) => void r }).send(
      headers(1, GET),
      frame(8, 0, 0, uint32(1_000_000)),
    );
    server.send(frame(8, 0, 1, uint32(1_000_000)));
    server.transport.stuck = true;
    expect(server.say(0, long)).toBe(false);
    const sent = server.transport.written.length;
    expect(sent).toBeLessThan(80_000);
    server.transport.drain();
    server.settle();
    expect(server.log.lines().at(-1)).toMatch(/END$/);
    expect(server.responders[0]?.drains).toBe(1);
  });
});

describe('a client that opens no window', () => {
  const READ = 64 * 1024;
  const STREAMS = 100;
  const piece = 'x'.repeat(READ);

  /** Everybody writes as instances do that are read one after the other: until they are told to stop. Returns what was queued at most. */
  function answerAll(server: MemoryServer): number {
    let most = 0;
    for (let more = true; more;) {
      more = false;
      for (const [i, responder] of server.responders.entries()) {
        if (responder.stopped || responder.closed !== undefined) continue;
        more = true;
        if (!server.say(i, `HTTP/1.1 200 OK\r\nContent-Length: ${50 * READ}\r\n\r\n${piece}`))
          responder.stopped = true;
        most = Math.max(most, server.connection.queuedBytes);
      }
    }
    return most;
  }

  it('has less than 1 MiB waiting, whatever its streams ask for; all stop reading, and go on when there is room', () => {
    const server = new MemoryServer().send(frame(4, 0, 0, setting(4, 0)));
    server.send(...Array.from({ length: STREAMS }, (_, i) => headers(1 + 2 * i, GET)));
    expect(server.requests.length).toBe(STREAMS);
    const most = answerAll(server);
    expect(most).toBeLessThan(1024 * 1024);
    expect(most).toBeGreaterThan(512 * 1024);
    expect(server.responders.every((r) => r.stopped)).toBe(true);
    // Those that had written wait for their own windows; those that had not yet were told to stop.
    const told = server.responders.filter((r) => r.blocks > 0).length;
    expect(told).toBeGreaterThan(STREAMS - 16);
    // Seven of them read again: for the others there is room.
    const wide = [frame(8, 0, 0, uint32(8 * READ))];
    for (let i = 0; i < 7; i++) wide.push(frame(8, 0, 1 + 2 * i, uint32(READ)));
    server.send(...wide);
    expect(server.responders.filter((r) => r.drains > 0).length).toBeGreaterThan(told);
    for (const r of server.responders) r.stopped = r.drains === 0;
    expect(server.connection.queuedBytes).toBeLessThan(512 * 1024);
  });

  it('is not waited for by requests that come meanwhile', () => {
    const server = new MemoryServer().send(frame(4, 0, 0, setting(4, 0)));
    server.send(...Array.from({ length: 20 }, (_, i) => headers(1 + 2 * i, GET)));
    answerAll(server);
    server.send(headers(101, GET));
    const late = server.responders.at(-1);
    expect(server.requests.length).toBe(21);
    expect(late?.blocks).toBe(1);
    // Whoever made it wait is given up.
    server.send(...Array.from({ length: 20 }, (_, i) => frame(3, 0, 1 + 2 * i, uint32(8))));
    expect(server.connection.queuedBytes).toBe(0);
    expect(late?.drains).toBe(1);
    expect(server.say(20, 'HTTP/1.1 204 No Content\r\n\r\n')).toBe(true);
  });

  it('nobody is forgotten when the socket is full again before all have gone on', () => {
    const server = new MemoryServer().send(
      frame(4, 0, 0, setting(4, 1_000_000)),
      frame(8, 0, 0, uint32(10_000_000)),
      headers(1, GET),
      headers(3, GET),
    );
    server.transport.stuck = true;
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n';
    server.say(1, head);
    expect([server.say(0, head), server.say(1, 'x')]).toEqual([false, false]);
    const [first, second] = server.responders;
    if (first === undefined || second === undefined) throw new Error('no responders');
    first.onDrain = () => {
      first.drains += 1;
      if (first.drains > 1) return;
      server.transport.stuck = true;
      server.requests[0]?.transport.write(Buffer.alloc(60_000));
    };
    server.transport.drain();
    server.settle();
    expect([first.drains, second.drains]).toEqual([1, 0]);
    server.transport.drain();
    server.settle();
    expect(second.drains).toBe(1);
  });
});

describe('WebSockets (RFC 8441)', () => {
  const connect = {
    ...GET,
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'mine',
  };

  it('become an upgrade, and a tunnel both ways', () => {
    const server = new MemoryServer({ answer: () => server.responders[0]?.upgrade() });
    const got: string[] = [];
    server.send(headers(1, connect, END_HEADERS), data(1, 'early'));
    const responder = server.responders[0];
    if (responder === undefined) throw new Error('no responder');
    responder.onTunnel = (text) => got.push(text);
    responder.onTunnelEnd = () => got.push('end');
    const head = server.requests[0]?.head ?? '';
    const key = /sec-websocket-key: (.*)\r\n/.exec(head)?.[1] ?? '';
    expect(head).toBe(
      `GET / HTTP/1.1\r\nhost: a.test\r\nsec-websocket-version: 13\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${key}\r\n\r\n`,
    );
    expect(Buffer.from(key, 'base64').length).toBe(16);
    server.say(
      0,
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${webSocketAccept(key)}\r\nX: y\r\n\r\nhi`,
    );
    expect(server.log.lines()).toEqual(['HEADERS 1 :status=200 x=y', 'DATA 1 "hi"']);
    server.send(data(1, 'there'), data(1, '', true));
    expect(got).toEqual(['early', 'there', 'end']);
    server.requests[0]?.transport.end();
    server.settle();
    expect(server.log.lines()).toEqual(['DATA 1 "" END']);
    expect(responder.closed).toEqual({ error: undefined });
  });

  it('an accept that does not fit is no upgrade', () => {
    const server = new MemoryServer().send(headers(1, connect, END_HEADERS));
    server.say(
      0,
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    );
    expect(server.log.lines()).toEqual(['RST_STREAM 1 2']);
  });

  it('a refusal is an answer like any other, and the transport serves on', () => {
    const server = new MemoryServer().send(headers(1, connect, END_HEADERS), data(1, 'lost'));
    server.requests[0]?.transport.resume();
    server.say(0, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    server.requests[0]?.transport.resume();
    server.settle();
    expect(server.log.lines()).toEqual(['HEADERS 1 :status=403 content-length=0 END', 'RST_STREAM 1 0']);
    server.send(headers(3, GET));
    expect(server.requests.length).toBe(2);
    expect(server.responders.length).toBe(1);
  });

  it('our settings offer it', () => {
    const server = new MemoryServer({ quiet: true });
    server.settle();
    const settings = server.log.take()[0];
    expect(settings?.payload.subarray(-6)).toEqual(setting(8, 1));
    expect(settings?.payload.subarray(0, 6)).toEqual(setting(3, 100));
  });
});
