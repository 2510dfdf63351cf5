import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { Probe, pattern } from '../../testing/probe.ts';
import type { SecureContext, Transport } from '../../types.ts';
import { WANT_READ, receive, transmit } from './byte-io.ts';
import type { ByteIo, Gate } from './byte-io.ts';
import { loadStreamCalls } from './calls.ts';
import type { TcpConnection } from './connection.ts';
import { Loop } from './loop.ts';
import { LinuxReactor } from './reactor.ts';
import type { SecureLayer } from './reactor.ts';

const { calls } = await loadStreamCalls();
const RECORD = 1_000;

/** Both ends send a byte to shake hands; then it is plain text, a record at a time at most. It counts what goes through it. */
class Toy implements ByteIo, Gate {
  received = 0;
  sent = 0;
  ends = 0;
  closes = 0;
  readonly #connection: TcpConnection;
  readonly #done: (self: Toy) => void;

  constructor(connection: TcpConnection, done: (self: Toy) => void) {
    this.#connection = connection;
    this.#done = done;
    connection.shut(this);
    const { streams, fd } = connection;
    transmit(streams.calls, fd, streams.pointerTo(Uint8Array.of(1)), 1);
    connection.askAgain();
  }
  onReady(): void {
    const { calls, readPointer } = this.#connection.streams;
    const count = receive(calls, this.#connection.fd, readPointer, 1);
    if (count === WANT_READ) return;
    if (count !== 1) return this.#connection.close(new Error('no handshake'));
    this.#connection.open(this);
    this.#done(this);
  }
  onClosed(): void {}
  read(pointer: number, room: number): number {
    const count = receive(
      this.#connection.streams.calls,
      this.#connection.fd,
      pointer,
      Math.min(room, RECORD),
    );
    this.received += Math.max(0, count);
    return count;
  }
  write(pointer: number, length: number): number {
    const { streams, fd } = this.#connection;
    const count = transmit(streams.calls, fd, pointer, Math.min(length, RECORD));
    this.sent += Math.max(0, count);
    return count;
  }
  end(): number {
    this.ends++;
    return 0;
  }
  error(): Error {
    return new Error('the toy broke');
  }
  close(): void {
    this.closes++;
  }
}

describe.runIf(calls)('the seam for TLS', () => {
  it('a layer shakes hands before the owners hear of the connection, and all bytes go through it', async () => {
    const toys: Toy[] = [];
    const layer: SecureLayer = {
      context: () => ({ kind: 'client', close: () => {} }),
      accepted: (connection, _options, accept) =>
        void toys.push(new Toy(connection, () => (connection.handler = accept(connection)))),
      connected: (connection) => void toys.push(new Toy(connection, () => connection.opened())),
      close: () => {},
    };
    const loop = new Loop(calls as NonNullable<typeof calls>, systemClock, silentLogger);
    const reactor = new LinuxReactor(loop, () => layer);
    const until = (f: () => boolean): void => {
      while (!f()) loop.turn(10);
    };
    const s = new Probe();
    let server: Transport | undefined;
    const secure = { choose: () => ({ kind: 'refuse' }) as const, handshakeMs: 1_000 };
    const listener = await reactor.listen({ host: '127.0.0.1', port: 0, secure }, (transport) => {
      server = transport;
      return s;
    });
    const context: SecureContext = reactor.secureContext({ kind: 'client' });
    const c = new Probe();
    const client = reactor.connect(listener.address, { timeoutMs: 1_000, secure: { context } }, c);
    const forth = pattern(3 * 1024 * 1024);
    const back = pattern(500_000, 9);
    client.write(forth); // waits for the handshake
    client.end();
    until(() => s.ended);
    expect(s.bytes.equals(forth)).toBe(true);
    server?.write(back);
    server?.end();
    until(() => c.closes === 1 && s.closes === 1);
    expect(c.bytes.equals(back)).toBe(true);
    expect([c.connected, c.error, s.error]).toEqual([true, undefined, undefined]);
    const sum = (f: (toy: Toy) => number): number => toys.reduce((n, toy) => n + f(toy), 0);
    const all = forth.length + back.length;
    expect([sum((t) => t.sent), sum((t) => t.received)]).toEqual([all, all]);
    expect([sum((t) => t.ends), sum((t) => t.closes)]).toEqual([2, 2]);
    // Who does not shake hands is not connected.
    const plain = await reactor.listen({ host: '127.0.0.1', port: 0 }, (transport) => {
      transport.end();
      return new Probe();
    });
    const failed = new Probe();
    reactor.connect(plain.address, { timeoutMs: 1_000, secure: { context } }, failed);
    until(() => failed.closes === 1);
    expect([failed.connected, failed.error?.message]).toEqual([false, 'no handshake']);
    expect(reactor.relay(client, client)).toBeUndefined();
    loop.end();
    reactor.close();
  });
});
