import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../core/random.ts';
import { block, frame, GET, POST, PREFACE_TEXT, setting, uint32 } from '../testing/peer.ts';
import { MemoryServer, ok } from '../testing/memory-server.ts';

const get = (stream: number): Buffer => frame(1, 5, stream, block(GET));
const post = (stream: number): Buffer => frame(1, 4, stream, block(POST));
const times = (n: number, f: (i: number) => Buffer): Buffer[] => Array.from({ length: n }, (_, i) => f(i));

describe('errors of the connection', () => {
  it.each<[string, Buffer[], number]>([
    ['an even stream', [get(2)], 1],
    ['a stream that is lower than the last', [get(3), get(1)], 5],
    ['DATA of a stream that has not begun', [frame(0, 0, 1, 'a')], 1],
    ['RST_STREAM of a stream that has not begun', [frame(3, 0, 1, uint32(8))], 1],
    ['WINDOW_UPDATE of a stream that has not begun', [frame(8, 0, 1, uint32(8))], 1],
    ['what is no HPACK', [frame(1, 5, 1, Buffer.from('ffffffffffff', 'hex'))], 9],
    ['ENABLE_PUSH of 2', [frame(4, 0, 0, setting(2, 2))], 1],
    ['a window that is too large', [frame(4, 0, 0, setting(4, 0x80000000))], 3],
    ['frames that may be too small', [frame(4, 0, 0, setting(5, 16_383))], 1],
    ['frames that may be too large', [frame(4, 0, 0, setting(5, 0x1000000))], 1],
    ['ENABLE_CONNECT_PROTOCOL of 2', [frame(4, 0, 0, setting(8, 2))], 1],
    ['a window of the connection that runs over', [frame(8, 0, 0, uint32(0x7fffffff))], 3],
    [
      'a window of a stream that runs over by settings',
      [post(1), frame(8, 0, 1, uint32(0x7fff0000)), frame(4, 0, 0, setting(4, 0x7fffffff))],
      3,
    ],
    ['more bodies than our window', [post(1), ...times(66, () => frame(0, 0, 1, Buffer.alloc(16_384)))], 3],
  ])('%s: GOAWAY, and handlers hear of it', (_, frames, code) => {
    const limits = { streamWindowBytes: 4 * 1024 * 1024 };
    const server = new MemoryServer({ limits });
    // Nothing is taken from the window while the handler does not read.
    server.send(...frames.slice(0, 1));
    if (frames.length > 60) pauseAll(server);
    server.send(...frames.slice(1));
    const goaway = server.log.lines().find((line) => line.startsWith('GOAWAY'));
    expect(goaway?.split(' ')[2]).toBe(String(code));
    expect(server.transport.ended).toBe(true);
    for (const responder of server.responders)
      expect(responder.closed?.error).toMatchObject({ code: 'LB_HTTP2_PROTOCOL' });
    server.clock.advance(1_000);
    expect(server.transport.closed).toBe(true);
    expect(server.gone).toBe(1);
  });

  it.each<[string, string]>([
    ['HTTP/1.1', 'GET / HTTP/1.1\r\n\r\n'],
    ['a preface that goes wrong late', PREFACE_TEXT.replace('SM', 'XX')],
  ])('%s instead of the preface', (_, text) => {
    const server = new MemoryServer({ quiet: true });
    for (const c of text) server.send(Buffer.from(c));
    expect(server.log.lines().at(-1)).toBe('GOAWAY 0 1');
  });

  it.each<[string, Buffer[], string[]]>([
    ['DATA after the end', [get(1), frame(0, 0, 1, 'a')], ['RST_STREAM 1 5']],
    ['a head after the end', [get(1), frame(1, 5, 1, block({ a: 'b' }))], ['RST_STREAM 1 5']],
    ['a window that runs over', [get(1), frame(8, 0, 1, uint32(0x7fffffff))], ['RST_STREAM 1 3']],
    ['a window of nothing', [get(1), frame(8, 0, 1, uint32(0))], ['RST_STREAM 1 1']],
    [
      'what comes after our reset',
      [
        get(1),
        frame(0, 0, 1, 'a'),
        frame(0, 0, 1, 'a'),
        frame(8, 0, 1, uint32(1)),
        frame(1, 5, 1, block({})),
      ],
      ['RST_STREAM 1 5'],
    ],
    ['a reset', [get(1), frame(3, 0, 1, uint32(8)), frame(3, 0, 1, uint32(8))], []],
  ])('%s costs the stream only', (_, frames, wanted) => {
    const server = new MemoryServer();
    for (const one of frames) server.send(one);
    expect(server.log.lines()).toEqual(wanted);
    expect(server.responders[0]?.closed?.error).toBeInstanceOf(Error);
    expect(server.connection.openStreams).toBe(0);
    server.send(get(3));
    expect(server.requests.length).toBe(2);
  });
});

function pauseAll(server: MemoryServer): void {
  // The transports are those that the responders were made for; requests without an end have none yet.
  for (const transport of server.transports) transport.pause();
}

describe('limits', () => {
  it('100 streams at a time, the next is refused, and has its turn later', () => {
    const server = new MemoryServer().send(...times(101, (i) => get(1 + 2 * i)));
    expect(server.log.lines()).toEqual(['RST_STREAM 201 7']);
    server.say(0, 'HTTP/1.1 204 No Content\r\n\r\n');
    server.send(get(203));
    expect(server.requests.length).toBe(101);
  });

  it('a head beyond the limit gets 431, and the connection goes on', () => {
    const server = new MemoryServer({ answer: ok });
    const big = block({
      ...GET,
      ...Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x-${i}`, 'y'.repeat(3_300)])),
    });
    server.send(frame(1, 1, 1, big.subarray(0, 16_000)), frame(9, 4, 1, big.subarray(16_000)));
    expect(server.log.lines()).toEqual(['HEADERS 1 :status=431 END']);
    expect(server.tooLarge).toBe(1);
    server.send(get(3));
    expect(server.requests.length).toBe(1);
  });

  it('101 fields are too many', () => {
    const server = new MemoryServer({ answer: ok });
    const fields = [...Object.entries(POST), ...Array.from({ length: 97 }, () => ['a', 'b'] as const)];
    server.send(frame(1, 4, 1, block(fields)));
    expect(server.log.lines()).toEqual(['HEADERS 1 :status=431 END', 'RST_STREAM 1 0']);
  });
});

describe('floods end the connection with ENHANCE_YOUR_CALM', () => {
  let next = 1;
  const id = (): number => (next += 2);
  it.each<[string, () => Buffer, number]>([
    [
      'streams that are reset at once',
      () => {
        const i = id();
        return Buffer.concat([get(i), frame(3, 0, i, uint32(8))]);
      },
      310,
    ],
    ['malformed requests, which we reset', () => frame(1, 5, id(), block({ a: 'b' })), 310],
    ['PING', () => frame(6, 0, 0, '12345678'), 1100],
    ['SETTINGS', () => frame(4, 0, 0, setting(4, 65_535)), 1100],
    ['PRIORITY', () => frame(2, 0, 1, '\0\0\0\0\u0010'), 1100],
    ['unknown frames', () => frame(77, 0, 1, 'x'), 1100],
    ['WINDOW_UPDATE', () => frame(8, 0, 0, uint32(1)), 1100],
  ])('%s', (_, one, most) => {
    next = -1;
    const server = new MemoryServer();
    let sent = 0;
    // 10,000 a second, so that what the time gives back counts.
    for (; sent < 20_000 && !server.transport.ended; sent++) {
      server.send(one());
      if (sent % 10 === 9) server.clock.advance(1);
    }
    expect(sent).toBeLessThanOrEqual(most);
    expect(server.log.lines().at(-1)?.endsWith(' 11')).toBe(true);
  });

  it('empty DATA', () => {
    const server = new MemoryServer().send(post(1));
    let sent = 0;
    for (; sent < 20_000 && !server.transport.ended; sent++) server.send(frame(0, 0, 1));
    expect(sent).toBeLessThanOrEqual(1100);
  });

  it('a hundred streams may be reset at once, also twice, and at any rate by who waits a second first', () => {
    const server = new MemoryServer();
    const cancel = (from: number, waitMs: number): void => {
      server.send(...times(100, (i) => get(from + 2 * i)));
      server.clock.advance(waitMs);
      server.send(...times(100, (i) => frame(3, 0, from + 2 * i, uint32(8))));
    };
    for (let i = 0; i < 2; i++) cancel(1 + 200 * i, 10);
    for (let i = 2; i < 50; i++) cancel(1 + 200 * i, 1_000);
    expect(server.transport.ended).toBe(false);
    expect(server.requests.length).toBe(5_000);
    for (let i = 50; i < 53; i++) cancel(1 + 200 * i, 0);
    expect(server.transport.ended).toBe(true);
  });

  it('who works honestly may reset, ping and widen windows as long as he likes', () => {
    const server = new MemoryServer({ answer: ok });
    for (let i = 0; i < 5_000; i++) {
      const stream = 1 + 4 * i;
      server.send(get(stream), frame(8, 0, 0, uint32(2)), frame(8, 0, stream, uint32(2)));
      server.send(frame(1, 4, stream + 2, block(POST)), frame(3, 0, stream + 2, uint32(8)));
    }
    expect(server.transport.ended).toBe(false);
    expect(server.requests.length).toBe(5_000);
  });
});

describe('deadlines', () => {
  it('a preface that does not come', () => {
    const server = new MemoryServer({ quiet: true });
    server.send(Buffer.from('PRI'));
    server.clock.advance(9_000);
    server.connection.checkDeadline(server.clock.monotonic());
    expect(server.transport.ended).toBe(false);
    server.clock.advance(1_000);
    server.connection.checkDeadline(server.clock.monotonic());
    expect(server.transport.ended).toBe(true);
  });

  it('a field block that goes on for too long', () => {
    const server = new MemoryServer().send(frame(1, 1, 1, ''));
    for (let i = 0; i < 11; i++) {
      server.connection.checkDeadline(server.clock.monotonic());
      server.clock.advance(1_000);
    }
    expect(server.transport.ended).toBe(true);
  });

  it('a window that stays shut costs the stream', () => {
    const server = new MemoryServer().send(frame(4, 0, 0, setting(4, 0)), get(1));
    server.say(0, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na');
    server.log.take();
    server.clock.advance(59_000);
    server.connection.checkDeadline(server.clock.monotonic());
    expect(server.log.lines()).toEqual([]);
    server.clock.advance(1_000);
    server.connection.checkDeadline(server.clock.monotonic());
    server.settle();
    expect(server.log.lines()).toEqual(['RST_STREAM 1 8']);
    expect(server.responders[0]?.closed?.error).toMatchObject({ code: 'LB_HTTP2_PROTOCOL' });
  });

  it('a socket that takes nothing costs the connection', () => {
    const server = new MemoryServer({ answer: ok });
    server.transport.stuck = true;
    server.send(get(1));
    server.clock.advance(60_000);
    server.connection.checkDeadline(server.clock.monotonic());
    expect(server.transport.closed).toBe(true);
  });

  it('a connection without streams is closed, one with streams is not', () => {
    const server = new MemoryServer().send(get(1));
    server.clock.advance(80_000);
    server.connection.checkDeadline(server.clock.monotonic());
    expect(server.transport.ended).toBe(false);
    server.say(0, 'HTTP/1.1 204 No Content\r\n\r\n');
    server.log.take();
    server.clock.advance(75_000);
    server.connection.checkDeadline(server.clock.monotonic());
    expect(server.log.lines()).toEqual(['GOAWAY 1 0']);
  });
});

describe('a drain', () => {
  it('says so twice, lets running streams finish, takes what crossed, and closes', () => {
    const server = new MemoryServer().send(get(1));
    server.connection.drain(false);
    server.settle();
    expect(server.log.lines()).toEqual(['GOAWAY 2147483647 0', 'PING']);
    server.send(get(3), frame(6, 1, 0, 'goingawy'));
    expect(server.log.lines()).toEqual(['GOAWAY 3 0']);
    server.send(get(5));
    expect(server.log.lines()).toEqual([]);
    expect(server.requests.length).toBe(2);
    server.say(0, 'HTTP/1.1 204 No Content\r\n\r\n');
    expect(server.transport.ended).toBe(false);
    server.say(1, 'HTTP/1.1 204 No Content\r\n\r\n');
    expect(server.log.lines()).toEqual([
      'HEADERS 1 :status=204 END',
      'HEADERS 3 :status=204 END',
      'GOAWAY 3 0',
    ]);
    expect(server.transport.ended).toBe(true);
    expect(server.responders.map((r) => r.closed?.error)).toEqual([undefined, undefined]);
  });

  it('does not wait for a client that answers no PING, and ends at once when there is nothing to do', () => {
    const server = new MemoryServer({ answer: ok }).send(get(1));
    server.connection.drain(false);
    server.clock.advance(1_000);
    server.connection.checkDeadline(server.clock.monotonic());
    server.settle();
    expect(server.transport.ended).toBe(true);
    expect(server.responders[0]?.closed).toEqual({ error: undefined });
  });

  it('by force cuts what runs', () => {
    const server = new MemoryServer().send(get(1));
    server.connection.drain(true);
    server.settle();
    expect(server.log.lines()).toEqual(['GOAWAY 1 0']);
    expect(server.responders[0]?.closed?.error).toBeInstanceOf(Error);
  });

  it('a client that has gone leaves nothing behind', () => {
    const server = new MemoryServer({ answer: (r) => (r.target === '/' ? undefined : ok(r)) }).send(
      get(1),
      get(3),
    );
    server.transport.handler.onClose(undefined);
    server.settle();
    expect(server.responders.map((r) => r.closed?.error)).toMatchObject([
      { code: 'LB_HTTP2_CONNECTION_LOST' },
      { code: 'LB_HTTP2_CONNECTION_LOST' },
    ]);
    expect(server.gone).toBe(1);
  });
});

describe('whatever comes', () => {
  it('120,000 frames by chance: nothing throws, memory stays bounded, every transport hears its end once', () => {
    const random = seededRandom(11);
    let frames = 0;
    for (let round = 0; frames < 120_000; round++) {
      const server = new MemoryServer({
        answer: (request) => {
          const dice = random.int(6);
          if (dice === 0) request.transport.destroy(new Error('cut'));
          else if (dice === 1) request.transport.end();
          else if (dice === 2) request.transport.pause();
          else ok(request);
        },
      });
      let next = 1;
      for (let i = 0; i < 2_000 && !server.transport.ended; i++) {
        frames += 1;
        // Mostly what could be, on streams that are there or were a moment ago; now and then anything.
        const wild = random.int(300) === 0;
        const kind = wild ? 0 : 1 + random.int(11);
        const opens = !wild && kind <= 4;
        server.send(chance(random, kind, opens ? next : Math.max(1, next - 2 - 2 * random.int(12))));
        if (opens) next += 2;
        if (random.int(20) === 0) server.transport.stuck = !server.transport.stuck;
        if (!server.transport.stuck && random.int(4) === 0) server.transport.drain();
        if (random.int(30) === 0) server.requests.at(-1)?.transport.resume();
        if (server.connection.openStreams > 100 || server.connection.queuedBytes > 1 << 20)
          throw new Error('memory');
      }
      if (!server.transport.closed) server.transport.destroy();
      server.settle();
      expect(server.responders.every((r) => r.closed !== undefined)).toBe(true);
      expect(server.responders.every((r) => r.closes === 1)).toBe(true);
    }
  }, 120_000);
});

function chance(random: ReturnType<typeof seededRandom>, kind: number, stream: number): Buffer {
  switch (kind) {
    case 0:
      return frame(random.int(12), random.int(256), random.int(20), random.bytes(random.int(20)));
    case 1:
    case 2:
      return frame(1, 5, stream, block(GET));
    case 3:
      return frame(1, 4, stream, block(POST));
    case 4:
      return frame(1, 4, stream, block({ ...POST, 'content-length': String(random.int(40)) }));
    case 5:
    case 6:
      return frame(0, random.int(2), stream, random.bytes(random.int(30)));
    case 7:
      return frame(0, 8 + random.int(2), stream, Buffer.concat([Buffer.of(random.int(8)), random.bytes(10)]));
    case 8:
      return frame(3, 0, stream, uint32(random.int(14)));
    case 9:
      return frame(8, 0, random.int(2) * stream, uint32(1 + random.int(1000)));
    case 10:
      return frame(4, 0, 0, setting(1 + random.int(6), 65_535 - random.int(2) * random.int(65_000)));
    default:
      // Trailers; a head that comes too late ends the connection, as it should.
      return random.int(10) === 0
        ? frame(1, 5, stream, block({ 'x-trailer': 'y' }))
        : frame(6, 0, 0, '12345678');
  }
}
