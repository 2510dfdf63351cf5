import { beforeEach, describe, expect, it } from 'vitest';
import { HandCatalog } from '../cluster/testing/index.ts';
import { silentLogger } from '../core/log.ts';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { Services } from './services.ts';
import type { FollowedServices } from './services.ts';

describe('what is known of services', () => {
  let clock: FakeClock;
  let events: string[];
  let failing: boolean;
  let services: Services;
  const MINUTE = 60_000;

  const follow = async (): Promise<FollowedServices> => {
    if (failing) throw new Error('no room');
    events.push('follow');
    return {
      catalog: new HandCatalog(),
      idOf: () => undefined,
      first: Promise.resolve(),
      stop: async () => void events.push('stop'),
    };
  };

  beforeEach(() => {
    clock = new FakeClock();
    events = [];
    failing = false;
    services = new Services({ clock, log: silentLogger, follow, tell: () => {}, callsOf: () => undefined });
  });

  it('is nothing before a task asks, and followed once for all who do', async () => {
    expect(services.current).toBeUndefined();
    services.leave('nobody');
    clock.advance(2 * MINUTE);
    expect(events).toEqual([]);
    const [a, b] = await Promise.all([services.ask('a'), services.ask('b')]);
    expect(a.upstreams).toBe(b.upstreams);
    expect(services.current?.upstreams).toBe(a.upstreams);
    expect(events).toEqual(['follow']);
  });

  it('is followed until a minute after the last who asked, and again for the next', async () => {
    const { upstreams } = await services.ask('a');
    await services.ask('b');
    services.leave('a');
    clock.advance(2 * MINUTE);
    expect(events).toEqual(['follow']);
    services.leave('b');
    services.leave('b');
    clock.advance(MINUTE - 1);
    expect((await services.ask('c')).upstreams).toBe(upstreams);
    clock.advance(2 * MINUTE);
    expect(events).toEqual(['follow']);
    services.leave('c');
    clock.advance(MINUTE);
    expect(services.current).toBeUndefined();
    expect((await services.ask('d')).upstreams).not.toBe(upstreams);
    expect(events).toEqual(['follow', 'stop', 'follow']);
  });

  it('that cannot be had is tried again by the next who asks', async () => {
    failing = true;
    await expect(services.ask('a')).rejects.toThrow('no room');
    failing = false;
    await services.ask('a');
    expect(events).toEqual(['follow']);
  });

  it('is not followed any more after the end, not even by who had asked just then', async () => {
    const asked = services.ask('a');
    await services.stop();
    await asked.catch(() => {});
    expect(events.filter((event) => event === 'follow')).toHaveLength(
      events.filter((event) => event === 'stop').length,
    );
    await expect(services.ask('b')).rejects.toMatchObject({ code: 'MESH_NO_CATALOG' });
  });

  it('of a process that knows them anyway is there at once and stays', async () => {
    const known = new Services({
      clock,
      log: silentLogger,
      follow: undefined,
      tell: () => {},
      callsOf: () => undefined,
    });
    await expect(known.ask('early')).rejects.toMatchObject({ code: 'MESH_NO_CATALOG' });
    known.begin({ catalog: new HandCatalog(), idOf: () => undefined });
    const { current } = known;
    expect((await known.ask('a')).upstreams).toBe(current?.upstreams);
    known.leave('a');
    clock.advance(2 * MINUTE);
    expect(known.current).toBe(current);
  });
});
