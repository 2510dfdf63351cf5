import { describe, expect, it } from 'vitest';
import type { Timer } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { Listener, ListenOptions, Reactor, Transport, TransportHandler } from '../../net/index.ts';
import { lbConfigSchema } from '../config.ts';
import { bucketMemory } from '../middleware/index.ts';
import type { BackendSpec, PlaneOrder, PlaneUpdate, PlaneWord } from './messages.ts';
import { Plane } from './plane.ts';
import { SharedCounts } from './shared-counts.ts';

/** On which what shall happen at once happens a millisecond later, so that a test sees the steps. */
class StepClock extends FakeClock {
  override after(ms: number, f: () => void): Timer {
    return super.after(Math.max(ms, 1), f);
  }
}

type Accept = (transport: Transport) => TransportHandler;

/** What a client's connection shows of what became of it. */
class Client implements Transport {
  handler: TransportHandler = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} };
  readonly remote = { ip: '10.0.0.1', port: 1 };
  readonly local = { ip: '127.0.0.1', port: 80 };
  closed = false;
  text = '';
  write(bytes: Uint8Array): boolean {
    return this.writeOwned(bytes);
  }
  writeOwned(bytes: Uint8Array): boolean {
    this.text += Buffer.from(bytes).toString('latin1');
    return true;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.handler.onClose(undefined);
  }
}

const update = (given: Partial<PlaneUpdate> & { readonly version: number }): PlaneUpdate => ({
  kind: 'update',
  ready: true,
  routes: { gone: [], come: [] },
  backends: { gone: [], set: [] },
  ...given,
});

describe('a plane', () => {
  function make(stopwatch?: () => number): {
    plane: Plane;
    clock: FakeClock;
    words: PlaneWord[];
    listening: Map<number, Accept>;
    ended: () => number;
  } {
    const clock = new StepClock();
    const words: PlaneWord[] = [];
    const listening = new Map<number, Accept>();
    let ended = 0;
    const listen = async ({ host, port }: ListenOptions, accept: Accept): Promise<Listener> => {
      if (port === 13) throw Object.assign(new Error('no'), { code: 'EACCES', syscall: 'listen' });
      listening.set(port, accept);
      return { address: { ip: host, port }, close: async () => void listening.delete(port) };
    };
    const config = lbConfigSchema.parse({});
    const plane = new Plane({
      plane: 0,
      setup: { config, planes: 1, counts: SharedCounts.memory(1), rates: bucketMemory(seededRandom(1), 16) },
      reactor: { listen } as unknown as Reactor,
      clock,
      random: seededRandom(1),
      log: silentLogger,
      stopwatch: stopwatch ?? (() => clock.monotonic()),
      aheadMs: 0,
      defer: (f) => queueMicrotask(f),
      send: (word) => words.push(word),
      onEnd: () => (ended += 1),
    });
    return { plane, clock, words, listening, ended: () => ended };
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const listener = (name: string, port: number) =>
    ({ name, port, host: '127.0.0.1', protocol: 'http' }) as const;
  const applied = (words: readonly PlaneWord[]): number[] =>
    words.flatMap((word) => (word.kind === 'applied' ? [word.version] : []));

  it('follows orders in their sequence, with a rest for traffic after each millisecond', () => {
    let spent = 0;
    // Each look at the stopwatch is 0.3 ms after the last: an update takes 0.9 ms with the looks of its own.
    const { plane, clock, words } = make(() => (spent += 0.3));
    for (let version = 1; version <= 6; version++) plane.onOrder(update({ version }));
    plane.onOrder({ kind: 'ask', id: 1, question: { ask: 'numbers' } });
    expect(applied(words)).toEqual([1, 2]);
    clock.advance(1);
    expect(applied(words)).toEqual([1, 2, 3, 4]);
    clock.advance(1);
    expect(applied(words)).toEqual([1, 2, 3, 4, 5, 6]);
    clock.advance(1);
    expect(words.at(-1)).toEqual({ kind: 'answer', id: 1, value: true });
  });

  it('ends when it cannot follow an order: it would know something else than the others', () => {
    const { plane, ended, words } = make();
    const broken = { key: 'a#0', policy: { balance: 'roundrobin' }, endpoints: undefined };
    const set = [broken as unknown as BackendSpec];
    plane.onOrder(update({ version: 1, backends: { gone: [], set } }));
    expect([ended(), applied(words)]).toEqual([1, []]);
  });

  it('opens and closes listeners as it is told, and tells how that went', async () => {
    const { plane, words, listening } = make();
    const set = (...listeners: ReturnType<typeof listener>[]): void =>
      plane.onOrder({ kind: 'listen', listeners });
    set(listener('http', 80), listener('port:13', 13));
    await turn();
    expect([...listening.keys()]).toEqual([80]);
    expect(words).toEqual([
      { kind: 'listening', name: 'http', ip: '127.0.0.1', port: 80 },
      { kind: 'listen-failed', name: 'port:13', code: 'EACCES', reason: 'no' },
    ]);
    set(listener('http', 80), listener('port:81', 81));
    await turn();
    expect([...listening.keys()]).toEqual([80, 81]);
    set(listener('port:81', 82));
    await turn();
    expect([...listening.keys()]).toEqual([82]);
    expect(words.flatMap((word) => (word.kind === 'listening' ? [word.port] : []))).toEqual([80, 81, 82]);
  });

  it('tells what it counted once a second, when there is anything', async () => {
    const { plane, clock, words, listening } = make();
    const order: PlaneOrder = { kind: 'listen', listeners: [listener('http', 80)] };
    plane.onOrder(order);
    await turn();
    const client = new Client();
    const handler = listening.get(80)?.(client);
    if (handler !== undefined) client.handler = handler;
    client.handler.onData(Buffer.from('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'));
    expect(client.text).toContain('not-ready');
    words.length = 0;
    clock.advance(1_000);
    const none = { connections: 0, streams: 0 };
    const http2 = { clients: none, instances: none };
    const one = {
      connections: 1,
      http2,
      ownAnswers: [['not-ready', 1]],
      services: [],
      tcp: [],
      handshakes: [],
    };
    expect(words).toEqual([{ kind: 'numbers', numbers: one }]);
    clock.advance(5_000);
    expect(words).toHaveLength(1);
    client.destroy();
    clock.advance(1_000);
    expect(words[1]).toEqual({
      kind: 'numbers',
      numbers: { connections: 0, http2, ownAnswers: [], services: [], tcp: [], handshakes: [] },
    });
  });

  it('drains: stops accepting, closes what is idle, cuts what runs too long, and ends', async () => {
    const { plane, clock, words, listening, ended } = make();
    plane.onOrder({ kind: 'listen', listeners: [listener('http', 80)] });
    await turn();
    const begin = (text: string): Client => {
      const client = new Client();
      const handler = listening.get(80)?.(client);
      if (handler !== undefined) client.handler = handler;
      client.handler.onData(Buffer.from(text));
      return client;
    };
    const idle = begin('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    const running = begin('GET / HTTP/1.1\r\nHost');
    plane.onOrder({ kind: 'drain', idleMs: 0, deadlineMs: 1_000 });
    expect(listening.size).toBe(0);
    clock.advance(980);
    expect([idle.closed, running.closed, ended()]).toEqual([true, false, 0]);
    clock.advance(40);
    expect([running.closed, ended()]).toEqual([true, 1]);
    expect(words.at(-1)).toEqual({ kind: 'drained', cut: 1 });
    expect(clock.pending).toBe(0);
  });

  it('drains whom it does not know yet, too: HTTP/2 that shows only then is served, and sent away', async () => {
    const { plane, clock, words, listening, ended } = make();
    plane.onOrder({ kind: 'listen', listeners: [listener('http', 80)] });
    await turn();
    const client = new Client();
    const handler = listening.get(80)?.(client);
    if (handler !== undefined) client.handler = handler;
    plane.onOrder({ kind: 'drain', idleMs: 500, deadlineMs: 1_000 });
    clock.advance(100);
    expect(ended()).toBe(0);
    const settings = '\0\0\0\x04\0\0\0\0\0';
    client.handler.onData(Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}`, 'latin1'));
    expect(ended()).toBe(0);
    expect(words.filter(({ kind }) => kind === 'drained')).toEqual([]);
    clock.advance(100);
    await turn();
    // GOAWAY
    expect(client.text).toContain('\x07\0\0\0\0\0');
    client.destroy();
    clock.advance(100);
    expect([ended(), words.at(-1)]).toEqual([1, { kind: 'drained', cut: 0 }]);
    expect(clock.pending).toBe(0);
  });
});
