import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Relay } from '../types.ts';
import { pattern } from './probe.ts';
import type { CaseBench, Pair, ReactorCase } from './reactor-case.ts';

/** left.client -> left.server =relay= right.client -> right.server. Undefined where the engine has no relay. */
async function chain(t: CaseBench): Promise<{ left: Pair; right: Pair; relay: Relay } | undefined> {
  const [left, right] = [await t.pair(), await t.pair()];
  const relay = t.reactor.relay?.(left.server, right.client);
  if (relay) return { left, right, relay };
  ok(!('relay' in t.reactor));
  return undefined;
}

/** What `Reactor.relay` promises; an engine without it promises nothing. */
export const relayCases: readonly ReactorCase[] = [
  {
    name: 'relay: messages go both ways, are counted, and ends are passed on each on its own',
    async run(t) {
      const all = await chain(t);
      if (!all) return;
      const { left, right, relay } = all;
      const began = relay.lastActive;
      await t.wait(3);
      for (const n of [1, 1_000, 40_000, 200_000, 5]) {
        const [a, b] = [left.c.size, right.s.size];
        left.client.write(pattern(n));
        await right.s.until(() => right.s.size === b + n);
        right.server.write(pattern(n, 7));
        await left.c.until(() => left.c.size === a + n);
      }
      ok(right.s.bytes.subarray(1_001, 41_001).equals(pattern(40_000)));
      deepEqual([relay.forth, relay.back], [241_006, 241_006]);
      ok(relay.lastActive > began);
      left.client.end();
      await right.s.until(() => right.s.ended);
      deepEqual([left.s.ended, left.s.closes, left.s.size], [true, 0, 0]);
      right.server.write(Buffer.from('after your end'));
      right.server.end();
      await left.c.until(() => left.c.closes === 1);
      await right.s.until(() => right.s.closes === 1);
      equal(left.c.bytes.subarray(-14).toString(), 'after your end');
      for (const probe of [left.s, right.c]) {
        await probe.until(() => probe.closes === 1);
        deepEqual([probe.ended, probe.error], [true, undefined]);
      }
    },
  },
  {
    name: 'relay: floods both ways at once arrive whole, whoever reads slowly, and then the end',
    async run(t) {
      const all = await chain(t);
      if (!all) return;
      const { left, right } = all;
      const [forth, back] = [pattern(48 * 1024 * 1024), pattern(32 * 1024 * 1024, 3)];
      for (const [transport, probe] of [
        [right.server, right.s],
        [left.client, left.c],
      ] as const) {
        let naps = 0;
        probe.on = (told) => {
          if (told !== 'data' || naps++ % 50 > 0) return;
          transport.pause();
          t.clock.after(2, () => transport.resume());
        };
      }
      left.client.writeOwned(forth);
      left.client.end();
      right.server.writeOwned(back);
      right.server.end();
      await right.s.until(() => right.s.closes === 1);
      await left.c.until(() => left.c.closes === 1);
      ok(right.s.bytes.equals(forth) && left.c.bytes.equals(back));
    },
  },
  {
    name: 'relay: a reset at one end is a reset at the other, bytes on their way or not',
    async run(t) {
      for (const flood of [false, true]) {
        const all = await chain(t);
        if (!all) return;
        const { left, right } = all;
        if (flood) {
          right.server.pause();
          left.client.writeOwned(pattern(32 * 1024 * 1024));
          await t.wait(20);
        }
        right.server.destroy(new Error('enough'));
        await left.c.until(() => left.c.closes === 1);
        ok(left.c.code === 'ECONNRESET' || left.c.code === 'EPIPE');
        for (const probe of [left.s, right.c]) {
          await probe.until(() => probe.closes === 1);
          ok(probe.error);
        }
      }
    },
  },
  {
    name: 'relay: the owner ends it by destroying either side',
    async run(t) {
      for (const side of ['left', 'right'] as const) {
        const all = await chain(t);
        if (!all) return;
        const { left, right } = all;
        left.client.write(Buffer.from('x'));
        await right.s.until(() => right.s.size === 1);
        (side === 'left' ? left.server : right.client).destroy(new Error('idle'));
        for (const probe of [left.c, left.s, right.c, right.s]) await probe.until(() => probe.closes === 1);
        deepEqual([left.c.ended, right.s.ended], [false, false]);
      }
    },
  },
  {
    name: 'relay: is refused where bytes still wait, where one side is gone, and with itself; nothing has changed then',
    async run(t) {
      if (!t.reactor.relay) return;
      const [left, right] = [await t.pair(), await t.pair()];
      right.server.pause();
      while (right.client.write(pattern(256 * 1024)));
      equal(t.reactor.relay(left.server, right.client), undefined);
      equal(t.reactor.relay(left.server, left.server), undefined);
      const gone = await t.pair();
      gone.client.destroy();
      equal(t.reactor.relay(left.server, gone.client), undefined);
      left.client.write(Buffer.from('as ever'));
      await left.s.until(() => left.s.size === 7);
    },
  },
  {
    name: 'relay: ends that came before are passed on',
    async run(t) {
      if (!t.reactor.relay) return;
      const [left, right] = [await t.pair(), await t.pair()];
      left.client.end();
      await left.s.until(() => left.s.ended);
      ok(t.reactor.relay(left.server, right.client));
      await right.s.until(() => right.s.ended);
      right.server.write(Buffer.from('answer'));
      right.server.end();
      await left.c.until(() => left.c.closes === 1);
      equal(left.c.bytes.toString(), 'answer');
    },
  },
];
