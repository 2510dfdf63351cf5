import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { UpstreamPool } from './pool.ts';
import type { Poolable } from './pool.ts';

const LIMITS = { idleMs: 1_000, maxIdlePerEndpoint: 4 };

/** A connection as the pool sees it; it leaves the pool when it is destroyed. */
class FakeConnection implements Poolable {
  idleSince = 0;
  place = -1;
  readonly transport: { closed: boolean; destroy(): void };

  constructor(pool: UpstreamPool<FakeConnection>) {
    pool.entered(this);
    this.transport = {
      closed: false,
      destroy: () => {
        if (this.transport.closed) return;
        this.transport.closed = true;
        pool.left(this);
      },
    };
  }
}

describe('the pool of connections to an endpoint', () => {
  it('gives the youngest first, and none that is too old for the request', () => {
    const pool = new UpstreamPool<FakeConnection>(LIMITS);
    const [a, b] = [new FakeConnection(pool), new FakeConnection(pool)];
    pool.give(a, 0);
    pool.give(b, 500);
    expect(pool.take(600, 100)).toBeUndefined();
    expect(pool.take(600, Infinity)).toBe(b);
    expect(pool.take(1_000, Infinity)).toBeUndefined();
    pool.sweep(1_000);
    expect([a.transport.closed, pool.idle, pool.open]).toEqual([true, 0, 1]);
  });

  it('keeps more while as many were in use lately, so that steady load opens none anew', () => {
    const pool = new UpstreamPool<FakeConnection>({ ...LIMITS, idleMs: 60_000 });
    const clock = new FakeClock();
    let opened = 0;
    const use = (size: number): void => {
      const now = clock.monotonic();
      const used = Array.from({ length: size }, () => {
        const idle = pool.take(now, Infinity);
        if (idle === undefined) opened += 1;
        return idle ?? new FakeConnection(pool);
      });
      for (const one of used) if (!pool.give(one, now)) one.transport.destroy();
    };
    const load = (size: number, ms: number): void => {
      const requests = clock.every(10, () => use(size));
      clock.advance(ms);
      requests.cancel();
    };
    clock.every(250, () => pool.sweep(clock.monotonic()));
    load(10, 5_000);
    expect([opened, pool.idle]).toEqual([10, 10]);
    load(6, 990);
    expect(pool.idle).toBe(10);
    // What was in use two seconds ago says nothing any more.
    load(6, 2_000);
    expect(pool.idle).toBe(6);
    load(1, 3_000);
    expect([opened, pool.idle, pool.open]).toEqual([
      10,
      LIMITS.maxIdlePerEndpoint,
      LIMITS.maxIdlePerEndpoint,
    ]);
  });

  it('keeps a bounded number, and none where none is wanted', () => {
    const most = (maxIdlePerEndpoint: number): number => {
      const pool = new UpstreamPool<FakeConnection>({ ...LIMITS, maxIdlePerEndpoint });
      const used = Array.from({ length: 100 }, () => new FakeConnection(pool));
      for (const one of used) if (!pool.give(one, 0)) one.transport.destroy();
      return pool.idle;
    };
    expect([most(0), most(2), most(4)]).toEqual([0, 32, 64]);
  });

  it('opens no more than it may; who waits comes first when one is free', () => {
    const pool = new UpstreamPool<FakeConnection>(LIMITS, { connections: 1 });
    expect(pool.hasRoom()).toBe(true);
    const only = new FakeConnection(pool);
    expect(pool.hasRoom()).toBe(false);
    const turns: string[] = [];
    for (const name of ['first', 'gone', 'second']) {
      const waiter = { onPoolTurn: () => void turns.push(`${name} ${pool.take(0, Infinity) === only}`) };
      pool.wait(waiter);
      if (name === 'gone') pool.leave(waiter);
    }
    pool.give(only, 0);
    expect(turns).toEqual(['first true']);
    only.transport.destroy();
    expect(turns).toEqual(['first true', 'second false']);
    expect(pool.hasRoom()).toBe(true);
  });

  it('lets an idle connection that cannot be used give way to a new one', () => {
    const pool = new UpstreamPool<FakeConnection>(LIMITS, { connections: 1 });
    const idle = new FakeConnection(pool);
    pool.give(idle, 0);
    expect(pool.take(500, 100)).toBeUndefined();
    expect(pool.hasRoom()).toBe(true);
    expect([idle.transport.closed, pool.open]).toEqual([true, 0]);
  });

  it('sends those who wait elsewhere when it closes, also those who come back', () => {
    const pool = new UpstreamPool<FakeConnection>(LIMITS, { connections: 0 });
    const seen: boolean[] = [];
    for (let i = 0; i < 3; i++) pool.wait({ onPoolTurn: () => void seen.push(pool.closed) });
    pool.close();
    expect(seen).toEqual([true, true, true]);
    expect(pool.give(new FakeConnection(pool), 0)).toBe(false);
  });

  it('keeps its count, and leaves nobody waiting beside a free connection, over any course of events', () => {
    const step = fc.constantFrom('request', 'request', 'answer', 'die', 'sweep', 'give up');
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 100 }),
        fc.integer({ min: 1, max: 3 }),
        (steps, connections) => {
          const pool = new UpstreamPool<FakeConnection>(LIMITS, { connections });
          const busy: FakeConnection[] = [];
          const waiting: { onPoolTurn(): void }[] = [];
          let now = 0;
          const reach = (): void => {
            const kept = pool.take(now, Infinity);
            if (kept !== undefined) busy.push(kept);
            else if (pool.hasRoom()) busy.push(new FakeConnection(pool));
            else {
              const waiter = {
                onPoolTurn: () => {
                  waiting.splice(waiting.indexOf(waiter), 1);
                  reach();
                },
              };
              waiting.push(waiter);
              pool.wait(waiter);
            }
          };
          for (const s of steps) {
            now += 100;
            if (s === 'request') reach();
            else if (s === 'answer') {
              const one = busy.shift();
              if (one !== undefined && !pool.give(one, now)) one.transport.destroy();
            } else if (s === 'die') busy.shift()?.transport.destroy();
            else if (s === 'give up') {
              const one = waiting.shift();
              if (one !== undefined) pool.leave(one);
            } else pool.sweep(now);
            expect(pool.open).toBe(busy.length + pool.idle);
            expect(pool.open).toBeLessThanOrEqual(connections);
            expect(pool.waiting).toBe(waiting.length);
            if (waiting.length > 0) expect(busy.length).toBe(connections);
          }
        },
      ),
    );
  });
});
