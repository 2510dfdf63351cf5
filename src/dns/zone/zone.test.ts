import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CatalogTask } from '../../cluster/index.ts';
import { HandCatalog, agent, framework, task, version } from '../testing/catalog.ts';
import type { Content } from '../testing/catalog.ts';
import { MESOS_SETTINGS, zoneFor } from '../testing/zone.ts';
import { enumerate } from './enumerate.ts';
import { ipBytes } from '../../core/ip.ts';
import { RFC1123, RFC952, agentSuffix, domainFragment, label, taskHash } from './labels.ts';
import { sha1 } from '../../core/sha1.ts';
import { taskRecords } from './records.ts';
import type { RecordType, ZoneSettings } from './records.ts';
import type { Zone } from './zone.ts';

const zoneOf = (content: Content, more: Partial<ZoneSettings> = {}): Zone => {
  const zone = zoneFor(more);
  zone.load(version(1, content));
  return zone;
};
/** Everything in the zone, one `name TYPE value` a line, without this server's own name. */
const lines = (zone: Zone): string[] =>
  [...zone.records()]
    .map((r) => `${r.name} ${r.type} ${r.host}`)
    .filter((line) => !line.startsWith('ns1.'))
    .sort();

describe('labels', () => {
  it.each([
    ['web', 'web', 'web'],
    ['Web_Server.1', 'web-server-1', 'web-server-1'],
    ['liquor.store', 'liquor-store', 'liquor-store'],
    ['a/b c$d', 'abcd', 'abcd'],
    ['--x', 'x', 'x'],
    ['9lives', '9lives', 'lives'],
    ['-9-x', '9-x', 'x'],
    ['x-', 'x', 'x'],
    ['!!!', '', ''],
    ['---', '', ''],
    ['Zürich', 'zrich', 'zrich'],
    ['İ', '', ''],
    ['a'.repeat(70), 'a'.repeat(63), 'a'.repeat(24)],
    // What the cut leaves as hyphens at the end is filled up from behind, and may end in a hyphen again.
    [`${'a'.repeat(22)}--b-c`, `${'a'.repeat(22)}--b-c`, `${'a'.repeat(22)}b-`],
    [`${'a'.repeat(62)}-bcd`, `${'a'.repeat(62)}b`, 'a'.repeat(24)],
    [`${'a'.repeat(63)}-b`, 'a'.repeat(63), 'a'.repeat(24)],
  ])('%s', (text, rfc1123, rfc952) => {
    expect(label(text, RFC1123)).toBe(rfc1123);
    expect(label(text, RFC952)).toBe(rfc952);
  });

  it('of frameworks keep their dots', () => {
    expect(domainFragment('chronos-2.0.1', RFC1123)).toBe('chronos-2.0.1');
    expect(domainFragment('marathon-0.6.0-dev', RFC952)).toBe('marathon-0.dev');
    expect(domainFragment('..Big!..Data..', RFC1123)).toBe('big.data');
    expect(domainFragment('!!!', RFC1123)).toBe('');
  });

  it('hash task ids', () => {
    expect(taskHash('test')).toBe('iffe9');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const expected = createHash('sha1').update(new TextEncoder().encode(text)).digest();
        expect(Buffer.from(sha1(text)).equals(expected)).toBe(true);
      }),
    );
  });

  it('take the end of agent ids', () => {
    expect(agentSuffix('20240101-000000-1-5050-1-S12')).toBe('s12');
    expect(agentSuffix('20240101-2410-0')).toBe('0');
    expect(agentSuffix('plain')).toBe('plain');
  });
});

describe('ipBytes', () => {
  it('knows what Node knows', () => {
    const piece = fc.constantFrom('0', '1', '255', '256', 'ffff', ':', '::', '.', '10', 'g', 'dead', '01');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6(),
          fc.array(piece, { maxLength: 12 }).map((p) => p.join('')),
        ),
        (text) => {
          expect(ipBytes(text) !== undefined).toBe(isIP(text) !== 0);
        },
      ),
      { numRuns: 2000 },
    );
  });
  it('takes IPv4 out of IPv6', () => {
    expect(ipBytes('::ffff:10.1.2.3')).toEqual(Uint8Array.of(10, 1, 2, 3));
    expect(ipBytes('2001:db8::1')).toEqual(
      Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    );
  });
});

describe('records', () => {
  it('of a task without discovery information', () => {
    const t = task('search.1', { ports: [31000], netinfoIps: ['10.1.0.1', 'fd00::1'] });
    const c = `search-${taskHash('search.1')}-s1`;
    expect(lines(zoneOf({ tasks: [t] }))).toEqual(
      [
        'search.marathon.mesos. A 10.1.0.1',
        'search.marathon.mesos. AAAA fd00::1',
        `${c}.marathon.mesos. A 10.1.0.1`,
        `${c}.marathon.mesos. AAAA fd00::1`,
        'search.marathon.slave.mesos. A 10.0.0.1',
        `${c}.marathon.slave.mesos. A 10.0.0.1`,
        `_search._tcp.marathon.slave.mesos. SRV ${c}.marathon.slave.mesos.:31000`,
        `_search._udp.marathon.slave.mesos. SRV ${c}.marathon.slave.mesos.:31000`,
        `_search._tcp.marathon.mesos. SRV ${c}.marathon.slave.mesos.:31000`,
        `_search._udp.marathon.mesos. SRV ${c}.marathon.slave.mesos.:31000`,
      ].sort(),
    );
  });

  it('of a task with discovery information, for the name as given and as a label', () => {
    const port = (number: number, name: string, protocol: string) => ({
      number,
      name,
      protocol,
      labels: new Map(),
    });
    const t = task('b.a.x1', {
      ports: [31000],
      discovery: {
        name: 'B.a',
        visibility: 'FRAMEWORK',
        ports: [port(80, 'Web!', 'TCP'), port(81, '', ''), port(82, '', 'tcp,udp')],
      },
    });
    const hash = taskHash('b.a.x1');
    const named = (name: string): string[] => {
      const c = `${name}-${hash}-s1`;
      const srv = (service: string, port: number): string =>
        `${service}.marathon.mesos. SRV ${c}.marathon.mesos.:${port}`;
      return [
        `${name}.marathon.mesos. A 10.0.0.1`,
        `${c}.marathon.mesos. A 10.0.0.1`,
        `${name}.marathon.slave.mesos. A 10.0.0.1`,
        `${c}.marathon.slave.mesos. A 10.0.0.1`,
        `_${name}._tcp.marathon.slave.mesos. SRV ${c}.marathon.slave.mesos.:31000`,
        `_${name}._udp.marathon.slave.mesos. SRV ${c}.marathon.slave.mesos.:31000`,
        srv(`_${name}._tcp`, 80),
        srv(`_web._${name}._tcp`, 80),
        srv(`_${name}._tcp`, 81),
        srv(`_${name}._udp`, 81),
        srv(`_${name}._tcp`, 82),
        srv(`_${name}._udp`, 82),
      ];
    };
    const said = taskRecords(t, MESOS_SETTINGS).map((r) => `${r.name} ${r.type} ${r.host}`);
    expect(said.sort()).toEqual([...named('B.a'), ...named('b-a')].sort());
    // Nobody can ask for capital letters: questions are folded.
    expect(lines(zoneOf({ tasks: [t] }))).toEqual(named('b-a').sort());
  });

  it('take the addresses of the first source that has any', () => {
    const t = task('x.1', { netinfoIps: [], mesosIps: ['10.2.0.2'], dockerIps: ['172.17.0.2'] });
    expect(zoneOf({ tasks: [t] }).hosts('x.marathon.mesos.', 'A')).toEqual(['10.2.0.2']);
    expect(zoneOf({ tasks: [t] }, { ipSources: ['docker'] }).hosts('x.marathon.mesos.', 'A')).toEqual([
      '172.17.0.2',
    ]);
    const none = zoneOf({ tasks: [t] }, { ipSources: ['netinfo'] });
    expect(none.hosts('x.marathon.mesos.', 'A')).toEqual([]);
    expect(none.hosts('x.marathon.slave.mesos.', 'A')).toEqual(['10.0.0.1']);
  });

  it.each(['TASK_STAGING', 'TASK_STARTING', 'TASK_KILLING', 'TASK_UNREACHABLE'] as const)(
    'are none while %s',
    (state) => {
      expect(lines(zoneOf({ tasks: [task('x.1', { state, ports: [1] })] }))).toEqual([]);
    },
  );

  it('are none for a task whose agent is unknown', () => {
    expect(lines(zoneOf({ tasks: [task('x.1', { agentIps: [], netinfoIps: ['10.1.1.1'] })] }))).toEqual([]);
  });

  it('of frameworks, agents and masters', () => {
    const at = (ip: string, port = 5050) => ({ ip, port });
    const zone = zoneOf({
      frameworks: [
        framework({ pidPort: 4000 }),
        framework({ id: 'fw-2', ips: ['10.0.9.2'] }),
        framework({ id: 'fw-3', name: 'lost', ips: [], pidPort: 5 }),
      ],
      agents: [
        agent(),
        agent({ id: 'b-S2', ips: ['10.0.0.2'] }),
        agent({ id: 'c-S3', ips: ['10.0.0.3'], port: 5151 }),
      ],
      leader: at('10.0.0.9'),
      masters: [at('10.0.0.8'), at('10.0.0.9'), at('10.0.0.8', 6060), at('10.0.0.7')],
    });
    expect(lines(zone)).toEqual(
      [
        'marathon.mesos. A 10.0.9.1',
        'marathon.mesos. A 10.0.9.2',
        '_framework._tcp.marathon.mesos. SRV marathon.mesos.:4000',
        'slave.mesos. A 10.0.0.1',
        'slave.mesos. A 10.0.0.2',
        'slave.mesos. A 10.0.0.3',
        '_slave._tcp.mesos. SRV slave.mesos.:5051',
        '_slave._tcp.mesos. SRV slave.mesos.:5151',
        'leader.mesos. A 10.0.0.9',
        '_leader._tcp.mesos. SRV leader.mesos.:5050',
        '_leader._udp.mesos. SRV leader.mesos.:5050',
        ...['10.0.0.7', '10.0.0.8', '10.0.0.9'].map((ip) => `master.mesos. A ${ip}`),
        'master0.mesos. A 10.0.0.8',
        'master1.mesos. A 10.0.0.9',
        'master2.mesos. A 10.0.0.7',
      ].sort(),
    );
    expect(zone.hosts('ns1.mesos.', 'A')).toEqual(['10.9.9.9']);
  });

  it('give a leader that is not listed the next number', () => {
    const zone = zoneOf({
      leader: { ip: '10.0.0.5', port: 5050 },
      masters: [{ ip: '10.0.0.4', port: 5050 }],
    });
    expect(zone.hosts('master0.mesos.', 'A')).toEqual(['10.0.0.4']);
    expect(zone.hosts('master1.mesos.', 'A')).toEqual(['10.0.0.5']);
  });

  it('of hostile names are listed, and those that DNS cannot say are set aside with the reason', () => {
    const long = task(`${'a'.repeat(62)}.1`, { ports: [31000] });
    const zone = zoneOf({ tasks: [long, task('!!!.1', { name: '!!!' }), task('ok.1')] });
    expect(zone.lookup('ok.marathon.mesos.', 'A').kind).toBe('answer');
    expect(zone.lookup(`${'a'.repeat(62)}.marathon.mesos.`, 'A').kind).toBe('answer');
    const service = `_${'a'.repeat(62)}._tcp.marathon.mesos.`;
    expect(zone.hosts(service, 'SRV')).toHaveLength(1);
    expect(zone.lookup(service, 'SRV').kind).toBe('answer');
    expect(zone.hosts('.marathon.mesos.', 'A')).toEqual(['10.0.0.1']);
    const reasons = zone.unservable().map((u) => u.reason);
    expect(reasons).toContainEqual(expect.stringContaining('has an empty label'));
    expect(reasons.some((r) => r.includes("'ok."))).toBe(false);
  });
});

describe('Zone', () => {
  it('knows nothing before the first state', () => {
    expect(zoneFor().ready).toBe(false);
  });

  it('tells names that exist from names that do not', () => {
    const zone = zoneOf({ tasks: [task('x.1', { ports: [31000] })] });
    const kind = (name: string, type: RecordType): string => zone.lookup(name, type).kind;
    expect(kind('x.marathon.mesos.', 'A')).toBe('answer');
    expect(kind('x.marathon.mesos.', 'AAAA')).toBe('nodata');
    expect(kind('x.marathon.mesos.', 'TXT')).toBe('nodata');
    expect(kind('_x._tcp.marathon.mesos.', 'SRV')).toBe('answer');
    expect(kind('_x._tcp.marathon.mesos.', 'A')).toBe('nodata');
    // Nobody owns these, but something is below them.
    for (const name of ['_tcp.marathon.mesos.', 'marathon.mesos.', 'slave.mesos.', 'marathon.slave.mesos.']) {
      expect([name, kind(name, 'A')]).toEqual([name, 'nodata']);
    }
    expect(kind('mesos.', 'A')).toBe('nodata');
    expect(kind('y.marathon.mesos.', 'A')).toBe('nxdomain');
    expect(kind('y.x.marathon.mesos.', 'A')).toBe('nxdomain');
  });

  it('forgets empty names when the last one below them goes', () => {
    const catalog = new HandCatalog();
    const zone = zoneFor();
    catalog.onChange((next, diff) => zone.apply(next, diff));
    catalog.become({ tasks: [task('x.1'), task('x.2')] });
    catalog.become({ tasks: [task('x.2')] });
    expect(zone.lookup('x.marathon.mesos.', 'A').kind).toBe('answer');
    catalog.become({});
    expect(zone.lookup('marathon.mesos.', 'A').kind).toBe('nxdomain');
    expect(lines(zone)).toEqual([]);
    expect(zone.size).toBe(1);
  });

  it('does not change its revision when nothing is published differently', () => {
    const catalog = new HandCatalog();
    const zone = zoneFor();
    catalog.onChange((next, diff) => zone.apply(next, diff));
    catalog.become({ tasks: [task('x.1')] });
    const before = zone.revision;
    catalog.become({ tasks: [task('x.1', { healthy: true })] });
    expect(zone.revision).toBe(before);
    catalog.become({ tasks: [task('x.1', { healthy: true, netinfoIps: ['10.1.1.1'] })] });
    expect(zone.revision).toBeGreaterThan(before);
  });

  it('is the same whether it follows changes or starts from the end', () => {
    const anyTask: fc.Arbitrary<CatalogTask> = fc
      .record({
        id: fc.constantFrom('a.1', 'a.2', 'b.1', 'c.1', 'c.2'),
        name: fc.constantFrom('a', 'b', 'A.b', '!', 'x'.repeat(63), 'ö'),
        frameworkName: fc.constantFrom('marathon', 'marathon.sub', '!!!'),
        state: fc.constantFrom('TASK_RUNNING' as const, 'TASK_KILLING' as const),
        netinfoIps: fc.subarray(['10.1.0.1', '10.1.0.2', 'fd00::1']),
        ports: fc.subarray([31000, 31001]),
        discovery: fc.option(
          fc.record({
            name: fc.constantFrom('', 'c.b.A', 'web'),
            visibility: fc.constant('CLUSTER'),
            ports: fc.constant([
              { number: 80, name: 'http', protocol: 'tcp', labels: new Map<string, string>() },
            ]),
          }),
          { nil: undefined },
        ),
      })
      .map(({ id, ...more }) => task(id, more));
    const content: fc.Arbitrary<Content> = fc.record({
      tasks: fc.uniqueArray(anyTask, { selector: (t) => t.key, maxLength: 5 }),
      agents: fc.subarray([agent(), agent({ id: 'b-S2', ips: ['10.0.0.2'] })]),
      frameworks: fc.subarray([framework({ pidPort: 1 }), framework({ id: 'fw-2', name: 'a.marathon' })]),
      masters: fc.subarray([
        { ip: '10.0.0.8', port: 5050 },
        { ip: '10.0.0.9', port: 5050 },
      ]),
    });
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 6 }), (steps) => {
        const catalog = new HandCatalog();
        const zone = zoneFor();
        catalog.onChange((next, diff) => zone.apply(next, diff));
        for (const step of steps) catalog.become(step);
        const fresh = zoneFor();
        fresh.load(catalog.current);
        expect(lines(zone)).toEqual(lines(fresh));
        expect(zone.size).toBe(fresh.size);
        expect(zone.unservable()).toHaveLength(fresh.unservable().length);
        for (const name of [
          'marathon.mesos.',
          'slave.mesos.',
          '_tcp.marathon.mesos.',
          'sub.mesos.',
          'b.a.marathon.mesos.',
        ]) {
          expect(zone.lookup(name, 'A').kind).toBe(fresh.lookup(name, 'A').kind);
        }
      }),
    );
  });
});

describe('enumerate', () => {
  it('lists each record once, with the first task that brings it', () => {
    const tasks = [task('x.1'), task('x.2'), task('y.1', { state: 'TASK_STAGING' })];
    const frameworks = [framework(), framework({ id: 'fw-2', name: 'idle' })];
    const [marathon, idle] = enumerate(version(1, { frameworks, tasks }), MESOS_SETTINGS);
    expect(idle).toEqual({ tasks: [], name: 'idle' });
    expect(marathon?.tasks.map((t) => [t.id, t.records?.length])).toEqual([
      ['x.1', 4],
      ['x.2', 2],
    ]);
    expect(marathon?.tasks[0]?.records?.[0]).toEqual({
      name: 'x.marathon.mesos.',
      host: '10.0.0.1',
      rtype: 'A',
    });
  });

  it('says null for a task that brings nothing new', () => {
    const twin = { ...task('x.1'), key: 'fw-1 twin' };
    const [marathon] = enumerate(
      version(1, { frameworks: [framework()], tasks: [task('x.1'), twin] }),
      MESOS_SETTINGS,
    );
    expect(marathon?.tasks[1]).toEqual({ name: 'x', id: 'x.1', records: null });
  });
});
