import { afterEach, describe, expect, it } from 'vitest';
import type { Listener, Peer, Reactor, Transport, TransportHandler } from './types.ts';

/** Collects what a connection tells, and lets a test wait for it. */
class Probe implements TransportHandler {
  readonly chunks: Buffer[] = [];
  size = 0;
  connected = false;
  ended = false;
  closes = 0;
  drains = 0;
  error: Error | undefined;
  onBytes: ((bytes: Uint8Array) => void) | undefined;
  #waiters: (() => void)[] = [];

  onConnect(): void {
    this.connected = true;
    this.#changed();
  }
  onData(bytes: Uint8Array): void {
    this.size += bytes.length;
    this.chunks.push(Buffer.from(bytes));
    this.onBytes?.(bytes);
    this.#changed();
  }
  onEnd(): void {
    this.ended = true;
    this.#changed();
  }
  onDrain(): void {
    this.drains += 1;
    this.#changed();
  }
  onClose(error: Error | undefined): void {
    this.closes += 1;
    this.error = error;
    this.#changed();
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
  #changed(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters) w();
  }
}

const pattern = (n: number, seed = 1): Buffer => {
  const b = Buffer.allocUnsafe(n);
  for (let i = 0; i < n; i++) b[i] = (i * 31 + (i >> 8) * 7 + seed) & 255;
  return b;
};

/** What every network engine promises (see types.ts). */
export function runReactorContract(name: string, make: () => Reactor): void {
  describe(`${name} as a Reactor`, () => {
    const cleanup: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
      for (const f of cleanup.splice(0).reverse()) await f();
    });

    /** A pair of connected transports, each with its probe. */
    async function pair(): Promise<{
      reactor: Reactor;
      listener: Listener;
      client: Transport;
      server: Transport;
      c: Probe;
      s: Probe;
    }> {
      const reactor = make();
      const s = new Probe();
      let server: Transport | undefined;
      const listener = await reactor.listen({ host: '127.0.0.1', port: 0 }, (t) => {
        server = t;
        return s;
      });
      const c = new Probe();
      const client = reactor.connect(listener.address, { timeoutMs: 5_000 }, c);
      cleanup.push(async () => {
        client.destroy();
        server?.destroy();
        await listener.close();
      });
      await c.until(() => c.connected);
      client.write(Buffer.from('hello'));
      await s.until(() => s.size === 5);
      s.chunks.length = 0;
      s.size = 0;
      if (!server) throw new Error('nothing accepted');
      return { reactor, listener, client, server, c, s };
    }

    it('tells both ends who the other is', async () => {
      const { listener, client, server } = await pair();
      expect(client.remote).toEqual(listener.address);
      expect(server.local).toEqual(listener.address);
      expect(server.remote).toEqual(client.local);
    });

    it('carries bytes both ways, and each side ends on its own', async () => {
      const { client, server, c, s } = await pair();
      client.end();
      await s.until(() => s.ended);
      expect(s.closes).toBe(0);
      server.write(Buffer.from('after your end'));
      server.end();
      await c.until(() => c.ended);
      expect(c.bytes.toString()).toBe('after your end');
      await c.until(() => c.closes === 1);
      await s.until(() => s.closes === 1);
      expect([c.error, s.error, c.closes, s.closes]).toEqual([undefined, undefined, 1, 1]);
      expect(client.closed && server.closed).toBe(true);
    });

    it('gives the written buffer back: overwriting it afterwards changes nothing', async () => {
      const { client, server, c } = await pair();
      client.pause();
      const scratch = Buffer.alloc(256 * 1024);
      const sent: Buffer[] = [];
      for (let i = 0; i < 40; i++) {
        pattern(scratch.length, i).copy(scratch);
        sent.push(Buffer.from(scratch));
        server.write(scratch);
      }
      scratch.fill(0);
      client.resume();
      const all = Buffer.concat(sent);
      await c.until(() => c.size === all.length);
      expect(c.bytes.equals(all)).toBe(true);
    });

    it('says stop when the peer does not read, and drains when it does', async () => {
      const { client, server, c, s } = await pair();
      client.pause();
      let sent = 0;
      const piece = pattern(64 * 1024);
      for (let go = true; go;) {
        go = server.writeOwned(piece);
        sent += piece.length;
        expect(sent).toBeLessThan(64 * 1024 * 1024);
      }
      expect(s.drains).toBe(0);
      client.resume();
      await s.until(() => s.drains === 1);
      await c.until(() => c.size === sent);
    });

    it('relays slices of what it reads without mixing them up, whoever is slow', async () => {
      const { reactor, client, server, s } = await pair();
      // client -> server -> (echo by a second hop) sink that reads late
      const sink = new Probe();
      let sinkSide: Transport | undefined;
      const back = await reactor.listen({ host: '127.0.0.1', port: 0 }, (t) => {
        sinkSide = t;
        t.pause();
        return sink;
      });
      cleanup.push(() => back.close());
      const outProbe = new Probe();
      const out = reactor.connect(back.address, { timeoutMs: 5_000 }, outProbe);
      cleanup.push(() => out.destroy());
      await outProbe.until(() => outProbe.connected);
      let stops = 0;
      s.onBytes = (bytes) => {
        const middle = bytes.length >> 1;
        out.write(bytes.subarray(0, middle));
        if (!out.write(bytes.subarray(middle))) {
          stops += 1;
          if (stops > 4) sinkSide?.resume();
          server.pause();
          void outProbe.until(() => outProbe.drains > 0).then(() => ((outProbe.drains = 0), server.resume()));
        }
        if (stops === 1) sinkSide?.resume();
      };
      const all = pattern(24 * 1024 * 1024);
      client.writeOwned(all);
      await sink.until(() => sink.size === all.length);
      expect(sink.bytes.equals(all)).toBe(true);
      expect(stops).toBeGreaterThan(0);
    });

    it('stops delivering after pause until resume', async () => {
      const { client, server, s } = await pair();
      server.pause();
      client.write(Buffer.from('x'));
      const echo = new Probe();
      client.handler = echo;
      server.write(Buffer.from('y'));
      await echo.until(() => echo.size === 1);
      expect(s.size).toBe(0);
      server.resume();
      await s.until(() => s.size === 1);
    });

    it('destroy with an error resets the peer; the owner is told once, last', async () => {
      const { client, c, s } = await pair();
      const reason = new Error('enough');
      client.destroy(reason);
      await c.until(() => c.closes === 1);
      expect(c.error).toBe(reason);
      await s.until(() => s.closes === 1);
      expect(s.error).toMatchObject({ code: 'ECONNRESET' });
      expect(client.write(Buffer.from('late'))).toBe(true);
    });

    it('a refused connection is an onClose with an error, never onConnect', async () => {
      const { reactor, listener } = await pair();
      await listener.close();
      const probe = new Probe();
      const again = await reactor.listen({ host: '127.0.0.1', port: 0 }, () => probe);
      const free: Peer = again.address;
      await again.close();
      reactor.connect(free, { timeoutMs: 5_000 }, probe);
      await probe.until(() => probe.closes === 1);
      expect(probe.connected).toBe(false);
      expect(probe.error).toMatchObject({ code: 'ECONNREFUSED' });
    });

    it('closing a listener refuses new connections and leaves those that exist', async () => {
      const { reactor, listener, client, s } = await pair();
      await listener.close();
      const probe = new Probe();
      reactor.connect(listener.address, { timeoutMs: 5_000 }, probe);
      await probe.until(() => probe.closes === 1);
      expect(probe.error).toMatchObject({ code: 'ECONNREFUSED' });
      client.write(Buffer.from('still here'));
      await s.until(() => s.size === 10);
    });

    it('rejects an address that is taken, naming it', async () => {
      const { reactor, listener } = await pair();
      await expect(
        reactor.listen({ host: '127.0.0.1', port: listener.address.port }, () => new Probe()),
      ).rejects.toMatchObject({ code: 'NET_LISTEN_FAILED' });
    });

    it('a handler that throws costs its own connection only', async () => {
      const { reactor, listener, client, s, c } = await pair();
      s.onBytes = () => {
        throw new Error('bug');
      };
      const other = new Probe();
      const second = reactor.connect(listener.address, { timeoutMs: 5_000 }, other);
      cleanup.push(() => second.destroy());
      await other.until(() => other.connected);
      client.write(Buffer.from('boom'));
      await c.until(() => c.closes === 1);
      expect(other.closes).toBe(0);
    });

    it('carries datagrams', async () => {
      const { reactor } = await pair();
      const got: { text: string; from: Peer }[] = [];
      let arrived = (): void => {};
      const waiting = new Promise<void>((resolve) => (arrived = resolve));
      const a = await reactor.udp({ host: '127.0.0.1', port: 0 }, (bytes, from) => {
        got.push({ text: Buffer.from(bytes).toString(), from });
        arrived();
      });
      const b = await reactor.udp({ host: '127.0.0.1', port: 0 }, () => {});
      cleanup.push(
        () => a.close(),
        () => b.close(),
      );
      b.send(Buffer.from('ping'), a.address);
      await waiting;
      expect(got).toEqual([{ text: 'ping', from: b.address }]);
    });
  });
}
