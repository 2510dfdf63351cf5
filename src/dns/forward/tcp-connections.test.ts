import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { Peer, Reactor, Transport, TransportHandler } from '../../net/index.ts';
import { MessageFramer, framed, u16 } from '../wire/index.ts';
import { askedOf, requestBytes } from './question.ts';
import { TcpConnections } from './tcp-connections.ts';
import { addressReply } from './testing/resolver.ts';

const TO: Peer = { ip: '10.0.0.1', port: 53 };

function request(name = 'www.example.'): Uint8Array {
  const plain = { name, type: 1, dnssecOk: false, checkingDisabled: false, recursionDesired: true };
  return requestBytes(askedOf(plain), systemRandom, { randomCase: true, edns: true });
}

/** The resolver's end of a connection. */
class FarEnd {
  readonly seen: Uint8Array[] = [];
  readonly handler: TransportHandler;
  readonly timeoutMs: number;
  closed = false;
  readonly #framer = new MessageFramer();

  constructor(handler: TransportHandler, timeoutMs: number) {
    this.handler = handler;
    this.timeoutMs = timeoutMs;
  }

  take(bytes: Uint8Array): boolean {
    if (!this.closed) this.seen.push(...this.#framer.push(bytes));
    return true;
  }

  send(message: Uint8Array): void {
    if (!this.closed) this.handler.onData(framed(message));
  }

  /** The true reply to what was asked last. */
  reply(): void {
    this.send(addressReply(this.seen.at(-1) as Uint8Array));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.handler.onClose(undefined);
  }
}

function bench() {
  const clock = new FakeClock();
  const ends: FarEnd[] = [];
  const connect: Reactor['connect'] = (to, { timeoutMs }, handler) => {
    const end = new FarEnd(handler, timeoutMs);
    ends.push(end);
    const write = (bytes: Uint8Array): boolean => end.take(bytes);
    // Whoever destroys hears of it later, as of a real socket.
    const destroy = (): void => {
      const told = end.closed;
      end.closed = true;
      if (!told) queueMicrotask(() => handler.onClose(undefined));
    };
    return {
      handler,
      remote: to,
      local: to,
      get closed() {
        return end.closed;
      },
      write,
      writeOwned: write,
      pause: () => {},
      resume: () => {},
      end: destroy,
      destroy,
    } satisfies Transport;
  };
  const rejected = { count: 0 };
  const underWay = new Set<() => void>();
  const onRejected = (): void => void rejected.count++;
  const reactor = { connect } as Reactor;
  const parts = { reactor, clock, random: systemRandom, timeoutMs: 1_000, underWay, onRejected };
  const open = (): number => ends.filter((end) => !end.closed).length;
  return { clock, ends, rejected, underWay, open, connections: new TcpConnections(parts, TO) };
}

type Bench = ReturnType<typeof bench>;

/** Ask, and have the connection that takes it come about. */
function ask(b: Bench, question = request()): { readonly outcome: Promise<string>; readonly end: FarEnd } {
  const before = b.ends.length;
  const outcome = b.connections.ask(question).then(({ kind }) => kind);
  const end = b.ends.find((e) => e.seen.at(-1) === undefined) ?? b.ends.at(-1);
  if (b.ends.length > before) end?.handler.onConnect?.();
  const asked = b.ends.find((e) => !e.closed && e.seen.some((seen) => u16(seen, 0) === u16(question, 0)));
  return { outcome, end: asked as FarEnd };
}

/** Ask, and be answered. */
async function exchange(b: Bench): Promise<void> {
  const { outcome, end } = ask(b);
  end.reply();
  expect(await outcome).toBe('reply');
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a connection to a resolver', () => {
  it('takes one question after the other, each as it is', async () => {
    const b = bench();
    const questions = [request('a.example.'), request('b.example.'), request('a.example.')];
    for (const question of questions) {
      const { outcome, end } = ask(b, question);
      end.reply();
      expect(await outcome).toBe('reply');
    }
    expect(b.ends.map((end) => end.seen)).toEqual([questions]);
  });

  it('has one question at a time; of those that were needed at once eight are kept, for five seconds', async () => {
    const b = bench();
    const asked = Array.from({ length: 10 }, () => ask(b));
    expect(b.open()).toBe(10);
    for (const { end } of asked) end.reply();
    expect(await Promise.all(asked.map(({ outcome }) => outcome))).toEqual(asked.map(() => 'reply'));
    expect(b.open()).toBe(8);
    b.clock.advance(4_000);
    await exchange(b);
    b.clock.advance(1_000);
    expect(b.open()).toBe(1);
    b.clock.advance(4_000);
    expect([b.open(), b.clock.pending, b.ends.length]).toEqual([0, 0, 10]);
  });

  it.each<[string, (end: FarEnd) => void]>([
    ['closes', (end) => end.close()],
    ['ends its side', (end) => end.handler.onEnd()],
    ['says something unasked', (end) => end.reply()],
    ['begins to say something unasked', (end) => end.handler.onData(Uint8Array.of(0))],
  ])('is not used again when the other side %s', async (_what, act) => {
    const b = bench();
    await exchange(b);
    act(b.ends[0] as FarEnd);
    expect([b.open(), b.clock.pending]).toEqual([0, 0]);
    await exchange(b);
    expect(b.ends.map((end) => end.seen.length)).toEqual([1, 1]);
  });

  it('that was kept and ends under a question has it asked again, once, on a new one', async () => {
    const b = bench();
    await exchange(b);
    const question = request();
    const { outcome, end } = ask(b, question);
    b.clock.advance(400);
    end.close();
    await soon();
    // Both tries together have the time of one.
    expect(b.ends.map(({ timeoutMs }) => timeoutMs)).toEqual([1_000, 600]);
    b.ends[1]?.handler.onConnect?.();
    expect(b.ends[1]?.seen).toEqual([question]);
    b.ends[1]?.close();
    expect([await outcome, b.ends.length, b.clock.pending]).toEqual(['none', 2, 0]);
  });

  it('that is new and ends under a question, or does not come about, has not', async () => {
    const b = bench();
    const { outcome, end } = ask(b);
    end.close();
    expect([await outcome, b.ends.length, b.underWay.size]).toEqual(['none', 1, 0]);
    const refused = b.connections.ask(request());
    b.ends[1]?.close();
    expect([(await refused).kind, b.ends.length, b.clock.pending]).toEqual(['none', 2, 0]);
  });

  it('is given up with a question that was not answered in time: a late reply finds nobody', async () => {
    const b = bench();
    await exchange(b);
    const { outcome, end } = ask(b);
    b.clock.advance(1_000);
    expect([await outcome, end.closed, b.ends.length, b.clock.pending]).toEqual(['none', true, 1, 0]);
    await exchange(b);
    expect(b.ends).toHaveLength(2);
  });

  it('waits on when something else arrives than the reply', async () => {
    const b = bench();
    await exchange(b);
    const { outcome, end } = ask(b);
    end.send(addressReply(end.seen[0] as Uint8Array));
    end.send(addressReply(request('evil.example.')));
    expect(b.rejected.count).toBe(2);
    end.reply();
    expect([await outcome, b.ends.length]).toEqual(['reply', 1]);
  });

  it('is gone with the last ones: those that are idle, those with a question, those that come back', async () => {
    const b = bench();
    const [idle, busy] = [ask(b), ask(b)];
    idle.end.reply();
    b.connections.close();
    for (const giveUp of b.underWay) giveUp();
    expect(await Promise.all([idle.outcome, busy.outcome])).toEqual(['reply', 'none']);
    expect([b.open(), b.clock.pending, b.underWay.size]).toEqual([0, 0, 0]);
    expect([(await b.connections.ask(request())).kind, b.ends.length]).toEqual(['none', 2]);
  });
});
