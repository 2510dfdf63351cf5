import { afterEach, describe, expect, it } from 'vitest';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { Reactor, Transport, TransportHandler } from '../../net/index.ts';
import { createLoadBalancer, lbConfigSchema } from '../index.ts';
import { FakeCatalog, instance, service } from '../testing/fake-catalog.ts';
import { inlinePlanes } from '../testing/inline-planes.ts';
import {
  block,
  frame,
  FrameLog,
  GET,
  MemoryTransport,
  PREFACE_TEXT,
  setting,
  uint32,
} from './testing/peer.ts';

const READ = 128 * 1024;
const MIB = 1024 * 1024;
const STREAMS = 100;

/** A connection to an instance that never runs out of answer: each read of it brings as much as an engine reads at most. */
class Endless implements Transport {
  handler: TransportHandler;
  readonly remote = { ip: '127.0.0.1', port: 1 };
  readonly local = { ip: '127.0.0.1', port: 2 };
  closed = false;
  paused = false;
  asked = false;
  read = 0;

  constructor(handler: TransportHandler) {
    this.handler = handler;
  }

  write(): boolean {
    this.asked = true;
    return true;
  }
  writeOwned(): boolean {
    return this.write();
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {}
  destroy(): void {
    this.closed = true;
  }

  /** Read once, if somebody wants to. */
  pull(): boolean {
    if (this.closed || this.paused || !this.asked) return false;
    const head = this.read === 0 ? `HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MIB}\r\n\r\n` : '';
    this.handler.onData(Buffer.from(head.padEnd(READ, 'x')));
    this.read += READ;
    return true;
  }
}

const round = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a client that opens no window for its streams', () => {
  const cleanup: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0)) await f();
  });

  async function setUp(): Promise<{
    clock: FakeClock;
    client: MemoryTransport;
    log: FrameLog;
    instances: Endless[];
    pullAll: () => Promise<number>;
  }> {
    const clock = new FakeClock();
    const catalog = new FakeCatalog();
    const instances: Endless[] = [];
    let accept: ((transport: Transport) => TransportHandler) | undefined;
    const reactor = {
      listen: async (options: { host: string; port: number }, f: typeof accept) => {
        accept = f;
        return { address: { ip: options.host, port: options.port }, close: async () => {} };
      },
      connect: (_to: unknown, _options: unknown, handler: TransportHandler) => {
        const transport = new Endless(handler);
        instances.push(transport);
        setImmediate(() => handler.onConnect?.());
        return transport;
      },
    } as unknown as Reactor;
    const lb = createLoadBalancer({
      config: lbConfigSchema.parse({
        http: { port: 0 },
        admin: { port: 0 },
        workers: 1,
        timeouts: { firstByteMs: 1_000, streamIdleMs: 5_000, drainMs: 1 },
      }),
      catalog,
      startPlane: inlinePlanes({ reactor, clock, random: seededRandom(1) }),
      clock,
      random: seededRandom(1),
      log: silentLogger,
      metrics: new Metrics(),
      health: new Health(),
    });
    await lb.start();
    const labels = new Map([['rimrock.http.web.host', 'a.test']]);
    catalog.set(service({ name: 'a', labels, instances: [instance(1)] }));
    await round();
    const client = new MemoryTransport();
    const handler = accept?.(client);
    if (handler !== undefined) client.handler = handler;
    cleanup.push(async () => {
      client.handler.onClose(undefined);
      await lb.stop();
    });
    return {
      clock,
      client,
      log: new FrameLog(client),
      instances,
      /** Everybody reads until nobody wants to; returns what was read in all. */
      pullAll: async () => {
        for (let more = true; more;) {
          more = false;
          for (const one of instances) if (one.pull()) more = true;
          await round();
        }
        return instances.reduce((sum, one) => sum + one.read, 0);
      },
    };
  }

  const requests = Array.from({ length: STREAMS }, (_, i) => frame(1, 5, 1 + 2 * i, block(GET)));

  it('has at most 1 MiB waiting here, by which no instance loses its good name; once it reads, all goes on', async () => {
    const { clock, client, log, instances, pullAll } = await setUp();
    const hello = [Buffer.from(PREFACE_TEXT), frame(4, 0, 0, setting(4, 0))];
    client.handler.onData(Buffer.concat([...hello, ...requests]));
    for (let i = 0; i < 200 && instances.filter((one) => one.asked).length < STREAMS; i++) {
      clock.advance(1);
      await round();
    }
    expect(instances.filter((one) => one.asked).length).toBe(STREAMS);
    log.take();
    const read = await pullAll();
    expect(read).toBeGreaterThan(MIB / 2);
    expect(read).toBeLessThanOrEqual(MIB);
    expect(log.lines().filter((line) => line.startsWith('DATA'))).toEqual([]);
    // Instances that could not answer are not late.
    clock.advance(3_000);
    await round();
    expect(log.lines()).toEqual([]);
    const wide = Array.from({ length: STREAMS }, (_, i) => frame(8, 0, 1 + 2 * i, uint32(READ)));
    client.handler.onData(Buffer.concat([frame(8, 0, 0, uint32(1024 * MIB)), ...wide]));
    await round();
    await pullAll();
    expect(instances.every((one) => one.read >= READ)).toBe(true);
    const answers = log.lines().filter((line) => line.startsWith('HEADERS'));
    expect(answers.length).toBeGreaterThan(STREAMS - 10);
    expect(answers.every((line) => line.includes(':status=200'))).toBe(true);
    expect(instances.every((one) => !one.closed)).toBe(true);
  });
});
