import { deepEqual, equal, ok } from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { seededRandom } from '../../core/random.ts';
import type { Peer, Transport } from '../types.ts';
import { Probe, pattern } from './probe.ts';
import type { Told } from './probe.ts';
import type { CaseBench, Pair, ReactorCase } from './reactor-case.ts';

const openDescriptors = (): number =>
  process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;

const TOLD: readonly Told[] = ['connect', 'data', 'end', 'drain', 'close'];

/** Have the server hear of everything there is to hear, and the client of `connect`. */
async function provoke(t: CaseBench, { client, server, c, s }: Pair): Promise<void> {
  client.write(Buffer.from('x'));
  while (!server.closed && server.writeOwned(pattern(256 * 1024)));
  client.end();
  await s.until(() => server.closed || s.drains > 0);
  server.end();
  await c.until(() => c.closes === 1);
  await s.until(() => s.closes === 1);
  await t.wait(3);
}

/** How it behaves under load, in faults, and in time. */
export const hardReactorCases: readonly ReactorCase[] = [
  {
    name: 'a gibibyte goes through a relay whose memory does not grow, however slow the reader',
    async run(t) {
      const BYTES = 1024 ** 3;
      const piece = pattern(1024 * 1024);
      const memory = (): number => process.memoryUsage().arrayBuffers;
      const [source, sink] = [await t.pair(), await t.pair()];
      // source.client -> source.server -> sink.client -> sink.server
      sink.s.keep = false;
      source.s.keep = false;
      source.s.on = (told, bytes) => {
        if (told === 'data' && bytes && !sink.client.write(bytes)) source.server.pause();
      };
      sink.c.on = (told) => told === 'drain' && source.server.resume();
      const before = memory();
      let most = 0;
      let sent = 0;
      const pour = (): void => {
        while (sent < BYTES) {
          sent += piece.length;
          if (!source.client.writeOwned(piece)) return;
        }
        source.client.end();
      };
      source.c.on = (told) => told === 'drain' && pour();
      let naps = 0;
      sink.s.on = (told) => {
        most = Math.max(most, memory() - before);
        if (told !== 'data' || sink.s.size < naps * 256 * 1024 * 1024) return;
        naps++;
        sink.server.pause();
        t.clock.after(5, () => sink.server.resume());
      };
      pour();
      await sink.s.until(() => sink.s.size === BYTES);
      await source.s.until(() => source.s.ended);
      // Also what is not collected yet counts here.
      ok(most < 192 * 1024 * 1024, `${most} bytes held`);
    },
  },
  {
    name: 'five thousand connections leave no descriptor behind',
    async run(t) {
      const count = { open: 0, closed: 0 };
      let answers = 0;
      const listener = await t.reactor.listen({ host: '127.0.0.1', port: 0 }, (transport) => {
        count.open++;
        return {
          onData: (bytes) => void transport.write(bytes),
          onEnd: () => transport.end(),
          onDrain: () => {},
          onClose: () => {
            count.open--;
            count.closed++;
          },
        };
      });
      t.later(() => listener.close());
      const before = openDescriptors();
      for (let wave = 0; wave < 10; wave++) {
        const probes = Array.from({ length: 500 }, (_, i) => {
          const probe = new Probe();
          const transport = t.reactor.connect(listener.address, { timeoutMs: 20_000 }, probe);
          probe.on = (told) => {
            if (told === 'connect') transport.write(Buffer.from(`${i}`));
            if (told !== 'data') return;
            answers += probe.bytes.toString() === `${i}` ? 1 : 0;
            if (i % 3 === 0) transport.end();
            else transport.destroy(i % 3 === 1 ? new Error('reset') : undefined);
          };
          return probe;
        });
        for (const probe of probes) await probe.until(() => probe.closes === 1);
      }
      while (count.closed < 5_000) await t.wait(1);
      deepEqual([answers, count.open, openDescriptors() - before], [5_000, 0, 0]);
    },
  },
  ...TOLD.map((moment): ReactorCase => ({
    name: `a handler may destroy its connection in on${moment}, with and without an error`,
    async run(t) {
      for (const error of [undefined, new Error('no more')]) {
        const pair = await t.pair();
        let after = 0;
        let destroyed = false;
        pair.s.on = (told) => {
          if (destroyed && told !== 'close') after++;
          if (told !== moment) return;
          destroyed = true;
          pair.server.destroy(error);
        };
        await provoke(t, pair);
        deepEqual([pair.s.closes, pair.c.closes, after], [1, 1, 0]);
      }
    },
  })),
  {
    name: 'a connection may be destroyed as soon as it is there, at both ends',
    async run(t) {
      const listener = await t.listen((transport) => transport.destroy(new Error('not you')));
      for (const at of ['connect', 'close'] as const) {
        const probe = new Probe();
        const transport = t.connect(listener.address, probe);
        probe.on = (told) => told === at && transport.destroy();
        await probe.until(() => probe.closes === 1);
      }
      await t.wait(3);
    },
  },
  {
    name: 'a handler that throws costs its own connection only, wherever it does',
    async run(t) {
      const other = await t.pair();
      for (const moment of TOLD) {
        const pair = await t.pair();
        pair.s.on = (told) => {
          if (told === moment) throw new Error('a bug, on purpose');
        };
        await provoke(t, pair);
        deepEqual([moment, pair.s.closes, pair.c.closes], [moment, 1, 1]);
      }
      const listener = await t.reactor.listen({ host: '127.0.0.1', port: 0 }, () => {
        throw new Error('a bug, on purpose');
      });
      t.later(() => listener.close());
      const probe = new Probe();
      const client = t.connect(listener.address, probe);
      await probe.until(() => probe.ended || probe.closes === 1);
      client.destroy();
      other.client.write(Buffer.from('fine'));
      await other.s.until(() => other.s.size === 4);
    },
  },
  {
    name: 'connections that come and go at random never hear of each other',
    async run(t) {
      const random = seededRandom(20_261_122);
      const listener = await t.listen((transport, probe) => {
        probe.on = (told, bytes) => {
          if (told === 'data' && bytes && !transport.write(bytes)) transport.pause();
          if (told === 'drain') transport.resume();
          if (told === 'end') transport.end();
        };
      });
      let running = 0;
      let bad = 0;
      const live = new Set<Transport>();
      const begin = (): void => {
        running++;
        const all = pattern(1 + Math.floor(random.next() * 200_000), running);
        const probe = new Probe();
        const transport = t.reactor.connect(listener.address, { timeoutMs: 20_000 }, probe);
        live.add(transport);
        const fate = Math.floor(random.next() * 4);
        probe.on = (told) => {
          if (told === 'connect') transport.write(all);
          if (told === 'data' && !all.subarray(0, probe.size).equals(probe.bytes)) bad++;
          if (told === 'data' && fate === 0) transport.destroy(new Error('fate'));
          if (told === 'data' && probe.size === all.length) {
            if (fate === 1) transport.destroy();
            else transport.end();
          }
          if (told !== 'close') return;
          live.delete(transport);
          if (probe.closes !== 1 || (fate > 1 && probe.size !== all.length)) bad++;
          if (running < 400) begin();
        };
      };
      for (let i = 0; i < 40; i++) begin();
      while (live.size > 0) await t.wait(1);
      deepEqual([running, bad], [400, 0]);
    },
  },
  {
    name: 'timers fire in order, not early, and not when cancelled, also by one another',
    async run(t) {
      const seen: string[] = [];
      const began = t.clock.monotonic();
      const late: number[] = [];
      const set = (name: string, ms: number): { cancel(): void } =>
        t.clock.after(ms, () => {
          seen.push(name);
          if (t.clock.monotonic() - began < ms - 1) late.push(ms);
        });
      set('c', 30);
      set('a', 10);
      const never = set('never', 15);
      t.clock.after(12, () => never.cancel());
      set('b', 20);
      set('b2', 20);
      let times = 0;
      await new Promise<void>((resolve) => {
        const every = t.clock.every(5, () => {
          times++;
          if (times < 10) return;
          every.cancel();
          every.cancel();
          resolve();
        });
      });
      while (seen.length < 4) await t.wait(5);
      deepEqual(seen, ['a', 'b', 'b2', 'c']);
      deepEqual(late, []);
      await t.wait(10);
      equal(times, 10);
    },
  },
  {
    name: 'speaks IPv6, and IPv4 clients of a socket for both keep their address',
    async run(t) {
      const { listener, client, server, s } = await t.pair('::1');
      equal(listener.address.ip, '::1');
      deepEqual([server.remote, client.remote], [client.local, listener.address]);
      client.write(Buffer.from('six'));
      await s.until(() => s.size === 3);
      const peers: Peer[] = [];
      const both = await t.listen((transport) => peers.push(transport.remote, transport.local), '::');
      const probe = new Probe();
      t.connect({ ip: '127.0.0.1', port: both.address.port }, probe);
      await probe.until(() => probe.connected);
      while (peers.length === 0) await t.wait(1);
      deepEqual(
        peers.map(({ ip }) => ip),
        ['127.0.0.1', '127.0.0.1'],
      );
    },
  },
  {
    name: 'listeners that agree on it share a port',
    async run(t) {
      const accept = () => new Probe();
      const first = await t.reactor.listen({ host: '127.0.0.1', port: 0, reusePort: true }, accept);
      t.later(() => first.close());
      const { ip: host, port } = first.address;
      const second = await t.reactor.listen({ host, port, reusePort: true }, accept);
      t.later(() => second.close());
      equal(second.address.port, port);
    },
  },
  {
    name: 'carries datagrams',
    async run(t) {
      for (const host of ['127.0.0.1', '::1']) {
        const got: { text: string; from: Peer }[] = [];
        let arrived = (): void => {};
        const waiting = new Promise<void>((resolve) => (arrived = resolve));
        const a = await t.reactor.udp({ host, port: 0 }, (bytes, from) => {
          got.push({ text: Buffer.from(bytes).toString(), from });
          arrived();
        });
        const b = await t.reactor.udp({ host, port: 0 }, () => {});
        t.later(() => a.close());
        t.later(() => b.close());
        b.send(Buffer.from('ping'), a.address);
        await waiting;
        deepEqual(got, [{ text: 'ping', from: b.address }]);
      }
    },
  },
];
