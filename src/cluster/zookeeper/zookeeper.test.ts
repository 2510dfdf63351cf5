import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { seededRandom } from '../../core/random.ts';
import { parseZooKeeperUrl } from './address.ts';
import { ZooKeeperClient } from './client.ts';
import type { Dial, Wire, WireListener } from './dial.ts';
import { JuteReader, JuteWriter, PacketSplitter } from './jute.ts';
import { readConnected, readReply } from './protocol.ts';

describe('jute', () => {
  it('reads what it wrote, in pieces of any size', () => {
    const value = fc.record({
      int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      text: fc.string({ unit: 'grapheme' }),
      bytes: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(value), fc.infiniteStream(fc.integer({ min: 1, max: 50 })), (values, sizes) => {
        const packets = values.map((v) =>
          new JuteWriter().int(v.int).long(v.long).string(v.text).buffer(v.bytes).packet(),
        );
        const all = Buffer.concat(packets);
        const splitter = new PacketSplitter();
        const got: Uint8Array[] = [];
        for (let at = 0; at < all.length;) {
          const size = sizes.next().value as number;
          const piece = Uint8Array.from(all.subarray(at, at + size));
          got.push(...splitter.push(piece));
          piece.fill(0xff); // the socket uses its buffer again
          at += size;
        }
        const read = got.map((packet) => {
          const r = new JuteReader(packet);
          return { int: r.int(), long: r.long(), text: r.string(), bytes: Uint8Array.from(r.buffer()) };
        });
        expect(read).toEqual(values);
      }),
    );
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const splitter = new PacketSplitter();
        for (const packet of splitter.push(bytes)) expect(packet.length).toBeLessThan(200);
        readConnected(bytes);
        const reply = readReply(bytes);
        if (reply?.kind === 'answer') {
          const names = reply.body.strings();
          expect(names.length * 4).toBeLessThanOrEqual(bytes.length);
        }
      }),
    );
  });

  it('refuses lengths that cannot be, without waiting for them', () => {
    for (const length of [-1, 17 * 1024 * 1024]) {
      const splitter = new PacketSplitter();
      const head = new JuteWriter().int(length).packet().subarray(4);
      expect([splitter.push(head), splitter.failed]).toEqual([[], true]);
      expect(splitter.push(Uint8Array.of(0, 0, 0, 0))).toEqual([]);
    }
    const reader = new JuteReader(new JuteWriter().int(1_000_000_000).packet().subarray(4));
    expect([reader.strings(), reader.failed]).toEqual([[], true]);
  });
});

describe('a zk:// address', () => {
  it.each([
    [
      'zk://a:1,b/mesos',
      [
        ['a', 1],
        ['b', 2181],
      ],
      '/mesos',
      undefined,
    ],
    ['zk://user:p@ss:w@a/m/', [['a', 2181]], '/m', 'user:p@ss:w'],
    [
      'zk://[fd00::1]:7, 10.0.0.1 ',
      [
        ['fd00::1', 7],
        ['10.0.0.1', 2181],
      ],
      '/',
      undefined,
    ],
    ['ZK://a/x/y', [['a', 2181]], '/x/y', undefined],
  ] as const)('%s', (text, servers, path, credentials) => {
    const expected = { servers: servers.map(([host, port]) => ({ host, port })), path, credentials };
    expect(parseZooKeeperUrl(text)).toEqual(expected);
  });

  it.each([
    'zk://',
    'zk://a,,b/m',
    'zk://a:0/m',
    'zk://a:x/m',
    'zk://user@a/m',
    'zk://a/m//n',
    'zk://a/../b',
    'a:1',
  ])('refuses %s', (text) => expect(parseZooKeeperUrl(text)).toBeTypeOf('string'));

  it('never tells the password when it refuses', () => {
    expect(parseZooKeeperUrl('zk://user:sesame@a:b/m')).not.toContain('sesame');
  });
});

/** Servers by name: what each does with the next connection. */
type Manner = 'session' | 'silent' | 'refuse' | 'expire' | 'closes';

class FakeServers {
  readonly clock = new FakeClock();
  readonly manners = new Map<string, Manner>();
  readonly dialled: string[] = [];
  readonly told: string[] = [];
  readonly open = new Set<{ readonly host: string; readonly listener: WireListener; reply: boolean }>();
  readonly client: ZooKeeperClient;
  zxids: bigint[] = [];

  constructor(manners: Readonly<Record<string, Manner>>) {
    this.manners = new Map(Object.entries(manners));
    this.client = new ZooKeeperClient({
      address: {
        servers: [...this.manners.keys()].map((host) => ({ host, port: 1 })),
        credentials: undefined,
      },
      clock: this.clock,
      random: seededRandom(4),
      dial: this.#dial,
      listener: {
        onSession: (server) => void this.told.push(`session ${server}`),
        onWatch: (event) => void this.told.push(`watch ${event.kind} ${event.path}`),
        onTrouble: (reason) => void this.told.push(`trouble ${reason}`),
      },
    });
  }

  readonly #dial: Dial = ({ host }, listener): Wire => {
    this.dialled.push(host);
    const manner = this.manners.get(host) ?? 'refuse';
    const wire = { host, listener, reply: manner === 'session' };
    const close = (reason: string): void => {
      if (this.open.delete(wire)) queueMicrotask(() => listener.onClose(reason));
    };
    this.open.add(wire);
    if (manner === 'refuse') close('refused');
    else queueMicrotask(() => listener.onOpen());
    let first = true;
    return {
      write: (bytes) => {
        if (manner === 'silent') return;
        if (first) {
          first = false;
          this.zxids.push(new DataView(bytes.buffer).getBigInt64(8));
          if (manner === 'closes') return close('closed by server');
          const timeout = manner === 'expire' ? 0 : 6_000;
          const packet = new JuteWriter().int(0).int(timeout).long(7n).buffer(new Uint8Array(16)).packet();
          return queueMicrotask(() => listener.onBytes(packet));
        }
        if (!wire.reply) return;
        const xid = new DataView(bytes.buffer).getInt32(4);
        const answer = new JuteWriter()
          .int(xid)
          .long(xid > 0 ? 42n : -1n)
          .int(xid > 0 ? -101 : 0)
          .packet();
        queueMicrotask(() => listener.onBytes(answer));
      },
      end: () => close('ended'),
      destroy: close,
    };
  };
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('the ZooKeeper client', () => {
  it('tries the next server at once after a refusal, and soon after a silence; the first session wins', async () => {
    const s = new FakeServers({ a: 'silent', b: 'refuse', c: 'session', d: 'silent' });
    s.client.start();
    await s.clock.advanceAsync(1_500, 100);
    await settle();
    expect(s.told).toEqual(['session c:1']);
    expect([...s.open].map((w) => w.host)).toEqual(['c']);
    s.client.stop();
    await settle();
    expect([s.open.size, s.clock.pending]).toEqual([0, 0]);
  });

  it('gives a silent session up after two thirds of its time, answers what waits, and begins anew', async () => {
    const s = new FakeServers({ a: 'session' });
    s.client.start();
    await settle();
    expect(await s.client.read('exists', '/x', true)).toMatchObject({ ok: false, reason: 'no-node' });
    await s.clock.advanceAsync(60_000, 500);
    expect(s.told).toEqual(['session a:1']); // pings are answered
    for (const wire of s.open) wire.reply = false;
    const waiting = s.client.read('exists', '/x', false);
    await s.clock.advanceAsync(6_500, 500);
    expect(await waiting).toMatchObject({ ok: false, reason: 'lost' });
    expect(s.told).toEqual(['session a:1', 'trouble a:1: it fell silent', 'session a:1']);
    // It tells what it has seen, so that no server which knows less takes us back in time.
    expect(s.zxids).toEqual([0n, 42n]);
    s.client.stop();
    await settle();
    expect([s.open.size, s.clock.pending]).toEqual([0, 0]);
  });

  it('forgets what it has seen when all servers refuse it for that', async () => {
    const s = new FakeServers({ a: 'session' });
    s.client.start();
    await settle();
    await s.client.read('exists', '/x', true);
    s.manners.set('a', 'closes');
    for (const wire of s.open) wire.listener.onClose('killed');
    await s.clock.advanceAsync(400, 50);
    s.manners.set('a', 'session');
    await s.clock.advanceAsync(1_000, 50);
    expect(s.told.at(-1)).toBe('session a:1');
    expect([s.zxids[1], s.zxids.at(-1)]).toEqual([42n, 0n]);
    s.client.stop();
  });

  it('leaks nothing over many reconnects, whatever the servers do', async () => {
    const manner = fc.constantFrom<Manner>('session', 'silent', 'refuse', 'expire', 'closes');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(manner, manner, manner), { minLength: 1, maxLength: 15 }),
        async (turns) => {
          const s = new FakeServers({ a: 'session', b: 'session', c: 'session' });
          s.client.start();
          for (const turn of turns) {
            ['a', 'b', 'c'].forEach((host, i) => s.manners.set(host, turn[i] ?? 'session'));
            for (const wire of s.open) {
              s.open.delete(wire);
              wire.listener.onClose('broken');
            }
            await s.clock.advanceAsync(7_000, 250);
            // One session, or at most one try for each server; a few timers at most.
            expect(s.open.size).toBeLessThanOrEqual(3);
            expect(s.clock.pending).toBeLessThanOrEqual(5);
          }
          ['a', 'b', 'c'].forEach((host) => s.manners.set(host, 'session'));
          await s.clock.advanceAsync(12_000, 250);
          expect(s.told.at(-1)).toMatch(/^session /);
          s.client.stop();
          await settle();
          expect([s.open.size, s.clock.pending]).toEqual([0, 0]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
