import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { consulConfigSchema } from '../../src/store/consul/config.ts';
import { openConsulStore } from '../../src/store/index.ts';
import type { Leadership, Store, StoreEvent, Term } from '../../src/store/index.ts';
import { runStoreContract } from '../../src/store/store.contract.ts';
import { ConsulServer, hasConsul } from '../support/consul.ts';
import { eventually, pause } from '../support/eventually.ts';
import { Relay } from '../support/relay.ts';

const LEASE_SECONDS = 2;

describe.skipIf(!hasConsul)('a real Consul (needs consul)', () => {
  let server: ConsulServer;
  const stores: Store[] = [];
  const relays: Relay[] = [];
  const stop = new AbortController();

  beforeAll(async () => {
    server = await ConsulServer.start();
  });
  afterEach(async () => {
    for (const relay of relays.splice(0)) await relay.close();
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(async () => {
    stop.abort();
    await server.close();
  });

  const open = (given: Record<string, unknown> = {}): Promise<Store> =>
    openConsulStore({
      config: consulConfigSchema.parse({
        address: server.address,
        prefix: `test/${randomUUID()}`,
        leaseSeconds: LEASE_SECONDS,
        ...given,
      }),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    });
  const opened = async (given?: Record<string, unknown>): Promise<Store> => {
    const store = await open(given);
    stores.push(store);
    return store;
  };

  runStoreContract('Consul', () => open());

  /** One who stands for election, and what it was told. */
  class Voter {
    readonly heard: Leadership[] = [];
    readonly store: Store;

    constructor(store: Store, name: string) {
      this.store = store;
      void (async () => {
        for await (const news of store.elect('e', name, stop.signal)) this.heard.push(news);
      })();
    }

    get leads(): boolean {
      return this.heard.at(-1)?.isSelf ?? false;
    }

    async term(timeoutMs = 20_000): Promise<Term> {
      return eventually('it to lead', () => this.heard.at(-1)?.term, { timeoutMs });
    }
  }

  /** A store behind a cable of its own. */
  const cabled = async (prefix: string): Promise<{ store: Store; cable: Relay }> => {
    const cable = await Relay.start(server.port);
    relays.push(cable);
    const address = `http://127.0.0.1:${cable.port}`;
    return { store: await opened({ address, prefix, timeoutSeconds: 1 }), cable };
  };

  it('refuses a value that does not fit, and writes nothing', async () => {
    const store = await opened();
    const limit = { code: 'STORE_VALUE_TOO_LARGE' };
    await expect(store.put('a', 'x'.repeat(512 * 1024))).rejects.toMatchObject(limit);
    await expect(store.compareAndSet('a', 0, 'x'.repeat(512 * 1024))).rejects.toMatchObject(limit);
    expect(await store.get('a')).toBeUndefined();
    const most = 'é'.repeat(190 * 1024);
    expect(await store.put('a', most)).toMatchObject({ value: most });
  });

  it('writes many at a time in few transactions, in order', async () => {
    const store = await opened();
    const writes = await Promise.all(Array.from({ length: 500 }, (_, i) => store.put(`n/${i}`, String(i))));
    const revisions = writes.map((e) => e.revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    // Those of one transaction share a revision.
    expect(new Set(revisions).size).toBeLessThan(30);
    expect(await store.list('n/')).toHaveLength(500);
  });

  it('says in bounded time that Consul does not answer, and goes on afterwards', async () => {
    const { store, cable } = await cabled(randomUUID());
    await store.put('a', '1');
    cable.cut();
    const begun = performance.now();
    const all = [
      store.get('a'),
      store.list(''),
      store.delete('a'),
      ...[1, 2, 3].map((i) => store.put('b', `${i}`)),
    ];
    for (const one of await Promise.allSettled(all)) {
      expect(one.status).toBe('rejected');
      expect((one as PromiseRejectedResult).reason).toMatchObject({ code: 'STORE_CONSUL_UNAVAILABLE' });
    }
    expect(performance.now() - begun).toBeLessThan(10_000);
    cable.mend();
    expect(await store.put('c', '2')).toMatchObject({ value: '2' });
  });

  it('watches on over a restart of Consul, and tells what changed meanwhile once', async () => {
    const prefix = randomUUID();
    const { store, cable } = await cabled(prefix);
    const other = await opened({ prefix });
    await other.put('w/gone', '0');
    const events = store.watch('w/', stop.signal)[Symbol.asyncIterator]();
    const next = async (): Promise<StoreEvent> => (await events.next()).value as StoreEvent;
    await store.put('w/1', 'a');
    expect(await next()).toMatchObject({ entry: { key: 'w/1', value: 'a' } });
    cable.cut();
    await other.put('w/1', 'b');
    await other.delete('w/gone');
    await server.kill9();
    await server.launch();
    cable.mend();
    expect(await next()).toMatchObject({ kind: 'delete', key: 'w/gone' });
    expect(await next()).toMatchObject({ entry: { key: 'w/1', value: 'b' } });
    await other.put('w/2', 'c');
    expect(await next()).toMatchObject({ entry: { key: 'w/2', value: 'c' } });
  });

  it('replaces a leader that is cut off, which knows it first and can write no more', async () => {
    const prefix = randomUUID();
    const { store, cable } = await cabled(prefix);
    const first = new Voter(store, 'first');
    const old = await first.term();
    const second = new Voter(await opened({ prefix }), 'second');
    await eventually('the second to hear of the first', () => second.heard.at(-1)?.leader === 'first');
    const cutAt = performance.now();
    cable.cut();
    await eventually('the lease to be over', () => !old.holds());
    expect(second.leads).toBe(false);
    const term = await second.term();
    expect(performance.now() - cutAt).toBeLessThan(10_000);
    expect(await term.store.put('a', 'second')).toBeDefined();
    cable.mend();
    await expect(old.store.put('a', 'first')).rejects.toMatchObject({ code: 'STORE_NOT_LEADER' });
    await eventually('the first to hear of the second', () => first.heard.at(-1)?.leader === 'second');
    expect((await store.get('a'))?.value).toBe('second');
  });

  it('hands on at once when the leader leaves or resigns', async () => {
    const prefix = randomUUID();
    const leaving = await open({ prefix });
    const first = new Voter(leaving, 'first');
    await first.term();
    const second = new Voter(await opened({ prefix }), 'second');
    await eventually('the second to hear of the first', () => second.heard.at(-1)?.leader === 'first');
    const begun = performance.now();
    await leaving.close();
    const term = await second.term();
    // Much less than it takes to find out by silence.
    expect(performance.now() - begun).toBeLessThan(LEASE_SECONDS * 1000);
    const third = new Voter(await opened({ prefix }), 'third');
    await eventually('the third to hear of the second', () => third.heard.at(-1)?.leader === 'second');
    term.resign();
    expect(term.holds()).toBe(false);
    await third.term();
  });

  it('never has two who hold at a time, however often they resign', async () => {
    const prefix = randomUUID();
    const voters = await Promise.all(
      [1, 2, 3].map(async (i) => new Voter(await opened({ prefix }), String(i))),
    );
    const terms = (): Term[] => voters.flatMap((v) => v.heard.flatMap((h) => h.term ?? []));
    for (let round = 0; round < 20; round++) {
      const holding = await eventually('somebody to lead', () => terms().find((t) => t.holds()), {
        timeoutMs: 20_000,
      });
      for (let i = 0; i < 5; i++) {
        expect(terms().filter((t) => t.holds()).length).toBeLessThanOrEqual(1);
        await pause(2);
      }
      holding.resign();
    }
    expect(terms().length).toBeGreaterThanOrEqual(20);
  });

  it('leads no more when somebody ends its session', async () => {
    const prefix = randomUUID();
    const voter = new Voter(await opened({ prefix }), 'one');
    const term = await voter.term();
    const answer = await fetch(`${server.address}/v1/kv/${prefix}/elections/e/leader`);
    const [key] = (await answer.json()) as { Session: string }[];
    await fetch(`${server.address}/v1/session/destroy/${key?.Session}`, { method: 'PUT' });
    await expect(term.store.put('a', '1')).rejects.toMatchObject({ code: 'STORE_NOT_LEADER' });
    await eventually('the term to be over', () => !term.holds());
    // Its own place, after Consul has given the old lease its time.
    const again = await eventually('a new term', () => voter.heard.findLast((h) => h.term?.holds())?.term, {
      timeoutMs: 30_000,
    });
    expect(await again.store.put('a', '2')).toBeDefined();
  });

  it('survives the restart of Consul as a leader, or is elected again', async () => {
    const voter = new Voter(await opened(), 'one');
    await voter.term();
    await server.kill9();
    await server.launch();
    const held = await eventually(
      'a term that holds',
      () => voter.heard.findLast((h) => h.term?.holds())?.term,
      {
        timeoutMs: 40_000,
      },
    );
    await eventually('a write', () => held.store.put('a', '1'));
  });
});

describe.skipIf(!hasConsul)('a real Consul with ACLs (needs consul)', () => {
  it('says what the token may not do, and works with one that may', async () => {
    const token = randomUUID();
    const server = await ConsulServer.start([
      'primary_datacenter = "dc1"',
      `acl { enabled = true, default_policy = "deny", tokens { master = "${token}" } }`,
    ]);
    const parts = { clock: systemClock, random: systemRandom, log: silentLogger };
    const config = { address: server.address, datacenter: 'dc1' };
    const without = await openConsulStore({ ...parts, config: consulConfigSchema.parse(config) });
    const withToken = await openConsulStore({
      ...parts,
      config: consulConfigSchema.parse({ ...config, token }),
    });
    try {
      await expect(without.put('a', '1')).rejects.toMatchObject({ code: 'STORE_CONSUL_REFUSED' });
      await eventually('ACLs to be ready', () => withToken.put('a', '1'), { timeoutMs: 30_000 });
      expect((await withToken.get('a'))?.value).toBe('1');
    } finally {
      await Promise.all([without.close(), withToken.close()]);
      await server.close();
    }
  });
});
