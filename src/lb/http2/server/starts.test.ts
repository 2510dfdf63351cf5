import { describe, expect, it } from 'vitest';
import { MemoryServer, ok } from '../testing/memory-server.ts';
import { block, frame, GET, POST, uint32 } from '../testing/peer.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { Starts } from './starts.ts';

const get = (stream: number): Buffer => frame(1, 5, stream, block({ ...GET, ':path': `/${stream}` }));
const reset = (stream: number): Buffer => frame(3, 0, stream, uint32(8));
const many = (n: number, f: (stream: number) => Buffer): Buffer[] =>
  Array.from({ length: n }, (_, i) => f(1 + 2 * i));

/** Somebody with requests; beginning with one takes as long as the stopwatch is told. */
class Client {
  readonly begun: string[];
  waits = false;
  left: number;
  readonly #name: string;
  readonly #starts: Starts;
  readonly #begin: () => void;

  constructor(name: string, n: number, starts: Starts, begun: string[], tick: () => void) {
    this.#name = name;
    this.left = n;
    this.#starts = starts;
    this.begun = begun;
    this.#begin = () => {
      tick();
      begun.push(this.#name);
      this.left -= 1;
    };
    while (this.left > 0 && !starts.resting) starts.run(this.#begin);
    if (this.left > 0) starts.wait(this);
  }

  startNext(): boolean {
    if (this.left > 0) this.#starts.run(this.#begin);
    return this.left > 0;
  }
}

describe('the beginnings of requests', () => {
  const setUp = (costMs: number) => {
    const clock = new FakeClock();
    let time = 0;
    const begun: string[] = [];
    const starts = new Starts(clock, () => time);
    const client = (name: string, n: number): Client =>
      new Client(name, n, starts, begun, () => (time += costMs));
    return { clock, begun, client, starts };
  };

  it('rest after four milliseconds of them; then connections take turns', () => {
    const { clock, begun, client } = setUp(1);
    client('a', 10);
    client('b', 2);
    client('c', 1);
    expect(begun.join('')).toBe('aaaa');
    clock.advance(1);
    expect(begun.join('')).toBe('aaaaabca');
    clock.advance(1);
    expect(begun.join('')).toBe('aaaaabcabaaa');
    clock.advance(1);
    expect(begun.length).toBe(13);
    clock.advance(10);
    expect(clock.pending).toBe(0);
  });

  it('that cost next to nothing do not wait, and one that takes long is alone in its turn', () => {
    const quick = setUp(0.01);
    quick.client('a', 100);
    expect(quick.begun.length).toBe(100);
    const slow = setUp(50);
    slow.client('a', 2);
    slow.client('b', 1);
    expect(slow.begun.join('')).toBe('a');
    slow.clock.advance(1);
    expect(slow.begun.join('')).toBe('aa');
    slow.clock.advance(1);
    expect(slow.begun.join('')).toBe('aab');
  });

  it('do not wait for somebody who has gone', () => {
    const { clock, begun, client } = setUp(4);
    client('a', 1);
    const b = client('b', 3);
    client('c', 1);
    b.left = 0;
    clock.advance(1);
    expect(begun.join('')).toBe('ac');
  });
});

describe('a request', () => {
  it('that is reset in the same read was never there', () => {
    const server = new MemoryServer({ answer: ok });
    server.send(...many(100, (stream) => Buffer.concat([get(stream), reset(stream)])), get(999));
    expect(server.requests.map((r) => r.target)).toEqual(['/999']);
    expect(server.responders.length).toBe(1);
  });

  it('that is reset while it waits for its turn is not begun with; the others are', () => {
    let time = 0;
    const server = new MemoryServer({
      stopwatch: () => time,
      answer: (request) => {
        time += 1;
        ok(request);
      },
    });
    server.send(...many(10, get));
    expect(server.requests.length).toBe(4);
    expect(server.log.lines().filter((line) => line.endsWith(' END')).length).toBe(4);
    expect(server.connection.openStreams).toBe(6);
    // Streams 9 and 11; and a body for nobody.
    server.send(reset(9), reset(11), frame(1, 4, 21, block(POST)), frame(0, 0, 21, 'x'), reset(21));
    server.advance(1);
    server.advance(1);
    expect(server.requests.map((r) => r.target)).toEqual([
      '/1',
      '/3',
      '/5',
      '/7',
      '/13',
      '/15',
      '/17',
      '/19',
    ]);
    expect(server.log.lines().filter((line) => line.endsWith(' END')).length).toBe(4);
    expect(server.connection.openStreams).toBe(0);
  });

  it('whose turn comes late has its body with it', () => {
    let time = 0;
    const server = new MemoryServer({
      stopwatch: () => time,
      answer: (request) => {
        time += 4;
        ok(request);
      },
    });
    server.send(get(1), frame(1, 4, 3, block(POST)), frame(0, 0, 3, 'he'));
    server.send(frame(0, 1, 3, 'llo'));
    expect(server.requests.length).toBe(1);
    server.advance(1);
    expect(server.requests[1]).toMatchObject({ method: 'POST', body: 'hello' });
    expect(server.requests[1]?.head).toContain('content-length: 5\r\n');
  });

  it('that waits when the connection ends leaves nothing behind', () => {
    let time = 0;
    const server = new MemoryServer({ stopwatch: () => time, answer: () => (time += 4) });
    server.send(...many(3, get));
    server.transport.handler.onClose(undefined);
    server.settle();
    server.advance(5);
    expect(server.requests.length).toBe(1);
    expect(server.responders.map((r) => r.closes)).toEqual([1]);
    expect(server.clock.pending).toBe(0);
  });
});
