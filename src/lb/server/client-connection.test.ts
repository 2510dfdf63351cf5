import { afterEach, describe, expect, it } from 'vitest';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { Reactor, Transport, TransportHandler } from '../../net/index.ts';
import { createLoadBalancer, lbConfigSchema } from '../index.ts';
import { FakeCatalog } from '../testing/fake-catalog.ts';
import { inlinePlanes } from '../testing/inline-planes.ts';

/** A connection that takes what is written and says that it has not left yet. */
class StuckTransport implements Transport {
  handler: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
  readonly remote = { ip: '127.0.0.1', port: 1 };
  readonly local = { ip: '127.0.0.1', port: 2 };
  closed = false;
  ended = false;
  last = false;
  text = '';

  write(bytes: Uint8Array): boolean {
    return this.writeOwned(bytes);
  }
  writeOwned(bytes: Uint8Array): boolean {
    this.text += Buffer.from(bytes).toString('latin1');
    return false;
  }
  pause(): void {}
  resume(): void {}
  end(last = false): void {
    this.ended = true;
    this.last = last;
  }
  destroy(): void {
    this.closed = true;
  }
}

describe('a client connection that closes after its answer', () => {
  const cleanup: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0)) await f();
  });

  async function answered(
    request = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n',
  ): Promise<{ clock: FakeClock; transport: StuckTransport }> {
    const clock = new FakeClock();
    const transport = new StuckTransport();
    let accept: ((transport: Transport) => TransportHandler) | undefined;
    const reactor = {
      listen: async (options: { host: string; port: number }, f: typeof accept) => {
        accept = f;
        return { address: { ip: options.host, port: options.port }, close: async () => {} };
      },
    } as unknown as Reactor;
    const lb = createLoadBalancer({
      config: lbConfigSchema.parse({ http: { port: 0 }, admin: { port: 0 }, workers: 1 }),
      catalog: new FakeCatalog(),
      startPlane: inlinePlanes({ reactor, clock, random: seededRandom(1) }),
      clock,
      random: seededRandom(1),
      log: silentLogger,
      metrics: new Metrics(),
      health: new Health(),
    });
    await lb.start();
    const handler = accept?.(transport);
    if (handler !== undefined) transport.handler = handler;
    transport.handler.onData(Buffer.from(request));
    expect(transport).toMatchObject({
      ended: true,
      text: expect.stringMatching(/^HTTP.1.1 50[35] /) as string,
    });
    cleanup.push(async () => {
      transport.handler.onClose(undefined);
      await lb.stop();
    });
    return { clock, transport };
  }

  it('waits until the answer has left, however slow the client reads, and a moment longer', async () => {
    const { clock, transport } = await answered();
    clock.advance(60_000);
    expect(transport.closed).toBe(false);
    transport.handler.onDrain();
    clock.advance(1_500);
    expect(transport.closed).toBe(false);
    clock.advance(1_000);
    expect(transport.closed).toBe(true);
  });

  it.each([
    ['says so', true, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'],
    ['is of old', true, 'GET / HTTP/1.0\r\nHost: a.test\r\n\r\n'],
    ['may still send', false, 'GET / HTTP/2.0\r\nHost: a.test\r\n\r\n'],
    [
      'sent a body, and maybe an empty line after it',
      false,
      'POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab',
    ],
  ])('need not wait for a client that sends nothing more: one that %s (%s)', async (_who, last, request) => {
    const { transport } = await answered(request);
    expect(transport.last).toBe(last);
  });

  it('still sends the rest of the answer when the client finishes its side', async () => {
    const { clock, transport } = await answered();
    transport.handler.onEnd();
    expect(transport.closed).toBe(false);
    clock.advance(301_000);
    expect(transport.closed).toBe(true);
  });
});
