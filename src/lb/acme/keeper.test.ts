import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { issueCertificate } from '../../net/index.ts';
import { AcmeProblem } from './client.ts';
import type { Obtained } from './issuer.ts';
import { AcmeKeeper } from './keeper.ts';
import { AcmeStorage } from './storage.ts';

const HOUR_MS = 3_600_000;
const LIFE_MS = 90 * 24 * HOUR_MS;
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A keeper over a disk in memory and an authority that the test is. */
class World {
  readonly clock = new FakeClock();
  readonly disk: Map<string, string>;
  readonly ordered: string[] = [];
  readonly shown = new Map<string, Obtained>();
  readonly keeper: AcmeKeeper;
  answer: (name: string) => Promise<Obtained> = async (name) => this.certificate(name);

  constructor(disk = new Map<string, string>(), directory = 'https://acme.test/directory') {
    this.disk = disk;
    const files = {
      read: async (path: string): Promise<string | undefined> => disk.get(path),
      replace: async (folder: string, name: string, text: string): Promise<void> =>
        void disk.set(`${folder}/${name}`, text),
    };
    this.keeper = new AcmeKeeper({
      config: { directory, retryMs: 300_000, mostRetryMs: 12 * HOUR_MS },
      obtain: (name) => {
        this.ordered.push(name);
        return this.answer(name);
      },
      storage: new AcmeStorage('/acme', files, silentLogger),
      onCertificate: (name, certificate) => {
        if (certificate === undefined) this.shown.delete(name);
        else this.shown.set(name, certificate);
      },
      clock: this.clock,
      random: seededRandom(7),
      log: silentLogger,
    });
  }

  certificate(name: string): Obtained {
    const now = this.clock.now();
    const serial = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    const { certificate, privateKey } = issueCertificate({
      commonName: name,
      names: [name],
      serial,
      notBefore: new Date(now),
      notAfter: new Date(now + LIFE_MS),
    });
    return { chain: certificate, key: privateKey };
  }

  async start(...names: string[]): Promise<this> {
    await this.keeper.want(new Set(names));
    this.keeper.begin();
    await this.pass(1_000);
    return this;
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }

  view(name: string): unknown {
    return this.keeper.views().find((view) => view.name === name);
  }
}

describe('AcmeKeeper', () => {
  it('obtains, and renews when a third of the life is left or a little earlier', async () => {
    const world = await new World().start('a.test');
    expect([world.ordered, [...world.shown.keys()]]).toEqual([['a.test'], ['a.test']]);
    const first = world.shown.get('a.test');
    const earliest = LIFE_MS * (2 / 3 - 1 / 30);
    await world.pass(earliest - 10_000);
    expect(world.ordered).toHaveLength(1);
    await world.pass(LIFE_MS / 30 + 20_000);
    expect(world.ordered).toHaveLength(2);
    expect(world.shown.get('a.test')?.chain).not.toBe(first?.chain);
    expect(world.view('a.test')).toMatchObject({ state: 'good', lastError: null });
  });

  it('orders at once of another authority, and serves what it has until then', async () => {
    const { disk, shown } = await new World(undefined, 'https://staging.test/directory').start('a.test');
    const world = new World(disk);
    await world.keeper.want(new Set(['a.test']));
    expect(world.shown.get('a.test')).toMatchObject(shown.get('a.test') ?? {});
    await world.start('a.test');
    expect(world.ordered).toEqual(['a.test']);
    expect((await new World(disk).start('a.test')).ordered).toEqual([]);
  });

  it('waits longer after each failure, and as long as the authority says, also over a restart', async () => {
    const world = new World();
    world.answer = async () => {
      throw new Error('away');
    };
    await world.start('a.test');
    for (let times = 1, wait = 300_000; times <= 9; times++, wait = Math.min(12 * HOUR_MS, wait * 2)) {
      expect(world.ordered).toHaveLength(times);
      expect(world.view('a.test')).toMatchObject({ state: 'failing', lastError: 'away' });
      await world.pass(wait - 1);
      expect(world.ordered, `before ${wait}`).toHaveLength(times);
      await world.pass(wait * 0.1 + 1);
    }
    expect(world.ordered).toHaveLength(10);
    world.answer = async () => {
      throw new AcmeProblem('rateLimited', 'too many', 429, 100 * HOUR_MS);
    };
    await world.pass(13.2 * HOUR_MS);
    expect(world.ordered).toHaveLength(11);
    world.keeper.stop();
    const again = new World(world.disk);
    again.clock.advance(world.clock.now() - again.clock.now());
    await again.start('a.test');
    await again.pass(99 * HOUR_MS);
    expect(again.ordered).toEqual([]);
    expect(again.view('a.test')).toMatchObject({ lastError: 'rateLimited: too many' });
    await again.pass(12 * HOUR_MS);
    expect(again.ordered).toEqual(['a.test']);
    expect(again.view('a.test')).toMatchObject({ state: 'good', lastError: null });
  });

  it('an authority that says nothing for some names takes nothing from the others, four orders at a time', async () => {
    const world = new World();
    const hanging = Promise.withResolvers<Obtained>();
    world.answer = async (name) => (name.startsWith('hangs') ? hanging.promise : world.certificate(name));
    const names = ['hangs-1.test', 'hangs-2.test', 'hangs-3.test', 'a.test', 'b.test', 'c.test'];
    await world.start(...names);
    await settle();
    await settle();
    expect([...world.shown.keys()]).toEqual(['a.test', 'b.test', 'c.test']);
    expect(world.ordered).toEqual(names);
    expect(world.view('hangs-1.test')).toMatchObject({ state: 'ordering', nextTry: null });
    hanging.reject(new Error('over'));
    await settle();
    expect(world.keeper.outcomes.get('failed')).toBe(3);
  });

  it('what is not wanted any more is not shown, and comes back without an order', async () => {
    const world = await new World().start('a.test', 'b.test');
    await world.keeper.want(new Set(['b.test']));
    expect([...world.shown.keys()]).toEqual(['b.test']);
    await world.keeper.want(new Set(['a.test', 'b.test']));
    await world.pass(HOUR_MS);
    expect([...world.shown.keys()].sort()).toEqual(['a.test', 'b.test']);
    expect(world.ordered).toEqual(['a.test', 'b.test']);
    world.keeper.stop();
    expect(world.clock.pending).toBe(0);
  });

  it('what is on disk and of no use is had anew; a disk that cannot be written to takes nothing away', async () => {
    const certificate = new World().certificate('a.test');
    const other = new World().certificate('b.test');
    const mixed = { certificate: { chain: certificate.chain, key: other.key } };
    const disk = new Map([
      ['/acme/a.test.json', JSON.stringify(mixed)],
      ['/acme/b.test.json', '{"certificate":'],
    ]);
    disk.set = () => {
      throw new Error('ENOSPC');
    };
    const world = await new World(disk).start('a.test', 'b.test');
    expect(world.ordered).toEqual(['a.test', 'b.test']);
    expect([...world.shown.keys()]).toEqual(['a.test', 'b.test']);
    expect(world.view('a.test')).toMatchObject({ state: 'good' });
  });
});
