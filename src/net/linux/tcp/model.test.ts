import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../core/log.ts';
import { seededRandom } from '../../../core/random.ts';
import type { Random } from '../../../core/random.ts';
import { FakeKernel } from '../../testing/fake-kernel.ts';
import { Probe, pattern } from '../../testing/probe.ts';
import type { Transport } from '../../types.ts';
import { Loop } from './loop.ts';
import { LinuxReactor } from './reactor.ts';

/** One side of a conversation that writes, pauses and ends as chance will have it. */
class Talker {
  readonly told: string[] = [];
  readonly sent: Buffer[] = [];
  destroyed = false;
  readonly probe: Probe;
  readonly #random: Random;
  readonly #loop: Loop;
  readonly #transport: () => Transport;
  #waiting = false;
  #left: number;

  constructor(random: Random, loop: Loop, probe: Probe, transport: () => Transport, destroys: boolean) {
    this.#random = random;
    this.#loop = loop;
    this.probe = probe;
    this.#transport = transport;
    this.#left = 1 + random.int(12);
    probe.on = (told) => {
      this.told.push(told);
      if (told === 'drain') this.#waiting = false;
      if (told === 'drain') this.say();
      if (told === 'data' && random.next() < 0.2) {
        transport().pause();
        loop.clock.after(random.int(10), () => transport().resume());
      }
      if (!destroys || random.next() > 0.02) return;
      this.destroyed ||= !transport().closed;
      transport().destroy(random.next() < 0.5 ? new Error('chance') : undefined);
    };
  }

  /** The first byte says who this is. */
  name(transport: Transport, name: number): void {
    const byte = Buffer.of(name);
    this.sent.push(byte);
    this.#waiting = !transport.writeOwned(byte);
  }

  say(): void {
    const random = this.#random;
    const transport = this.#transport();
    while (!this.#waiting && this.#left > 0 && !transport.closed) {
      this.#left--;
      const bytes = pattern(random.int(random.next() < 0.3 ? 150_000 : 300), random.int(256));
      this.sent.push(Buffer.from(bytes));
      const owned = random.next() < 0.5;
      this.#waiting = !(owned ? transport.writeOwned(bytes) : transport.write(bytes));
      if (!owned) bytes.fill(0);
      if (random.next() < 0.3) break;
    }
    if (this.#left === 0) transport.end();
    else if (!this.#waiting) this.#loop.clock.after(1 + random.int(5), () => this.say());
  }

  /** What must hold of it, whatever went wrong. */
  judge(other: Talker): void {
    const { probe, told } = this;
    expect(told.filter((t) => t === 'close')).toHaveLength(1);
    expect(told.at(-1)).toBe('close');
    expect(told.filter((t) => t === 'end').length).toBeLessThanOrEqual(1);
    const sent = Buffer.concat(other.sent);
    expect(sent.subarray(0, probe.size).equals(probe.bytes)).toBe(true);
    // An end is only told when nothing is missing before it: half of it would pass for the whole.
    if (probe.ended && !other.destroyed) expect(probe.size).toBe(sent.length);
    if (!probe.error && !this.destroyed) expect(probe.ended).toBe(true);
  }
}

const faults = fc.record({
  interrupted: fc.constantFrom(0, 0.05, 0.3),
  short: fc.constantFrom(0, 0.2, 0.9),
  reset: fc.constantFrom(0, 0, 0.01, 0.1),
});

describe('the engine on a kernel that interrupts, cuts short, fills up and resets', () => {
  it.each([
    ['two ends', false],
    ['two ends with a relay between them', true],
  ])('%s hear all there is to hear, once, in order; and nothing stays open', async (_name, relayed) => {
    let whole = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), faults, fc.boolean(), async (seed, faulty, destroys) => {
        const random = seededRandom(seed);
        const kernel = new FakeKernel(random, faulty);
        const loop = new Loop(kernel, { now: () => 0, monotonic: () => kernel.now }, silentLogger);
        const reactor = new LinuxReactor(loop);
        const options = { timeoutMs: 100_000 };
        const servers: Talker[] = [];
        const hops: Probe[] = [];
        await reactor.listen({ host: '127.0.0.1', port: 1 }, (transport) => {
          const talker = new Talker(random, loop, new Probe(), () => transport, destroys);
          servers.push(talker);
          loop.clock.after(1, () => talker.say());
          return talker.probe;
        });
        await reactor.listen({ host: '127.0.0.1', port: 2 }, (near) => {
          const [n, f] = [new Probe(), new Probe()];
          hops.push(n, f);
          near.pause();
          const far = reactor.connect({ ip: '127.0.0.1', port: 1 }, options, f);
          f.on = (told) => {
            if (told === 'connect' && !reactor.relay(near, far)) far.destroy(new Error('no relay'));
            if (told === 'close') near.destroy(f.error ?? new Error('gone'));
          };
          n.on = (told) => told === 'close' && far.destroy(n.error ?? new Error('gone'));
          return n;
        });
        const clients: Talker[] = [];
        for (let i = 0; i < 4; i++) {
          const probe = new Probe();
          const client: Talker = new Talker(random, loop, probe, () => transport, destroys);
          const transport: Transport = reactor.connect(
            { ip: '127.0.0.1', port: relayed ? 2 : 1 },
            options,
            probe,
          );
          clients.push(client);
          client.name(transport, i);
          client.say();
        }
        const open = (): boolean => [...clients, ...servers].some(({ probe }) => probe.closes === 0);
        for (let turn = 0; turn < 30_000 && (open() || hops.some(({ closes }) => closes === 0)); turn++)
          loop.turn(50);
        for (const [i, client] of clients.entries()) {
          // Whose connection was reset before the first byte has no partner.
          const server = servers.find(({ probe }) => probe.bytes[0] === i);
          expect([client.probe.closes, hops.every(({ closes }) => closes === 1)]).toEqual([1, true]);
          if (!server) continue;
          client.judge(server);
          server.judge(client);
          if (client.probe.ended && server.probe.ended) whole++;
        }
        loop.end();
        reactor.close();
        expect(kernel.openDescriptors).toBe(0);
      }),
      { numRuns: 80 },
    );
    expect(whole).toBeGreaterThan(50);
  });

  it('an event that comes late for one that is gone does not reach who took its place', async () => {
    const kernel = new FakeKernel(seededRandom(1), { interrupted: 0, short: 0, reset: 0 });
    const loop = new Loop(kernel, { now: () => 0, monotonic: () => kernel.now }, silentLogger);
    const reactor = new LinuxReactor(loop);
    const servers: Transport[] = [];
    await reactor.listen({ host: '127.0.0.1', port: 1 }, (transport) => {
      servers.push(transport);
      return new Probe();
    });
    const connect = (probe: Probe): Transport =>
      reactor.connect({ ip: '127.0.0.1', port: 1 }, { timeoutMs: 1_000 }, probe);
    const probes = [new Probe(), new Probe()];
    const clients = probes.map(connect);
    for (let i = 0; i < 5; i++) loop.turn(1);
    expect(servers).toHaveLength(2);
    for (const server of servers) server.write(Buffer.from('x'));
    const next = new Probe();
    for (const [i, probe] of probes.entries()) {
      probe.on = (told) => {
        if (told !== 'data') return;
        clients[1 - i]?.destroy();
        connect(next);
      };
    }
    loop.turn(1);
    expect(probes.filter(({ size }) => size === 1)).toHaveLength(1);
    expect(next.connected).toBe(false);
    loop.turn(1);
    expect(next.connected).toBe(true);
  });
});
