import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { settle } from '../../testing/task-context.ts';
import type { Quantities } from '../launcher.ts';
import { Changes } from './changes.ts';
import { Limiter } from './limiter.ts';
import { FakeEngine } from './testing/fake-engine.ts';

const MB = 2 ** 20;
const of = (mem: number, more: Partial<Quantities> = {}): Quantities => ({
  cpus: 0.5,
  memBytes: mem * MB,
  sharers: 2,
  ...more,
});

describe('the limits of a container that runs', () => {
  let clock: FakeClock;
  let engine: FakeEngine;
  let said: string[];
  let over: AbortController;
  let log: pino.Logger;
  let changes: Changes;
  beforeEach(() => {
    clock = new FakeClock();
    engine = new FakeEngine(clock);
    said = [];
    over = new AbortController();
    const write = (line: string): void => void said.push((JSON.parse(line) as { msg: string }).msg);
    log = pino({ level: 'warn' }, { write });
    changes = new Changes(engine, log);
  });

  const limiter = (created?: Quantities): Limiter =>
    new Limiter({ engine, changes, clock, log, id: 'id-1', containerId: 'c1', over: over.signal }, created);
  const memory = (): (number | undefined)[] =>
    engine.changes.map(({ Memory }) => (Memory === undefined ? undefined : Memory / MB));
  /** Time goes by, with everything that it brings along. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(100);
      await settle();
    }
  };

  it('are said whole, and are there when that resolves', async () => {
    await limiter(of(64)).hold(of(256, { cpuLimit: 1.5, memLimitBytes: 300 * MB }));
    expect(engine.changes).toEqual([
      {
        CpuShares: 512,
        CpuPeriod: 100_000,
        CpuQuota: 150_000,
        Memory: 300 * MB,
        MemorySwap: 300 * MB,
        MemoryReservation: 256 * MB,
      },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('are taken away by what the engine takes for none: it keeps what it is not told', async () => {
    await limiter(of(64, { cpuLimit: 1 })).hold(of(16, { memLimitBytes: Infinity }));
    expect(engine.changes).toEqual([
      {
        CpuShares: 512,
        CpuPeriod: 100_000,
        CpuQuota: -1,
        Memory: 2 ** 53 - 4096,
        MemorySwap: 2 ** 53 - 4096,
        MemoryReservation: 32 * MB,
      },
    ]);
  });

  it('are not asked for where nothing changes; after a restart of the agent they are', async () => {
    await limiter(of(64)).hold(of(64, { sharers: 7 }));
    expect(engine.asked).toBe(0);
    const found = limiter();
    await found.hold(of(64));
    await found.hold(of(64));
    expect(memory()).toEqual([64]);
  });

  it('of memory wait until it has been given back, and nothing else does', async () => {
    Object.assign(engine, { usage: 200 * MB, files: 20 * MB });
    await limiter(of(256)).hold(of(64, { cpus: 0.1 }));
    expect(engine.changes).toEqual([
      { CpuShares: 102, CpuPeriod: 100_000, CpuQuota: -1, MemoryReservation: 64 * MB },
    ]);
    await pass(30_000);
    expect(engine.changes).toHaveLength(1);
    Object.assign(engine, { usage: 80 * MB });
    await pass(5_000);
    expect(memory()).toEqual([undefined, 64]);
    const before = engine.asked;
    await pass(60_000);
    expect(engine.asked).toBe(before);
    expect(said).toEqual([]);
  });

  it('are changed one after the other, and the last ones hold', async () => {
    const gate = Promise.withResolvers<void>();
    engine.busy = gate.promise;
    const one = limiter(of(64));
    const first = one.hold(of(100));
    await settle();
    const reached: number[] = [];
    const later = [500, 200].map((mem) => one.hold(of(mem)).then(() => reached.push(mem)));
    await settle();
    expect([memory(), reached]).toEqual([[100], []]);
    gate.resolve();
    await Promise.all([first, ...later]);
    expect(memory()).toEqual([100, 200]);
  });

  it('that wait for memory give way to new ones at once', async () => {
    engine.usage = 200 * MB;
    const one = limiter(of(256));
    await one.hold(of(64));
    await one.hold(of(300));
    expect(memory()).toEqual([undefined, 300]);
    await pass(60_000);
    expect(memory()).toEqual([undefined, 300]);
  });

  it('hang nobody up while the engine is away, and follow when it is back', async () => {
    engine.away = true;
    const one = limiter(of(64));
    const asked = one.hold(of(128));
    const told = expect(asked).rejects.toThrow(/does not answer/);
    await pass(5_000);
    await told;
    await pass(60_000);
    engine.away = false;
    await pass(5_000);
    expect(memory()).toEqual([128]);
    expect(said).toEqual(['failed to change the limits of a container; trying again']);
  });

  it('wait a moment for an engine that starts again', async () => {
    engine.away = true;
    const asked = limiter(of(64)).hold(of(128));
    await pass(2_000);
    engine.away = false;
    await pass(2_000);
    await asked;
    expect(memory()).toEqual([128]);
  });

  it('that the engine refuses are told at once, and tried again, but not often', async () => {
    engine.refusal = 'device or resource busy';
    const one = limiter(of(64));
    await expect(one.hold(of(128))).rejects.toThrow(/busy/);
    await pass(600_000);
    expect(engine.changes.length).toBeGreaterThan(10);
    expect(engine.changes.length).toBeLessThan(25);
    engine.refusal = undefined;
    await pass(60_000);
    expect(said).toEqual(['failed to change the limits of a container; trying again']);
    const before = engine.asked;
    await pass(120_000);
    expect(engine.asked).toBe(before);
  });

  it('are not even asked for where the engine does not change any, which is said once', async () => {
    engine.able = false;
    await Promise.all([limiter(of(64)).hold(of(128)), limiter(of(64)).hold(of(256))]);
    const before = engine.asked;
    await limiter().hold(of(512));
    expect(engine.asked).toBe(before);
    expect([engine.changes, said]).toEqual([
      [],
      [
        'this engine does not change limits of containers that run: executors of frameworks have none in them',
      ],
    ]);
  });

  it("are nobody's any more when the container is over", async () => {
    engine.away = true;
    const one = limiter(of(64));
    const asked = one.hold(of(128));
    await settle();
    over.abort();
    await asked;
    await one.hold(of(256));
    expect(clock.pending).toBe(0);
    engine.away = false;
    engine.running = false;
    over = new AbortController();
    await limiter().hold(of(128));
    expect(engine.changes).toEqual([]);
  });
});
