import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../core/random.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { Transport, TransportHandler } from '../../../net/index.ts';
import { Http2Context } from '../context.ts';
import { PREFACE } from '../protocol.ts';
import { block, frame, FrameLog, MemoryTransport, setting, uint32 } from '../testing/peer.ts';
import { Http2Client } from './http2-client.ts';

class Holder implements TransportHandler {
  readonly transport: Transport;
  connected = 0;
  text = '';
  error: Error | undefined;
  closes = 0;
  drains = 0;
  /** A request of it has been sent. */
  busy = false;
  /** Called after each piece. */
  onText: (() => void) | undefined;

  constructor(connect: (handler: TransportHandler) => Transport) {
    this.transport = connect(this);
  }
  onConnect(): void {
    this.connected += 1;
  }
  onData(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString('latin1');
    this.onText?.();
  }
  onEnd(): void {}
  onDrain(): void {
    this.drains += 1;
  }
  onClose(error: Error | undefined): void {
    this.error = error;
    this.closes += 1;
  }
}

/** A client in memory; the test is the instance, and writes frames by hand. */
class Instance {
  readonly clock = new FakeClock();
  readonly transport = new MemoryTransport();
  readonly log = new FrameLog(this.transport, PREFACE.length);
  readonly transports: MemoryTransport[] = [];
  readonly client: Http2Client;
  readonly #deferred: (() => void)[] = [];

  constructor(...settings: readonly Buffer[]) {
    const context = new Http2Context({
      clock: this.clock,
      random: seededRandom(1),
      defer: (f) => this.#deferred.push(f),
    });
    // Only the first connection is answered; more of them come to nothing.
    this.client = new Http2Client(context, {
      connect: () => {
        const transport = this.transports.length === 0 ? this.transport : new MemoryTransport();
        this.transports.push(transport);
        return transport;
      },
    });
    this.first = this.dial();
    this.transport.handler.onConnect?.();
    this.send(frame(4, 0, 0, Buffer.concat(settings)));
    this.log.take();
  }
  readonly first: Holder;

  dial(): Holder {
    const holder = new Holder((handler) =>
      this.client.connect({ ip: '192.0.2.9', port: 80 }, { timeoutMs: 1_000 }, handler),
    );
    this.settle();
    return holder;
  }
  ask(holder = this.first, head = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'): this {
    holder.transport.write(Buffer.from(head, 'latin1'));
    this.settle();
    return this;
  }
  send(...frames: readonly Buffer[]): this {
    this.transport.handler.onData(Buffer.concat(frames));
    this.settle();
    return this;
  }
  settle(): void {
    for (let f = this.#deferred.shift(); f !== undefined; f = this.#deferred.shift()) f();
  }
}

const head = (fields: Parameters<typeof block>[0], end = true, stream = 1): Buffer =>
  frame(1, end ? 5 : 4, stream, block(fields));

describe('answers that are malformed cost their stream', () => {
  it.each<[string, Buffer[]]>([
    ['no :status', [head({ a: 'b' })]],
    ['a :status of letters', [head({ ':status': 'abc' })]],
    ['a :status of two digits', [head({ ':status': '20' })]],
    [
      ':status twice',
      [
        head([
          [':status', '200'],
          [':status', '200'],
        ]),
      ],
    ],
    [
      ':status behind a field',
      [
        head([
          ['a', 'b'],
          [':status', '200'],
        ]),
      ],
    ],
    ['a pseudo-header of requests', [head({ ':status': '200', ':path': '/' })]],
    ['101', [head({ ':status': '101' }, false)]],
    ['an interim answer that ends the stream', [head({ ':status': '103' })]],
    ['a field of the connection', [head({ ':status': '200', 'transfer-encoding': 'chunked' })]],
    ['an upper-case name', [head({ ':status': '200', Abc: 'd' })]],
    ['a line end in a value', [head({ ':status': '200', a: 'b\r\nc: d' })]],
    ['a length that is none', [head({ ':status': '200', 'content-length': '1x' }, false)]],
    [
      'two lengths',
      [
        head(
          [
            [':status', '200'],
            ['content-length', '1'],
            ['content-length', '1'],
          ],
          false,
        ),
      ],
    ],
    ['a length, and no body', [head({ ':status': '200', 'content-length': '1' })]],
    ['less than its length', [head({ ':status': '200', 'content-length': '2' }, false), frame(0, 1, 1, 'a')]],
    [
      'more than its length',
      [head({ ':status': '200', 'content-length': '2' }, false), frame(0, 0, 1, 'abc')],
    ],
    ['a body of 204', [head({ ':status': '204' }, false), frame(0, 1, 1, 'a')]],
    ['a body before its head', [frame(0, 0, 1, 'a')]],
    ['trailers that do not end it', [head({ ':status': '200' }, false), head({ a: 'b' }, false)]],
    ['a pseudo-header in trailers', [head({ ':status': '200' }, false), head({ ':status': '200' })]],
  ])('%s', (_, frames) => {
    const instance = new Instance().ask();
    instance.send(...frames);
    expect(instance.first).toMatchObject({ closes: 1, error: { code: 'LB_HTTP2_PROTOCOL' } });
    expect(instance.transport.ended).toBe(false);
    const next = instance.dial();
    instance.ask(next).send(head({ ':status': '204' }, true, 3));
    expect(next.text).toBe('HTTP/1.1 204 \r\n\r\n');
  });

  it.each<[string, Buffer, number]>([
    ['a stream that we have not opened', head({ ':status': '200' }, true, 3), 1],
    ['a stream of its own', head({ ':status': '200' }, true, 2), 1],
    ['a push', frame(5, 4, 1, Buffer.concat([uint32(2), block({ ':path': '/' })])), 1],
    ['what is no HPACK', frame(1, 5, 1, Buffer.from('ffffffffff', 'hex')), 9],
  ])('%s ends the connection', (_, bytes, code) => {
    const instance = new Instance().ask();
    instance.log.take();
    instance.send(bytes);
    expect(instance.log.lines()).toEqual([`GOAWAY 0 ${code}`]);
    expect(instance.first).toMatchObject({ closes: 1, error: { code: 'LB_HTTP2_PROTOCOL' } });
  });
});

describe('one request after the other', () => {
  it('a frame that only ends the stream may come when the next request is already sent', () => {
    const instance = new Instance().ask();
    let again = 0;
    instance.first.onText = () => {
      if (again++ === 0)
        instance.first.transport.write(Buffer.from('GET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n'));
    };
    instance.send(head({ ':status': '200', 'content-length': '2' }, false), frame(0, 0, 1, 'ok'));
    instance.send(frame(0, 1, 1), head({ ':status': '204' }, true, 3));
    expect(instance.first.text).toBe('HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nokHTTP/1.1 204 \r\n\r\n');
    expect(instance.first.closes).toBe(0);
    expect(instance.log.lines().filter((line) => line.startsWith('RST'))).toEqual([]);
  });

  it('more of a body than its length, when the next request is already sent, is reset', () => {
    const instance = new Instance().ask();
    instance.first.onText = () => {
      instance.first.onText = undefined;
      instance.first.transport.write(Buffer.from('GET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n'));
    };
    instance.send(head({ ':status': '200', 'content-length': '2' }, false), frame(0, 0, 1, 'ok'));
    instance.log.take();
    instance.send(frame(0, 1, 1, 'more'), head({ ':status': '204' }, true, 3));
    expect(instance.log.lines()).toEqual(['RST_STREAM 1 1']);
    expect(instance.first.text.endsWith('HTTP/1.1 204 \r\n\r\n')).toBe(true);
  });

  it('a limit that is lowered makes the next request wait, and go on', () => {
    const instance = new Instance();
    const second = instance.dial();
    instance.send(frame(4, 0, 0, setting(3, 1))).ask();
    instance.log.take();
    instance.ask(second);
    expect(instance.log.lines()).toEqual([]);
    expect(instance.first.transport.closed).toBe(false);
    instance.send(head({ ':status': '204' }));
    expect(instance.log.lines()).toEqual([
      'HEADERS 3 :method=GET :scheme=http :authority=a.test :path=/ END',
    ]);
    expect(second.drains).toBe(1);
  });

  it('an answer before the end of the request, and a reset without an error, is an answer', () => {
    const instance = new Instance().ask(
      undefined,
      'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nabc',
    );
    instance.send(head({ ':status': '413', 'content-length': '0' }), frame(3, 0, 1, uint32(0)));
    expect(instance.first.text).toBe('HTTP/1.1 413 \r\ncontent-length: 0\r\n\r\n');
    expect(instance.first.closes).toBe(0);
    instance.first.transport.write(Buffer.from('def'));
    instance.first.transport.destroy();
    instance.settle();
    expect(instance.first.closes).toBe(1);
  });
});

describe('health', () => {
  it('silence with requests under way is asked about, and ends the connection', () => {
    const instance = new Instance().ask();
    instance.log.take();
    instance.clock.advance(10_250);
    instance.settle();
    expect(instance.log.lines()).toEqual(['PING']);
    instance.send(frame(6, 1, 0, 'rimrock?'));
    instance.clock.advance(9_000);
    expect(instance.transport.closed).toBe(false);
    instance.clock.advance(6_500);
    instance.settle();
    expect(instance.transport.closed).toBe(true);
    expect(instance.first).toMatchObject({ closes: 1, error: { code: 'LB_HTTP2_CONNECTION_LOST' } });
    expect(instance.client.connections).toBe(0);
  });

  it('a connection that nobody uses is closed, and its transports with it', () => {
    const instance = new Instance();
    instance.clock.advance(75_250);
    instance.settle();
    expect(instance.log.lines()).toEqual(['GOAWAY 0 0']);
    expect(instance.first.closes).toBe(1);
  });

  it('an instance that does not agree on h2 is not spoken to', () => {
    const transport = new MemoryTransport();
    Object.assign(transport, { secure: { alpn: 'http/1.1' } });
    const context = new Http2Context({ clock: new FakeClock(), random: seededRandom(1), defer: (f) => f() });
    const client = new Http2Client(context, { connect: () => transport });
    const holder = new Holder((handler) =>
      client.connect({ ip: '192.0.2.9', port: 443 }, { timeoutMs: 1_000 }, handler),
    );
    transport.handler.onConnect?.();
    expect(holder).toMatchObject({ connected: 0, closes: 1, error: { code: 'LB_HTTP2_PROTOCOL' } });
    expect(transport.written.length).toBe(0);
  });

  it('an endpoint that is gone: running requests finish', () => {
    const instance = new Instance().ask();
    const idle = instance.dial();
    instance.client.retire({ ip: '192.0.2.9', port: 80 });
    instance.settle();
    expect([idle.closes, instance.first.closes, instance.transport.ended]).toEqual([1, 0, false]);
    instance.send(head({ ':status': '204' }));
    expect(instance.first.text).toBe('HTTP/1.1 204 \r\n\r\n');
    expect(instance.transport.ended).toBe(true);
  });
});

describe('whatever an instance sends', () => {
  it('60,000 frames by chance: nothing throws, every transport hears its end once, what it hears is HTTP/1.1', () => {
    const random = seededRandom(5);
    const statusLine = /^HTTP\/1\.1 [0-9]{3} \r\n/;
    let frames = 0;
    let answers = 0;
    while (frames < 60_000) {
      const instance = new Instance();
      const holders = [instance.first];
      let newest = -1;
      for (let i = 0; i < 1_000 && !instance.transport.ended && !instance.transport.closed; i++) {
        frames += 1;
        if (random.int(3) === 0) {
          let holder = holders[random.int(holders.length)] as Holder;
          if (holder.closes > 0 || holder.busy) holders.push((holder = instance.dial()));
          holder.busy = true;
          newest += 2;
          instance.ask(holder);
        }
        const stream = Math.max(1, newest - 2 * random.int(6));
        instance.send(chance(random, random.int(200) === 0 ? 0 : 1 + random.int(9), stream));
        if (random.int(40) === 0) holders[random.int(holders.length)]?.transport.destroy();
        if (random.int(20) === 0) instance.transport.stuck = !instance.transport.stuck;
        if (random.int(10) === 0) instance.transport.drain();
        instance.settle();
      }
      for (const transport of instance.transports) transport.destroy();
      instance.settle();
      expect(holders.map((h) => h.closes)).toEqual(holders.map(() => 1));
      for (const { text } of holders) {
        if (text === '') continue;
        answers += 1;
        expect(text).toMatch(statusLine);
      }
      expect(instance.client.connections).toBe(0);
    }
    expect(answers).toBeGreaterThan(1_000);
  }, 60_000);
});

function chance(random: ReturnType<typeof seededRandom>, kind: number, stream: number): Buffer {
  switch (kind) {
    case 0:
      return frame(random.int(12), random.int(256), random.int(20), random.bytes(random.int(20)));
    case 1:
      return head({ ':status': '200' }, random.int(2) === 0, stream);
    case 2:
      return head({ ':status': '200', 'content-length': String(random.int(6)) }, false, stream);
    case 3:
      return head({ ':status': String(100 + random.int(400)) }, random.int(2) === 0, stream);
    case 4:
    case 5:
      return frame(0, random.int(2), stream, random.bytes(random.int(6)));
    case 6:
      return frame(3, 0, stream, uint32(random.int(14)));
    case 7:
      return frame(8, 0, random.int(2) * stream, uint32(1 + random.int(1000)));
    case 8:
      return frame(4, 0, 0, setting(3 + random.int(2), random.int(200)));
    default:
      return random.int(60) === 0
        ? frame(7, 0, 0, Buffer.concat([uint32(stream), uint32(0)]))
        : head({ 'x-t': 'y' }, true, stream);
  }
}
