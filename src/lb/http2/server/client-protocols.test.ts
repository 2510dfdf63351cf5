import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../core/random.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { SecureFacts } from '../../../net/index.ts';
import { Http2Context } from '../context.ts';
import { block, frame, GET, MemoryTransport, PREFACE_TEXT } from '../testing/peer.ts';
import { ClientProtocols } from './client-protocols.ts';

function start(full = false): {
  dial: (alpn?: string) => MemoryTransport;
  protocols: ClientProtocols;
  log: string[];
} {
  const log: string[] = [];
  const context = new Http2Context({ clock: new FakeClock(), random: seededRandom(1), defer: (f) => f() });
  const protocols = new ClientProtocols(
    context,
    {
      admit: () => !full,
      left: () => log.push('left'),
      serve: (_, { listener, counted }) => ({
        onData: (bytes) =>
          log.push(
            `${listener} ${counted ? 'connection' : 'stream'} ${JSON.stringify(Buffer.from(bytes).toString())}`,
          ),
        onEnd: () => log.push('end'),
        onDrain: () => {},
        onClose: () => log.push('close'),
      }),
    },
    () => log.push('431'),
  );
  return {
    protocols,
    log,
    dial: (alpn) => {
      const transport = new MemoryTransport();
      if (alpn !== undefined) Object.assign(transport, { secure: { alpn } as SecureFacts });
      transport.handler = protocols.accept(transport, 'web');
      return transport;
    },
  };
}

const preface = Buffer.concat([Buffer.from(PREFACE_TEXT), frame(4, 0, 0), frame(1, 5, 1, block(GET))]);
const asked = 'web stream "GET / HTTP/1.1\\r\\nhost: a.test\\r\\n\\r\\n"';

describe('what a client speaks', () => {
  it('HTTP/1.1 goes on untouched, also when it begins like the preface', () => {
    const { dial, log, protocols } = start();
    dial().handler.onData(Buffer.from('GET /'));
    const odd = dial();
    for (const c of 'PRI * HTTP/1') odd.handler.onData(Buffer.from(c));
    odd.handler.onEnd();
    expect(log).toEqual([
      'web connection "GET /"',
      'web connection "PRI * HTTP/"',
      'web connection "1"',
      'end',
    ]);
    expect(protocols.size).toBe(0);
  });

  it.each([
    ['in one piece', preface.length],
    ['byte by byte', 1],
    ['in two', 10],
  ])('the preface of HTTP/2, %s', (_, n) => {
    const { dial, log, protocols } = start();
    const transport = dial();
    for (let at = 0; at < preface.length; at += n) transport.handler.onData(preface.subarray(at, at + n));
    expect(log).toEqual(['close', asked]);
    expect(protocols.size).toBe(1);
    transport.destroy();
    expect(log.slice(2).toSorted()).toEqual(['close', 'left']);
    expect(protocols.size).toBe(0);
  });

  it('over TLS ALPN says it', () => {
    const { dial, log } = start();
    dial('h2').handler.onData(preface);
    dial('http/1.1').handler.onData(Buffer.from(PREFACE_TEXT));
    expect(log).toEqual([asked, `web connection ${JSON.stringify(PREFACE_TEXT)}`]);
  });

  it('a connection over the limits is read no further', () => {
    const { dial, log } = start(true);
    dial().handler.onData(preface);
    dial('h2').handler.onData(preface);
    expect(log).toEqual([]);
  });
});
