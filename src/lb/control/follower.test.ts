import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { PlaneUpdate } from '../plane/messages.ts';
import { FakeCatalog, instance, service } from '../testing/fake-catalog.ts';
import { CatalogFollower } from './follower.ts';

/** A clock on which every look takes a millisecond: what runs in slices shows them. */
class BusyClock extends FakeClock {
  override monotonic(): number {
    this.advance(1);
    return super.monotonic();
  }
}

const vhost = (host: string): ReadonlyMap<string, string> => new Map([['HAPROXY_0_VHOST', host]]);

describe('following the catalog', () => {
  function follow(catalog: FakeCatalog): {
    follower: CatalogFollower;
    updates: PlaneUpdate[];
    turns: (() => void)[];
  } {
    const updates: PlaneUpdate[] = [];
    const turns: (() => void)[] = [];
    const follower = new CatalogFollower({
      catalog,
      groups: ['*'],
      clock: new BusyClock(),
      random: seededRandom(1),
      later: (f) => turns.push(f),
      onUpdate: (update) => updates.push(update),
    });
    return { follower, updates, turns };
  }

  const hosts = (update: PlaneUpdate): string[] => update.routes.come.map((route) => route.host);

  it('tells of a change in the same turn, and only what is new', async () => {
    const catalog = new FakeCatalog();
    const { follower, updates, turns } = follow(catalog);
    await follower.start();
    expect(follower.ready).toBe(false);
    const a = service({ name: 'a', labels: vhost('a.test'), instances: [instance(1), instance(2)] });
    catalog.set(a, service({ name: 'silent', instances: [instance(9)] }));
    expect(updates).toMatchObject([
      {
        version: 1,
        ready: true,
        routes: { gone: [], come: [{ host: 'a.test' }] },
        backends: { gone: [], set: [{ key: 'marathon/a#0', hasInstances: true }] },
      },
    ]);
    // The route stays what it is, and so do the other endpoints: what has changed alone is told.
    catalog.set({ ...a, instances: [instance(1)] });
    expect(updates[1]).toEqual({
      kind: 'update',
      version: 2,
      ready: true,
      routes: { gone: [], come: [] },
      backends: {
        gone: [],
        set: [],
        changed: [{ key: 'marathon/a#0', hasInstances: true, gone: [instance(2).taskKey], come: [] }],
      },
    });
    // What no plane looks at, and services nobody can reach, are told to nobody.
    catalog.set({ ...a, instances: [instance(1, { labels: new Map([['x', 'y']]) })] });
    catalog.set(service({ name: 'silent', instances: [instance(8)] }));
    expect(updates).toHaveLength(2);
    catalog.remove('marathon/a');
    const [route] = updates[0]?.routes.come ?? [];
    expect(updates[2]).toMatchObject({
      version: 3,
      routes: { gone: [route?.id], come: [] },
      backends: { gone: ['marathon/a#0'], set: [] },
    });
    expect(turns).toEqual([]);
  });

  it('takes very many services in slices, each as it is when its turn comes, and is ready after the last', async () => {
    const catalog = new FakeCatalog();
    const { follower, updates, turns } = follow(catalog);
    await follower.start();
    const many = Array.from({ length: 2_000 }, (_, i) =>
      service({ name: `s${i}`, labels: vhost(`s${i}.test`) }),
    );
    catalog.set(...many);
    expect(turns).toHaveLength(1);
    expect(follower.ready).toBe(false);
    const before = updates.flatMap(hosts);
    expect(before).not.toContain('s1999.test');
    catalog.set(service({ name: 's1999', labels: vhost('late.test') }));
    catalog.remove('marathon/s1998');
    // One that has been read already, and one that comes while others wait.
    catalog.set(service({ name: 's0', labels: vhost('again.test') }));
    catalog.set(service({ name: 'new', labels: vhost('new.test') }));
    let taken = 0;
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
      turn();
      taken += 1;
    }
    expect(taken).toBeGreaterThan(1);
    expect(follower.ready).toBe(true);
    expect(updates.map((update) => update.ready).slice(-2)).toEqual([false, true]);
    expect(Math.max(...updates.map((update) => update.routes.come.length))).toBeLessThan(200);
    const come = updates.flatMap(hosts);
    expect(new Set(come).size).toBe(come.length);
    expect(come).toHaveLength(2_001);
    expect(come).toEqual(expect.arrayContaining(['s0.test', 'late.test', 'again.test', 'new.test']));
    expect(come).not.toContain('s1998.test');
  });

  it('gives a plane that knows nothing the whole, the version last', async () => {
    const catalog = new FakeCatalog();
    const many = Array.from({ length: 500 }, (_, i) =>
      service({ name: `s${i}`, labels: vhost(`s${i}.test`), instances: [instance(i + 1)] }),
    );
    catalog.set(...many, service({ name: 'silent' }));
    const { follower, turns } = follow(catalog);
    const started = follower.start();
    while (turns.length > 0) turns.shift()?.();
    await started;
    const whole = [...follower.whole()];
    expect(whole.length).toBeGreaterThan(3);
    expect(whole.slice(0, -1).every((piece) => piece.version === 0 && !piece.ready)).toBe(true);
    expect(whole.at(-1)).toMatchObject({ version: follower.version, ready: true });
    expect(new Set(whole.flatMap(hosts)).size).toBe(500);
    const backends = whole.flatMap((piece) => piece.backends.set.map((spec) => spec.key));
    expect(new Set(backends).size).toBe(500);
    // A route never comes before the backend that it leads to.
    const known = new Set<string>();
    for (const piece of whole) {
      for (const spec of piece.backends.set) known.add(spec.key);
      for (const route of piece.routes.come) expect(known.has(route.backendKey)).toBe(true);
    }
  });

  it('forgets what waits when it stops', async () => {
    const catalog = new FakeCatalog();
    const { follower, updates, turns } = follow(catalog);
    await follower.start();
    catalog.set(
      ...Array.from({ length: 2_000 }, (_, i) => service({ name: `s${i}`, labels: vhost(`s${i}.test`) })),
    );
    follower.stop();
    const told = updates.length;
    while (turns.length > 0) turns.shift()?.();
    catalog.set(service({ name: 'late', labels: vhost('late.test') }));
    expect(updates.slice(told).flatMap(hosts)).toEqual([]);
  });
});
