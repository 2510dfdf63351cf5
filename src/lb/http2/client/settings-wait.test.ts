import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../core/random.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { Transport } from '../../../net/index.ts';
import { Http2Context } from '../context.ts';
import { frame, FrameLog, MemoryTransport, PREFACE_TEXT, setting } from '../testing/peer.ts';
import { Http2Client } from './http2-client.ts';

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n';

describe('an upgrade before the instance has told its settings', () => {
  function connect() {
    const clock = new FakeClock(1_000_000);
    const deferred: (() => void)[] = [];
    const settle = (): void => {
      for (let f = deferred.shift(); f !== undefined; f = deferred.shift()) f();
    };
    const context = new Http2Context({ clock, random: seededRandom(1), defer: (f) => deferred.push(f) });
    const socket = new MemoryTransport();
    const client = new Http2Client(context, {
      connect: (_to, _options, handler): Transport => {
        socket.handler = handler;
        return socket;
      },
    });
    const seen = { text: '', closed: undefined as Error | undefined };
    const stream = client.connect(
      { ip: '192.0.2.3', port: 1 },
      { timeoutMs: 3_000 },
      {
        onConnect: () => {},
        onData: (bytes) => (seen.text += Buffer.from(bytes).toString('latin1')),
        onEnd: () => {},
        onDrain: () => {},
        onClose: (error) => (seen.closed = error),
      },
    );
    socket.handler.onConnect?.();
    settle();
    const log = new FrameLog(socket, PREFACE_TEXT.length);
    log.take();
    stream.write(Buffer.from(UPGRADE));
    settle();
    const tell = (...settings: Uint8Array[]): void => {
      socket.handler.onData(frame(4, 0, 0, Buffer.concat(settings)));
      settle();
    };
    return { clock, settle, log, seen, tell };
  }

  it('waits for them, and goes as an extended CONNECT', () => {
    const { log, seen, tell } = connect();
    expect([log.lines(), seen.text]).toEqual([[], '']);
    tell(setting(8, 1));
    const lines = log.lines().filter((line) => line.startsWith('HEADERS'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(':method=CONNECT');
    expect(lines[0]).toContain(':protocol=websocket');
  });

  it('is answered with 501 when they say that it cannot be done', () => {
    const { log, seen, tell } = connect();
    tell();
    expect(seen.text).toMatch(/^HTTP\/1\.1 501 /);
    expect(log.lines()).toEqual(['SETTINGS ACK']);
  });

  it('goes elsewhere when none come in the time of a connection', () => {
    const { clock, settle, seen } = connect();
    clock.advance(2_500);
    settle();
    expect(seen.closed).toBeUndefined();
    clock.advance(1_000);
    settle();
    expect(seen).toMatchObject({ text: '', closed: { code: 'LB_HTTP2_NOT_PROCESSED' } });
  });
});
