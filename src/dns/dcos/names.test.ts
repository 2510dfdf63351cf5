import { describe, expect, it } from 'vitest';
import type { CatalogPort, CatalogTask } from '../../cluster/index.ts';
import { difference, version, HandCatalog, task } from '../testing/catalog.ts';
import type { Content } from '../testing/catalog.ts';
import { Ledger } from '../testing/ledger.ts';
import { DcosNames } from './names.ts';
import { DcosStaticNames } from './static-names.ts';
import type { StaticNamesSettings } from './static-names.ts';
import type { Publisher } from '../zone/publisher.ts';

/** What a publisher says of catalogs that follow each other, one result for each. */
function follow(publisher: Publisher, contents: Content[]): string[][] {
  const [catalog, ledger] = [new HandCatalog(), new Ledger()];
  catalog.onChange((next, diff) => ledger.take(publisher.step(next, diff)));
  return contents.map((content) => {
    catalog.become(content);
    return ledger.lines();
  });
}

function port(number: number, labels: Record<string, string> = {}): CatalogPort {
  return { number, name: '', protocol: 'tcp', labels: new Map(Object.entries(labels)) };
}

/** The records of one task, without the tail and the TTL that all have. */
function records(more: Partial<CatalogTask>): string[] {
  const [lines = []] = follow(new DcosNames(), [{ tasks: [task('web.1', more)] }]);
  return lines.map((line) => {
    expect(line).toMatch(/\.dcos\.thisdcos\.directory\. .* ttl=5$/);
    return line.replace('.dcos.thisdcos.directory.', '').replace(' ttl=5', '');
  });
}
const discovery = (name: string, ...ports: CatalogPort[]) => ({
  discovery: { name, visibility: 'CLUSTER', ports },
});

describe('the names of a task', () => {
  it('show the agent, the container, and the one of them to use', () => {
    expect(records({ netinfoIps: ['9.0.0.5', 'fd01:b::5'] })).toEqual([
      'web.marathon.agentip A 10.0.0.1',
      'web.marathon.autoip A 9.0.0.5',
      'web.marathon.autoip AAAA fd01:b::5',
      'web.marathon.containerip A 9.0.0.5',
      'web.marathon.containerip AAAA fd01:b::5',
    ]);
  });

  it('have no container address where there is none', () => {
    expect(records({})).toEqual(['web.marathon.agentip A 10.0.0.1', 'web.marathon.autoip A 10.0.0.1']);
  });

  it.each([
    ['a port says so', [port(80, { 'network-scope': 'host' })], [], '10.0.0.1'],
    ['a port is one of the agent', [port(31000)], [31000], '10.0.0.1'],
    ['one of several does', [port(80), port(81, { 'network-scope': 'host' })], [], '10.0.0.1'],
    ['no port does', [port(80)], [31000], '9.0.0.5'],
    ['a port says container', [port(31000, { 'network-scope': 'container' })], [31000], '9.0.0.5'],
  ])('use the agent where a port leads there: %s', (_, given, ports, ip) => {
    const lines = records({ ...discovery('web', ...given), ports, netinfoIps: ['9.0.0.5'] });
    expect(lines.find((l) => l.includes('autoip'))).toBe(`web.marathon.autoip A ${ip}`);
  });

  it('are one label for the task and one for the framework', () => {
    expect(records({ ...discovery('c.b_a'), frameworkName: 'Prod.Marathon' })).toEqual([
      'c-b-a.prod-marathon.agentip A 10.0.0.1',
      'c-b-a.prod-marathon.autoip A 10.0.0.1',
    ]);
  });

  it.each([
    { state: 'TASK_KILLING' as const },
    { state: 'TASK_STAGING' as const },
    { agentIps: [] },
    { frameworkName: '--' },
    { name: '?' },
  ])('are not there for %j', (more) => {
    expect(records(more)).toEqual([]);
  });

  it('stay while one of several tasks has them, and follow a change of address', () => {
    const [two = [], moved = [], none] = follow(new DcosNames(), [
      { tasks: [task('web.1'), task('web.2')] },
      { tasks: [task('web.2', { netinfoIps: ['9.0.0.7'] })] },
      {},
    ]);
    expect(two).toHaveLength(2);
    expect(moved).toEqual([
      'web.marathon.agentip.dcos.thisdcos.directory. A 10.0.0.1 ttl=5',
      'web.marathon.autoip.dcos.thisdcos.directory. A 9.0.0.7 ttl=5',
      'web.marathon.containerip.dcos.thisdcos.directory. A 9.0.0.7 ttl=5',
    ]);
    expect(none).toEqual([]);
  });
});

const MASTERS = [
  { ip: '10.0.0.8', port: 5050 },
  { ip: '10.0.0.9', port: 5050 },
];

describe('the names of masters', () => {
  it('are all of them, and the leader', () => {
    const name = (label: string, ip: string): string => `${label}.dcos.thisdcos.directory. A ${ip} ttl=5`;
    const steps = follow(new DcosNames(), [
      { masters: MASTERS, leader: { ip: '10.0.0.9', port: 5050 } },
      { masters: MASTERS, leader: { ip: '10.0.0.7', port: 5050 } },
      {},
    ]);
    expect(steps).toEqual([
      [name('leader', '10.0.0.9'), name('master', '10.0.0.8'), name('master', '10.0.0.9')],
      [name('leader', '10.0.0.7'), ...['7', '8', '9'].map((n) => name('master', `10.0.0.${n}`))],
      [],
    ]);
  });
});

describe('names known by heart', () => {
  const make = (settings: Partial<StaticNamesSettings> = {}) =>
    new DcosStaticNames({ zkAddresses: [], aliases: {}, ...settings });
  const fixed = [
    'localhost. A 127.0.0.1 ttl=5',
    'localhost. AAAA ::1 ttl=5',
    'ns.spartan. A 198.51.100.1 ttl=5',
    'ready.spartan. A 127.0.0.1 ttl=5',
  ];

  it('are there once, from the first step on', () => {
    expect(follow(make(), [{}, {}])).toEqual([fixed, fixed]);
  });

  it('are there before anything is known of the cluster', () => {
    const [publisher, ledger] = [make(), new Ledger()];
    const before = version(0);
    ledger.take(publisher.step(before, difference(before, before)));
    expect(ledger.lines()).toEqual(fixed);
  });

  it('are aliases of the operator', () => {
    const aliases = { 'registry.component': 'master.dcos.thisdcos.directory' };
    expect(follow(make({ aliases }), [{}])[0]).toContain(
      'registry.component.thisdcos.directory. CNAME master.dcos.thisdcos.directory. ttl=5',
    );
  });

  it('are five of ZooKeeper, however many servers there are', () => {
    const publisher = make({ zkAddresses: ['10.0.0.1', 'fd00::2'] });
    const lines = follow(publisher, [{ masters: MASTERS }])[0] ?? [];
    expect(lines.filter((l) => l.startsWith('zk-'))).toEqual([
      'zk-1.zk. A 10.0.0.1 ttl=5',
      'zk-2.zk. AAAA fd00::2 ttl=5',
      'zk-3.zk. A 10.0.0.1 ttl=5',
      'zk-4.zk. AAAA fd00::2 ttl=5',
      'zk-5.zk. A 10.0.0.1 ttl=5',
    ]);
  });

  it('are the masters where ZooKeeper is not named, and follow them', () => {
    const zk = (lines: string[]): string[] =>
      lines.filter((l) => l.startsWith('zk-')).map((l) => l.slice(9, -6));
    const [none = [], two = [], one = []] = follow(make(), [
      {},
      { masters: MASTERS },
      { leader: { ip: '10.0.0.3', port: 1 } },
    ]);
    expect(zk(none)).toEqual([]);
    expect(zk(two)).toEqual(['A 10.0.0.8', 'A 10.0.0.9', 'A 10.0.0.8', 'A 10.0.0.9', 'A 10.0.0.8']);
    expect(zk(one)).toEqual(Array.from({ length: 5 }, () => 'A 10.0.0.3'));
  });
});
