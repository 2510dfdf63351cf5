import { describe, expect, it } from 'vitest';
import { silentLogger } from '../core/log.ts';
import { FakeClock } from '../core/testing/fake-clock.ts';
import type { CatalogFramework, SetDiff } from '../cluster/index.ts';
import { FrameworkHosts } from './framework-hosts.ts';
import { framework } from './testing/catalog.ts';
import { askUdp, queryBytes, startDns } from './testing/start.ts';

type Changed = SetDiff<CatalogFramework>['changed'];

function setup(answers: Map<string, readonly string[]>): {
  hosts: FrameworkHosts;
  clock: FakeClock;
  changes: Changed[];
  asked: string[];
  settle: () => Promise<void>;
} {
  const clock = new FakeClock();
  const changes: Changed[] = [];
  const asked: string[] = [];
  const hosts = new FrameworkHosts({
    lookup: async (host) => {
      asked.push(host);
      const ips = answers.get(host);
      if (!ips) throw new Error(`no such host ${host}`);
      return ips;
    },
    clock,
    log: silentLogger,
    onChange: (changed) => changes.push(changed),
  });
  hosts.start();
  return { hosts, clock, changes, asked, settle: () => clock.advanceAsync(1) };
}

const named = (id: string, host: string): CatalogFramework => framework({ id, host, ips: [] });
const added = (...frameworks: CatalogFramework[]): SetDiff<CatalogFramework> => ({
  added: frameworks,
  changed: [],
  removed: [],
});

describe('host names of frameworks', () => {
  it('are looked up once per name, and published when known', async () => {
    const { hosts, changes, asked, settle } = setup(new Map([['sched', ['10.0.0.2', '10.0.0.1']]]));
    expect(hosts.follow(added(named('a', 'sched'), named('b', 'sched'))).added.map((f) => f.ips)).toEqual([
      [],
      [],
    ]);
    await settle();
    expect(asked).toEqual(['sched']);
    expect(changes.flat().map(({ before, after }) => [after.id, before.ips, after.ips])).toEqual([
      ['a', [], ['10.0.0.1', '10.0.0.2']],
      ['b', [], ['10.0.0.1', '10.0.0.2']],
    ]);
    expect(hosts.follow(added(named('c', 'sched'))).added[0]?.ips).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('are left alone where there is an address, or no name at all', async () => {
    const { hosts, asked, settle } = setup(new Map());
    hosts.follow(added(framework({ host: '10.0.9.1' }), named('b', '')));
    await settle();
    expect(asked).toEqual([]);
  });

  it('are followed when they move, and kept when they no longer resolve', async () => {
    const answers = new Map<string, readonly string[]>([['sched', ['10.0.0.1']]]);
    const { hosts, clock, changes, settle } = setup(answers);
    hosts.follow(added(named('a', 'sched')));
    await settle();
    answers.set('sched', ['10.0.0.9']);
    await clock.advanceAsync(60_000);
    expect(changes.at(-1)?.map(({ before, after }) => [before.ips, after.ips])).toEqual([
      [['10.0.0.1'], ['10.0.0.9']],
    ]);
    answers.delete('sched');
    await clock.advanceAsync(60_000);
    expect(changes).toHaveLength(2);
    expect(hosts.published.get('a')?.ips).toEqual(['10.0.0.9']);
  });

  it('take out exactly what was published', async () => {
    const { hosts, settle } = setup(new Map([['sched', ['10.0.0.1']]]));
    const raw = named('a', 'sched');
    hosts.follow(added(raw));
    await settle();
    const renamed = { ...raw, name: 'other' };
    const [step] = hosts.follow({
      added: [],
      changed: [{ before: raw, after: renamed }],
      removed: [],
    }).changed;
    expect([step?.before.ips, step?.after.ips, step?.after.name]).toEqual([
      ['10.0.0.1'],
      ['10.0.0.1'],
      'other',
    ]);
    expect(hosts.follow({ added: [], changed: [], removed: [renamed] }).removed[0]?.ips).toEqual([
      '10.0.0.1',
    ]);
    expect(hosts.published.size).toBe(0);
  });

  it('a slow or failing name does not keep the others waiting for ever, and nothing comes after the stop', async () => {
    const { hosts, changes, settle } = setup(new Map([['good', ['10.0.0.1']]]));
    hosts.follow(added(named('a', 'bad'), named('b', 'good')));
    await settle();
    expect(changes.flat().map(({ after }) => after.id)).toEqual(['b']);
    hosts.follow(added(named('c', 'late')));
    hosts.stop();
    await settle();
    expect(changes.flat()).toHaveLength(1);
  });
});

it('the address of a framework that gave a host name is in DNS', async () => {
  const { dns, catalog, reactor } = await startDns();
  catalog.become({ frameworks: [named('a', 'localhost')] });
  const ask = (): ReturnType<typeof askUdp> =>
    askUdp(reactor, dns.addresses.udp, queryBytes('marathon.mesos.'));
  await expect.poll(async () => (await ask()).answers.length, { timeout: 10_000 }).toBe(1);
  await dns.stop();
});
