import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import type { Peer, Transport } from '../types.ts';
import { Probe, pattern } from './probe.ts';
import type { ReactorCase } from './reactor-case.ts';

/** How connections begin, carry bytes and end. */
export const reactorCases: readonly ReactorCase[] = [
  {
    name: 'tells both ends who the other is',
    async run(t) {
      const { listener, client, server } = await t.pair();
      deepEqual(client.remote, listener.address);
      deepEqual(server.local, listener.address);
      deepEqual(server.remote, client.local);
    },
  },
  {
    name: 'carries bytes both ways, and each side ends on its own',
    async run(t) {
      const { client, server, c, s } = await t.pair();
      client.end();
      await s.until(() => s.ended);
      equal(s.closes, 0);
      server.write(Buffer.from('after your end'));
      server.end();
      await c.until(() => c.ended);
      equal(c.bytes.toString(), 'after your end');
      await c.until(() => c.closes === 1);
      await s.until(() => s.closes === 1);
      deepEqual([c.error, s.error, c.closes, s.closes], [undefined, undefined, 1, 1]);
      ok(client.closed && server.closed);
    },
  },
  {
    name: 'the accepting side may end first, and still takes what comes',
    async run(t) {
      const { client, server, c, s } = await t.pair();
      const all = pattern(1024 * 1024);
      s.on = (told) => {
        if (told === 'data') s.on = undefined;
      };
      server.end();
      await c.until(() => c.ended);
      client.writeOwned(all);
      client.end();
      await s.until(() => s.closes === 1);
      await c.until(() => c.closes === 1);
      ok(s.bytes.equals(all));
      deepEqual([s.ended, c.error, s.error], [true, undefined, undefined]);
    },
  },
  {
    name: 'is told at all addresses which one the client came to',
    async run(t) {
      const { listener, client, server } = await t.pair('0.0.0.0');
      deepEqual(
        [server.local.ip, server.local.port, listener.address.port],
        ['127.0.0.1', client.remote.port, client.remote.port],
      );
    },
  },
  {
    name: 'an end that is the last of both comes after all bytes, and is a clean one',
    async run(t) {
      for (const bytes of [1, 1_500, 8 * 1024 * 1024]) {
        const { client, server, c, s } = await t.pair();
        const all = pattern(bytes);
        c.on = (told) => {
          if (told === 'end') client.end();
        };
        server.writeOwned(all);
        server.end(true);
        server.end(true);
        await c.until(() => c.closes === 1);
        await s.until(() => s.closes === 1);
        ok(c.bytes.equals(all));
        deepEqual([c.error, s.error, c.ended], [undefined, undefined, true]);
      }
    },
  },
  {
    name: 'both sides may end at once, with bytes on their way',
    async run(t) {
      const { client, server, c, s } = await t.pair();
      const all = pattern(4 * 1024 * 1024);
      for (const side of [client, server]) {
        side.writeOwned(all);
        side.end();
        side.end();
      }
      await c.until(() => c.closes === 1);
      await s.until(() => s.closes === 1);
      ok(c.bytes.equals(all) && s.bytes.equals(all));
      deepEqual([c.error, s.error], [undefined, undefined]);
    },
  },
  {
    name: 'sends the part that was chosen of what it is given, small or large, also while more waits to leave',
    async run(t) {
      const { client, server, s } = await t.pair();
      const all = pattern(3 * 1024 * 1024);
      const parts: readonly (readonly [number, number])[] = [
        [0, 1],
        [7, 7],
        [100, 1_400],
        [1_000, 20_000],
        [5, 2_500_000],
        [2_999, 3_001],
        [0, all.length],
      ];
      server.pause();
      for (const [start, end] of parts) client.write(all, start, end);
      client.end();
      server.resume();
      await s.until(() => s.ended);
      ok(s.bytes.equals(Buffer.concat(parts.map(([start, end]) => all.subarray(start, end)))));
    },
  },
  {
    name: 'what is written before the connection is there waits for it, and so does the end',
    async run(t) {
      const arrived: Probe[] = [];
      const listener = await t.listen((_transport, probe) => arrived.push(probe));
      const c = new Probe();
      const client = t.connect(listener.address, c);
      equal(client.write(Buffer.from('early ')), false);
      client.writeOwned(Buffer.from('birds'));
      client.end();
      await c.until(() => c.drains === 1);
      ok(c.connected);
      const [s] = arrived;
      ok(s);
      await s.until(() => s.ended);
      equal(s.bytes.toString(), 'early birds');
    },
  },
  {
    name: 'gives the written buffer back: overwriting it afterwards changes nothing',
    async run(t) {
      const { client, server, c } = await t.pair();
      client.pause();
      const scratch = Buffer.alloc(256 * 1024);
      const sent: Buffer[] = [];
      for (let i = 0; i < 40; i++) {
        pattern(scratch.length, i).copy(scratch);
        sent.push(Buffer.from(scratch));
        server.write(scratch);
        server.write(scratch.subarray(0, i)); // small ones wait together
        sent.push(Buffer.from(scratch.subarray(0, i)));
      }
      scratch.fill(0);
      client.resume();
      const all = Buffer.concat(sent);
      await c.until(() => c.size === all.length);
      ok(c.bytes.equals(all));
    },
  },
  {
    name: 'says stop when the peer does not read, and drains when it does',
    async run(t) {
      const { client, server, c, s } = await t.pair();
      client.pause();
      let sent = 0;
      const piece = pattern(64 * 1024);
      for (let go = true; go;) {
        go = server.writeOwned(piece);
        sent += piece.length;
        ok(sent < 64 * 1024 * 1024);
      }
      equal(s.drains, 0);
      client.resume();
      await s.until(() => s.drains === 1);
      await c.until(() => c.size === sent);
    },
  },
  {
    name: 'relays slices of what it reads without mixing them up, whoever is slow',
    async run(t) {
      const { client, server, s } = await t.pair();
      // client -> server -> (passed on by a second hop) sink that reads late
      let sinkSide: Transport | undefined;
      let sink: Probe | undefined;
      const back = await t.listen((transport, probe) => {
        sinkSide = transport;
        sink = probe;
        transport.pause();
      });
      const outProbe = new Probe();
      const out = t.connect(back.address, outProbe);
      await outProbe.until(() => outProbe.connected);
      let stops = 0;
      s.on = (told, bytes) => {
        if (told !== 'data' || !bytes) return;
        const middle = bytes.length >> 1;
        out.write(bytes.subarray(0, middle));
        if (!out.write(bytes, middle)) {
          stops += 1;
          if (stops > 4) sinkSide?.resume();
          server.pause();
          void outProbe.until(() => outProbe.drains > 0).then(() => ((outProbe.drains = 0), server.resume()));
        }
        if (stops === 1) sinkSide?.resume();
      };
      const all = pattern(24 * 1024 * 1024);
      client.writeOwned(all);
      await outProbe.until(() => sink !== undefined);
      await sink?.until(() => sink?.size === all.length);
      ok(sink?.bytes.equals(all));
      ok(stops > 0);
    },
  },
  {
    name: 'delivers neither bytes nor the end after pause until resume',
    async run(t) {
      const { client, server, c, s } = await t.pair();
      server.pause();
      client.write(Buffer.from('x'));
      client.end();
      server.write(Buffer.from('y'));
      await c.until(() => c.size === 1);
      await t.wait(20);
      deepEqual([s.size, s.ended], [0, false]);
      server.resume();
      await s.until(() => s.size === 1 && s.ended);
    },
  },
  {
    name: 'a handler may pause and resume in the middle of a flood, and be replaced',
    async run(t) {
      const { client, server, s } = await t.pair();
      const all = pattern(8 * 1024 * 1024);
      const later = new Probe();
      let pauses = 0;
      const stumble = (): void => {
        server.pause();
        pauses++;
        if (pauses === 5) server.handler = later;
        t.clock.after(1, () => server.resume());
      };
      s.on = (told) => told === 'data' && stumble();
      client.writeOwned(all);
      await later.until(() => s.size + later.size === all.length);
      ok(Buffer.concat([s.bytes, later.bytes]).equals(all));
      ok(pauses >= 5);
    },
  },
  {
    name: 'destroy with an error resets the peer; the owner is told once, last',
    async run(t) {
      const { client, c, s } = await t.pair();
      const reason = new Error('enough');
      client.destroy(reason);
      ok(client.closed);
      equal(c.closes, 0); // not from within the call
      await c.until(() => c.closes === 1);
      equal(c.error, reason);
      await s.until(() => s.closes === 1);
      deepEqual([s.code, s.ended], ['ECONNRESET', false]);
      ok(client.write(Buffer.from('late')));
    },
  },
  {
    name: 'destroy without one is a clean end for the peer, after all that was sent',
    async run(t) {
      const { client, server, c, s } = await t.pair();
      client.write(Buffer.from('bye'));
      client.destroy();
      await c.until(() => c.closes === 1);
      equal(c.error, undefined);
      await s.until(() => s.ended);
      equal(s.bytes.toString(), 'bye');
      server.end();
      await s.until(() => s.closes === 1);
      equal(s.error, undefined);
    },
  },
  {
    name: 'writing after the end, or to a peer that is gone, does no harm',
    async run(t) {
      const { client, server, c, s } = await t.pair();
      client.end();
      ok(client.write(Buffer.from('late')));
      ok(client.writeOwned(Buffer.from('later')));
      await s.until(() => s.ended);
      equal(s.size, 0);
      client.destroy();
      await c.until(() => c.closes === 1);
      // The peer finds out by writing; what it writes is lost, and once is the end of it.
      const write = (): void => {
        if (server.closed) return;
        server.write(pattern(64 * 1024));
        t.clock.after(1, write);
      };
      write();
      await s.until(() => s.closes === 1);
      ok(s.error);
      ok(server.write(Buffer.from('x')));
      server.end();
      server.resume();
      server.destroy(new Error('again'));
      await t.wait(5);
      equal(s.closes, 1);
    },
  },
  {
    name: 'an early answer is read also when the rest of the upload meets a reset',
    async run(t) {
      const { client, server, c, s } = await t.pair();
      s.on = (told) => {
        if (told !== 'data') return;
        server.write(Buffer.from('413'));
        server.end();
        server.destroy(); // with bytes unread: a reset follows the end
      };
      const piece = pattern(256 * 1024);
      const upload = (): void => {
        if (c.size === 0 && !client.closed) {
          client.write(piece);
          t.clock.after(1, upload);
        }
      };
      upload();
      await c.until(() => c.size === 3 || c.closes === 1);
      equal(c.bytes.toString(), '413');
    },
  },
  {
    name: 'a refused connection is an onClose with an error, never onConnect',
    async run(t) {
      const again = await t.listen(() => {});
      const free: Peer = again.address;
      await again.close();
      const probe = new Probe();
      const transport = t.connect(free, probe);
      equal(probe.closes, 0);
      await probe.until(() => probe.closes === 1);
      deepEqual([probe.connected, probe.code, transport.closed], [false, 'ECONNREFUSED', true]);
      ok(probe.error?.message.includes(`${free.ip}:${free.port}`));
    },
  },
  {
    name: 'what cannot be reached is an onClose with an error, in time',
    async run(t) {
      for (const ip of ['255.255.255.255', '192.0.2.1', 'fe80::1']) {
        const probe = new Probe();
        t.connect({ ip, port: 9 }, probe, 50);
        await probe.until(() => probe.closes === 1);
        deepEqual([probe.connected, typeof probe.code], [false, 'string']);
      }
    },
  },
  {
    name: 'a connection that is given up while it connects is closed once',
    async run(t) {
      const listener = await t.listen(() => {});
      const probe = new Probe();
      const reason = new Error('no longer wanted');
      const transport = t.connect(listener.address, probe);
      transport.destroy(reason);
      await probe.until(() => probe.closes === 1);
      await t.wait(5);
      deepEqual([probe.connected, probe.error, probe.closes], [false, reason, 1]);
    },
  },
  {
    name: 'closing a listener refuses new connections and leaves those that exist',
    async run(t) {
      const { listener, client, s } = await t.pair();
      await listener.close();
      await listener.close();
      const probe = new Probe();
      t.connect(listener.address, probe);
      await probe.until(() => probe.closes === 1);
      equal(probe.code, 'ECONNREFUSED');
      client.write(Buffer.from('still here'));
      await s.until(() => s.size === 10);
    },
  },
  {
    name: 'rejects an address that is taken, naming it',
    async run(t) {
      const { listener } = await t.pair();
      const { port } = listener.address;
      await rejects(
        t.reactor.listen({ host: '127.0.0.1', port }, () => new Probe()),
        {
          code: 'NET_LISTEN_FAILED',
          message: new RegExp(`tcp 127.0.0.1:${port}`),
        },
      );
      await rejects(
        t.reactor.listen({ host: 'no such host', port: 0 }, () => new Probe()),
        {
          code: 'NET_LISTEN_FAILED',
        },
      );
    },
  },
];
