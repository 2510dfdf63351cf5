import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import type { Random } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../memory/memory-store.ts';
import { FakeConsul } from '../testing/fake-consul.ts';
import type { Term } from '../types.ts';
import { Candidacy } from './candidacy.ts';
import type { ConsulClient, Item, Operation } from './client.ts';

/** How the network is between one candidate and Consul. */
interface Cable {
  /** The longest time that a message takes, each way. */
  thereMs: number;
  backMs: number;
  /** The share of messages that get lost. */
  loss: number;
}

/** A client whose questions and answers take their time or get lost; who hears nothing gives up after 4 s. */
function clientOver(consul: FakeConsul, clock: FakeClock, cable: Cable, random: Random): ConsulClient {
  const ask = <T>(f: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      const giveUp = clock.after(4_000, () => reject(new Error('no answer')));
      const message = (way: 'thereMs' | 'backMs', arrives: () => void): void => {
        if (random.next() >= cable.loss) clock.after(random.next() * cable[way], arrives);
      };
      message('thereMs', () => {
        const answer = f();
        message('backMs', () => {
          giveUp.cancel();
          resolve(answer);
        });
      });
    });
  return {
    list: async (prefix, { after, waitMs = 0, signal } = {}) => {
      const untilMs = clock.monotonic() + waitMs;
      for (;;) {
        const listing = await ask(() => consul.list(prefix));
        if (after === undefined || listing.index > after || signal?.aborted) return listing;
        if (clock.monotonic() >= untilMs) return listing;
        await new Promise<void>((resolve) => void clock.after(100, resolve));
      }
    },
    get: () => expect.unreachable(),
    transact: (operations) => ask(() => consul.transact(operations)),
    createSession: (_name, ttl, delay) => ask(() => consul.session(ttl, delay)),
    renewSession: (id) => ask(() => consul.renew(id)),
    destroySession: (id) => ask(() => consul.end(id)),
    close: () => {},
  };
}

const LEASE_MS = 4_000;
const STEP_MS = 50;

/** Its wall clock can be set. */
class WallClock extends FakeClock {
  aheadMs = 0;

  override now(): number {
    return super.now() + this.aheadMs;
  }
}

class World {
  readonly clock = new WallClock();
  readonly consul = new FakeConsul(this.clock);
  readonly terms: Term[] = [];
  readonly cables: Cable[] = [];
  readonly candidacies: Candidacy[] = [];
  readonly random: Random;

  constructor(seed: number, candidates: number) {
    this.random = seededRandom(seed);
    for (let i = 0; i < candidates; i++) {
      const cable: Cable = { thereMs: 5, backMs: 5, loss: 0 };
      this.cables.push(cable);
      const candidacy = new Candidacy({
        client: clientOver(this.consul, this.clock, cable, this.random),
        clock: this.clock,
        random: this.random,
        log: silentLogger,
        election: 'e',
        name: String(i),
        path: 'p/elections/e',
        leaseMs: LEASE_MS,
        storeFor: () => memoryStore(),
      });
      this.candidacies.push(candidacy);
      candidacy.start();
      void (async () => {
        for await (const { term } of candidacy.events) if (term) this.terms.push(term);
      })();
    }
  }

  holding(): Term[] {
    return this.terms.filter((t) => t.holds());
  }

  /** Time goes on; at no moment may there be two. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await this.clock.advanceAsync(STEP_MS, STEP_MS / 5);
      expect(this.holding().length, `at ${this.clock.monotonic()}`).toBeLessThanOrEqual(1);
    }
  }
}

describe('candidates of an election', () => {
  it('know that their machine has slept, also when its clock was set back before', async () => {
    for (const setBackMs of [0, 1_000, 3_600_000]) {
      const world = new World(1, 1);
      await world.pass(2_000);
      const [term] = world.terms;
      world.clock.aheadMs -= setBackMs;
      await world.pass(3_000);
      expect(term?.holds()).toBe(true);
      // the monotonic clock stands still meanwhile
      world.clock.aheadMs += LEASE_MS;
      expect(term?.holds(), `set back by ${setBackMs} ms`).toBe(false);
    }
  });

  it.each(Array.from({ length: 100 }, (_, seed) => seed))(
    'never lead two at a time on a bad network, and lead again on a good one (seed %i)',
    async (seed) => {
      const world = new World(seed, 3);
      const { random, cables } = world;
      await world.pass(2_000);
      expect(world.holding()).toHaveLength(1);
      for (let round = 0; round < 8; round++) {
        // Mostly it is the leader's that is bad, in another way each time.
        for (const [i, cable] of cables.entries()) {
          const bad = random.next() < (String(i) === leaderOf(world)?.value ? 0.9 : 0.2);
          cable.thereMs = (bad && [5, 5, 2_500, 12_000][random.int(4)]) || 5;
          cable.backMs = (bad && [5, 3_900, 3_900, 12_000][random.int(4)]) || 5;
          cable.loss = (bad && [0, 0, 0.3, 1][random.int(4)]) || 0;
        }
        await world.pass(1_000 + random.int(6_000));
        if (random.next() < 0.2) world.holding()[0]?.resign();
        // An operator ends the session of the leader.
        if (random.next() < 0.2) world.consul.end(leaderOf(world)?.session ?? '');
      }
      for (const cable of cables) Object.assign(cable, { thereMs: 5, backMs: 5, loss: 0 });
      // Answers that are still on their way, then a lease, then what Consul gives a session that has ended.
      await world.pass(40_000);
      expect(world.holding()).toHaveLength(1);
    },
  );

  it('replace one that is cut off within two leases', async () => {
    const world = new World(1, 3);
    await world.pass(2_000);
    const [first] = world.holding();
    for (const [i, cable] of world.cables.entries()) if (String(i) === leaderOf(world)?.value) cable.loss = 1;
    await world.pass(LEASE_MS * 2);
    expect(first?.holds()).toBe(false);
    expect(world.holding()).toHaveLength(1);
  });

  it('take the place of a silent one only if Consul finds it silent still', async () => {
    const clock = new FakeClock();
    const item = (name: string, index: number): Item => {
      return { key: `p/${name}`, value: name, session: name === 'leader' ? 's' : undefined, index };
    };
    const asked: (readonly Operation[])[] = [];
    const candidacy = new Candidacy({
      client: {
        list: async () => {
          await new Promise<void>((resolve) => void clock.after(100, resolve));
          return { items: [item('leader', 7), item('beat', 9)], index: 9 };
        },
        get: () => expect.unreachable(),
        // It has shown a sign of life just now.
        transact: async (operations) => {
          asked.push(operations);
          return { kind: 'refused', at: 0 };
        },
        createSession: () => expect.unreachable(),
        renewSession: () => expect.unreachable(),
        destroySession: () => expect.unreachable(),
        close: () => {},
      },
      clock,
      random: seededRandom(1),
      log: silentLogger,
      election: 'e',
      name: 'me',
      path: 'p',
      leaseMs: LEASE_MS,
      storeFor: () => memoryStore(),
    });
    candidacy.start();
    await clock.advanceAsync(LEASE_MS, 10);
    expect(asked).toEqual([]);
    await clock.advanceAsync(LEASE_MS, 10);
    expect(asked[0]).toEqual([
      { Verb: 'check-index', Key: 'p/beat', Index: 9 },
      { Verb: 'delete-cas', Key: 'p/leader', Index: 7 },
    ]);
    expect(await candidacy.events[Symbol.asyncIterator]().next()).toMatchObject({
      value: { leader: 'leader', isSelf: false },
    });
    expect(candidacy.events.size).toBe(0);
  });
});

/** Who leads, as Consul has it. */
function leaderOf(world: World): Item | undefined {
  return world.consul.list('p/').items.find((i) => i.key.endsWith('/leader'));
}
