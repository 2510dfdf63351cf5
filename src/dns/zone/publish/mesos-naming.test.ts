import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { V0Cluster } from '../../testing/ledger.ts';
import { RFC1123, RFC952, agentSuffix, domainFragment, label, taskHash } from '../labels.ts';
import { MesosNames } from './mesos.ts';
import type { MesosNamesSettings } from './mesos.ts';

// The naming rules of Mesos-DNS, rule by rule, on documents as a master gives them. Vectors are worked out by hand from the rules; hashes by
// another implementation.

const a = (n: number): string => 'a'.repeat(n);

/** The first 25 bits of the SHA-1, five to a character. */
function hashOf(id: string): string {
  const bits = [...createHash('sha1').update(id).digest()]
    .map((b) => b.toString(2).padStart(8, '0'))
    .join('');
  const digit = (n: number): string =>
    'ybndrfg8ejkmcpqxot1uwisza345h769'[parseInt(bits.slice(n, n + 5), 2)] ?? '';
  return [0, 5, 10, 15, 20].map(digit).join('');
}

type Fields = Readonly<Record<string, unknown>>;
interface Given {
  readonly tasks?: readonly Fields[];
  readonly framework?: Fields;
  readonly frameworks?: readonly Fields[];
  readonly slaves?: readonly Fields[];
  readonly leader?: string;
}

const AGENT = { id: '2024-1-S3', pid: 'slave(1)@10.0.0.3:5051' };
const task = (more: Fields = {}): Fields => ({
  id: 't.1',
  name: 'web',
  slave_id: AGENT.id,
  state: 'TASK_RUNNING',
  ...more,
});

function names(given: Given, more: Partial<MesosNamesSettings> = {}): string[] {
  const publisher = new MesosNames({
    domain: 'mesos',
    rule: RFC1123,
    ipSources: ['netinfo', 'mesos', 'host'],
    mname: 'ns1.mesos.',
    listenerIps: [],
    health: 'include',
    networkNames: false,
    ptr: false,
    ...more,
  });
  const cluster = new V0Cluster([publisher]);
  cluster.become({
    leader: given.leader,
    slaves: given.slaves ?? [AGENT],
    frameworks: given.frameworks ?? [
      { id: 'F', name: 'marathon', tasks: given.tasks ?? [], ...given.framework },
    ],
  });
  return cluster.ledger.lines();
}
/** Without the records that the agent brings. */
const ofTasks = (given: Given, more: Partial<MesosNamesSettings> = {}): string[] =>
  names(given, more).filter((line) => !/^(_slave\._tcp\.mesos\.|slave\.mesos\.) /.test(line));
const sorted = (lines: readonly string[]): string[] => lines.toSorted();

describe('5.1 a label', () => {
  it.each([
    ['upper case becomes lower', 'WeB', 'web', 'web'],
    ['hyphens, dots and underscores become hyphens', 'a-b.c_d', 'a-b-c-d', 'a-b-c-d'],
    ['everything else goes', 'a b$c/d:e@f+g', 'abcdefg', 'abcdefg'],
    ['letters beyond ASCII go, also those whose lower case is ASCII', 'aé\u212a\u0130漢😀z', 'az', 'az'],
    ['control characters go', 'a\u0000\u001f\u007fb\n', 'ab', 'ab'],
    ['hyphens are cut from the left', '---a', 'a', 'a'],
    ['what becomes a hyphen is cut from the left too', '._-a', 'a', 'a'],
    ['digits are cut from the left by RFC 952 alone', '0-9a9', '0-9a9', 'a9'],
    ['nothing but digits', '123', '123', ''],
    ['hyphens are cut from the right', 'a--', 'a', 'a'],
    ['hyphens inside stay', 'a--b', 'a--b', 'a--b'],
    ['24 characters', a(24), a(24), a(24)],
    ['25 characters', `${a(24)}b`, `${a(24)}b`, a(24)],
    ['63 characters', a(63), a(63), a(24)],
    ['64 characters', `${a(63)}b`, a(63), a(24)],
    ['the cut is after the trim from the left', `--${a(63)}b`, a(63), a(24)],
    ['hyphens at the cut are replaced from behind', `${a(61)}--bcd`, `${a(61)}bc`, a(24)],
    ['by as many as were cut, hyphens included', `${a(22)}--b-c`, `${a(22)}--b-c`, `${a(22)}b-`],
    ['leading hyphens of the rest do not count', `${a(23)}---bc`, `${a(23)}---bc`, `${a(23)}b`],
    ['and less, when less is left', `${a(20)}----b`, `${a(20)}----b`, `${a(20)}b`],
    ['nothing is left', '!?*', '', ''],
    ['nothing at all', '', '', ''],
  ])('%s', (_, text, rfc1123, rfc952) => {
    expect(label(text, RFC1123)).toBe(rfc1123);
    expect(label(text, RFC952)).toBe(rfc952);
  });
});

describe('5.2 names', () => {
  it.each([
    ['several labels', 'a.b.c', 'a.b.c', 'a.b.c'],
    ['empty parts go', '.a..b.', 'a.b', 'a.b'],
    ['parts that become empty go', 'a.!.b', 'a.b', 'a.b'],
    ['each part is cut', `${a(70)}.b`, `${a(63)}.b`, `${a(24)}.b`],
    ['parts of digits', 'chronos-2.0.1', 'chronos-2.0.1', 'chronos-2'],
    ['hyphens inside a part', 'marathon-0.6.0-dev', 'marathon-0.6.0-dev', 'marathon-0.dev'],
    ['underscores', 'my_fw.x', 'my-fw.x', 'my-fw.x'],
    ['nothing', '!!!', '', ''],
  ])('of frameworks: %s', (_, name, rfc1123, rfc952) => {
    expect(domainFragment(name, RFC1123)).toBe(rfc1123);
    expect(domainFragment(name, RFC952)).toBe(rfc952);
  });

  it.each([
    ['20240101-000000-1-5050-1-S12', 's12'],
    ['201505012-2410-0', '0'],
    ['nohyphen', 'nohyphen'],
    ['ends-', ''],
    ['x-A_b', 'a_b'],
  ])('end in that of the agent id: %s', (id, suffix) => expect(agentSuffix(id)).toBe(suffix));

  it('have the hash of the task id', () => {
    expect(taskHash('test')).toBe('iffe9');
    for (const id of ['', 'search.1', 'ünï', '\u0000', 'x'.repeat(1000), '\ud800'])
      expect(taskHash(id)).toBe(hashOf(id));
  });

  it('of Marathon groups are one label, and as given', () => {
    const lines = ofTasks({ tasks: [task({ name: 'c.b.a', discovery: { name: 'c.b.a' } })] });
    expect(lines).toContain('c-b-a.marathon.mesos. A 10.0.0.3');
    expect(lines).toContain('c.b.a.marathon.mesos. A 10.0.0.3');
    // A task name is no discovery name: it is not published as given.
    expect(ofTasks({ tasks: [task({ name: 'c.b.a' })] }).join()).not.toContain('c.b.a.');
  });
});

describe('6.1 frameworks', () => {
  const fw = (more: Fields): string[] => names({ slaves: [], framework: more });
  it.each<readonly [string, Fields, readonly string[]]>([
    [
      'by pid',
      { pid: 'x@10.0.9.1:4000', hostname: '10.0.9.2' },
      ['_framework._tcp.marathon.mesos. SRV marathon.mesos.:4000', 'marathon.mesos. A 10.0.9.1'],
    ],
    ['by host name without one', { hostname: '10.0.9.2' }, ['marathon.mesos. A 10.0.9.2']],
    [
      'IPv6',
      { pid: 'x@[fd00::9]:4000' },
      ['_framework._tcp.marathon.mesos. SRV marathon.mesos.:4000', 'marathon.mesos. AAAA fd00::9'],
    ],
    ['inactive', { hostname: '10.0.9.2', active: false }, ['marathon.mesos. A 10.0.9.2']],
    ['none without an address', { hostname: 'not-looked-up.example.com' }, []],
    ['none with nothing', {}, []],
  ])('%s', (_, more, expected) => expect(fw(more)).toEqual(sorted(expected)));

  it('of one name merge', () => {
    const frameworks = ['10.0.9.1', '10.0.9.2', '10.0.9.1'].map((ip, n) => ({
      id: `F${n}`,
      name: 'x',
      hostname: ip,
    }));
    expect(names({ slaves: [], frameworks })).toEqual(['x.mesos. A 10.0.9.1', 'x.mesos. A 10.0.9.2']);
  });
});

describe('6.2 agents', () => {
  it('share one name, and a record for each distinct port', () => {
    const slaves = ['10.0.0.1:5051', '10.0.0.2:5051', '[fd00::3]:5052'].map((at, n) => ({
      id: `x-S${n}`,
      pid: `slave(1)@${at}`,
      active: n > 0,
    }));
    expect(names({ slaves })).toEqual([
      '_slave._tcp.mesos. SRV slave.mesos.:5051',
      '_slave._tcp.mesos. SRV slave.mesos.:5052',
      'slave.mesos. A 10.0.0.1',
      'slave.mesos. A 10.0.0.2',
      'slave.mesos. AAAA fd00::3',
    ]);
  });
});

describe('6.3 masters and this server', () => {
  it('the leader', () => {
    expect(names({ slaves: [], leader: 'master@10.0.0.9:5050' })).toEqual([
      '_leader._tcp.mesos. SRV leader.mesos.:5050',
      '_leader._udp.mesos. SRV leader.mesos.:5050',
      'leader.mesos. A 10.0.0.9',
      'master.mesos. A 10.0.0.9',
      'master0.mesos. A 10.0.0.9',
    ]);
    expect(names({ slaves: [] })).toEqual([]);
  });

  it('this server, under the name of its SOA record wherever that is', () => {
    const more = { mname: 'ns1.example.com.', listenerIps: ['10.9.9.9', 'fd00::9'] };
    expect(names({ slaves: [] }, more)).toEqual([
      'ns1.example.com. A 10.9.9.9',
      'ns1.example.com. AAAA fd00::9',
    ]);
  });
});

describe('6.4 which tasks, which addresses', () => {
  const status = (timestamp: number, more: Fields, state = 'TASK_RUNNING'): Fields => ({
    state,
    timestamp,
    ...more,
  });
  const net = (...ips: readonly string[]): Fields => ({
    container_status: { network_infos: [{ ip_addresses: ips.map((ip_address) => ({ ip_address })) }] },
  });
  const old = (ip: string): Fields => ({ container_status: { network_infos: [{ ip_address: ip }] } });
  const byLabel = (key: string, ...values: readonly string[]): Fields => ({
    labels: values.map((value) => ({ key: `${key}.NetworkSettings.IPAddress`, value })),
  });
  const host = ['10.0.0.3'];

  it.each([
    ['TASK_RUNNING', true],
    ['TASK_STAGING', false],
    ['TASK_STARTING', false],
    ['TASK_KILLING', false],
    ['TASK_UNREACHABLE', false],
    ['TASK_LOST', false],
    ['TASK_FINISHED', false],
  ])('%s: %s', (state, published) => {
    expect(ofTasks({ tasks: [task({ state })] }).length > 0).toBe(published);
  });

  it('none on an agent that is not known; health counts for nothing', () => {
    expect(ofTasks({ tasks: [task({ slave_id: 'other' })] })).toEqual([]);
    expect(ofTasks({ tasks: [task({ statuses: [status(1, { healthy: false })] })] })).toHaveLength(4);
  });

  it.each<readonly [string, readonly Fields[], readonly string[]]>([
    ['the agent where there is nothing else', [], host],
    ['netinfo', [status(1, net('10.1.0.1', '10.1.0.2'))], ['10.1.0.1', '10.1.0.2']],
    ['both families', [status(1, net('10.1.0.1', 'fd00::1'))], ['10.1.0.1', 'fd00::1']],
    ['netinfo as it once was', [status(1, old('10.1.0.1'))], ['10.1.0.1']],
    [
      'mesos by label',
      [status(1, byLabel('MesosContainerizer', '10.2.0.1', '10.2.0.2'))],
      ['10.2.0.1', '10.2.0.2'],
    ],
    ['no docker unless asked for', [status(1, byLabel('Docker', '172.17.0.2'))], host],
    [
      'the first source wins',
      [status(1, { ...net('10.1.0.1'), ...byLabel('MesosContainerizer', '10.2.0.1') })],
      ['10.1.0.1'],
    ],
    [
      'a source of nothing valid is none',
      [status(1, { ...net('', 'x', '10.1.0'), ...byLabel('MesosContainerizer', '10.2.0.1') })],
      ['10.2.0.1'],
    ],
    ['what is invalid is skipped', [status(1, net('nonsense', '10.1.0.1'))], ['10.1.0.1']],
    [
      'the newest status',
      [status(1, net('10.1.0.1')), status(3, net('10.1.0.3')), status(2, net('10.1.0.2'))],
      ['10.1.0.3'],
    ],
    ['of equal ones the first', [status(2, net('10.1.0.1')), status(2, net('10.1.0.2'))], ['10.1.0.1']],
    [
      'only of TASK_RUNNING',
      [status(1, net('10.1.0.1')), status(9, net('10.1.0.9'), 'TASK_STARTING')],
      ['10.1.0.1'],
    ],
    ['only that one: older ones do not help', [status(1, net('10.1.0.1')), status(2, {})], host],
  ])('%s', (_, statuses, expected) => {
    const lines = ofTasks({ tasks: [task({ statuses })] });
    const ips = lines
      .filter((line) => line.startsWith('web.marathon.mesos. '))
      .map((line) => line.split(' ')[2]);
    expect(ips).toEqual(expected);
    // The names on the agent always have its address.
    expect(lines).toContain('web.marathon.slave.mesos. A 10.0.0.3');
  });

  it('without any source there are no addresses, but the rest', () => {
    const lines = ofTasks({ tasks: [task({ resources: { ports: '[1-1]' } })] }, { ipSources: ['docker'] });
    expect(lines.filter((l) => l.startsWith('web.'))).toEqual(['web.marathon.slave.mesos. A 10.0.0.3']);
    expect(lines.filter((l) => l.includes(' SRV '))).toHaveLength(4);
  });
});

describe('6.5 records of a task', () => {
  const c = `web-${hashOf('t.1')}-s3`;
  const address = (name: string): string[] => [
    `${name}.marathon.mesos. A 10.0.0.3`,
    `${name}.marathon.slave.mesos. A 10.0.0.3`,
  ];
  const onAgent = (name: string, own: string, port: number): string[] =>
    ['_tcp', '_udp'].map(
      (p) => `_${name}.${p}.marathon.slave.mesos. SRV ${own}.marathon.slave.mesos.:${port}`,
    );

  it('without discovery information: ports of the resources, everywhere the name on the agent', () => {
    for (const discovery of [
      undefined,
      null,
      { name: '', ports: { ports: [{ number: 80, protocol: 'tcp' }] } },
    ])
      expect(ofTasks({ tasks: [task({ resources: { ports: '[31000-31001, 5-5]' }, discovery })] })).toEqual(
        sorted([
          ...address('web'),
          ...address(c),
          ...[31000, 31001, 5].flatMap((port) => [
            ...onAgent('web', c, port),
            ...['_tcp', '_udp'].map(
              (p) => `_web.${p}.marathon.mesos. SRV ${c}.marathon.slave.mesos.:${port}`,
            ),
          ]),
        ]),
      );
  });

  const withPort = (port: Fields): string[] =>
    ofTasks({
      tasks: [task({ discovery: { name: 'web', ports: { ports: [port] } }, resources: { ports: '[9-9]' } })],
    });
  it.each<readonly [string, Fields, readonly string[]]>([
    ['a protocol', { number: 80, protocol: 'tcp' }, ['_web._tcp']],
    ['a name', { number: 80, protocol: 'udp', name: 'http' }, ['_web._udp', '_http._web._udp']],
    ['no protocol is both', { number: 80 }, ['_web._tcp', '_web._udp']],
    ['one that becomes nothing is both', { number: 80, protocol: '!' }, ['_web._tcp', '_web._udp']],
    ['upper case', { number: 80, protocol: 'TCP', name: 'HTTP_1' }, ['_web._tcp', '_http-1._web._tcp']],
    ['a name that becomes nothing', { number: 80, protocol: 'tcp', name: '???' }, ['_web._tcp']],
    // Safely fixed: Mesos-DNS makes `_tcpudp` of it, which nobody asks for.
    [
      'two protocols',
      { number: 80, protocol: 'tcp,udp', name: 'x' },
      ['_web._tcp', '_web._udp', '_x._web._tcp', '_x._web._udp'],
    ],
    ['any protocol', { number: 80, protocol: 'sctp' }, ['_web._sctp']],
  ])('with discovery information: %s', (_, port, services) => {
    expect(withPort(port)).toEqual(
      sorted([
        ...address('web'),
        ...address(c),
        ...onAgent('web', c, 9),
        ...services.map((s) => `${s}.marathon.mesos. SRV ${c}.marathon.mesos.:80`),
      ]),
    );
  });

  it('the discovery name goes before the task name, as given and as a label', () => {
    const lines = ofTasks({
      tasks: [task({ discovery: { name: 'My.App', ports: { ports: [{ number: 80, protocol: 'tcp' }] } } })],
    });
    const own = (name: string): string => `${name}-${hashOf('t.1')}-s3`;
    expect(lines).toEqual(
      sorted(
        ['My.App', 'my-app'].flatMap((name) => [
          ...address(name),
          ...address(own(name)),
          `_${name}._tcp.marathon.mesos. SRV ${own(name)}.marathon.mesos.:80`,
        ]),
      ),
    );
  });

  it('a name that is a label already is there once', () => {
    const publisher = { tasks: [task({ discovery: { name: 'web' } })] };
    expect(ofTasks(publisher)).toEqual(sorted([...address('web'), ...address(c)]));
  });

  it('names that become nothing give odd records all the same', () => {
    const lines = ofTasks({
      tasks: [task({ name: '!!!', resources: { ports: '[1-1]' } })],
      framework: { name: '???' },
    });
    const own = `-${hashOf('t.1')}-s3`;
    const srv = ['_tcp', '_udp'].flatMap((p) => [`_.${p}..mesos.`, `_.${p}..slave.mesos.`]);
    expect(lines).toEqual(
      sorted([
        ...['..', `${own}..`].flatMap((n) => [`${n}mesos. A 10.0.0.3`, `${n}slave.mesos. A 10.0.0.3`]),
        ...srv.map((name) => `${name} SRV ${own}..slave.mesos.:1`),
      ]),
    );
  });

  it('ports beyond 16 bits stay as they are given: answers have their lowest 16', () => {
    expect(withPort({ number: 65536 + 80, protocol: 'tcp' }).join()).toContain('.marathon.mesos.:65616');
  });

  it('a framework of several labels, another domain, RFC 952', () => {
    const given = { tasks: [task({ name: '9-lives' })], framework: { name: 'Fw.sub_1' } };
    expect(ofTasks(given, { domain: 'dc.example' })).toContain('9-lives.fw.sub-1.dc.example. A 10.0.0.3');
    expect(ofTasks(given, { rule: RFC952 })).toContain('lives.fw.sub-1.mesos. A 10.0.0.3');
  });

  it('tasks of one name share it, each value once', () => {
    const tasks = ['t.1', 't.2'].map((id) => task({ id }));
    expect(ofTasks({ tasks }).filter((line) => line.startsWith('web.'))).toEqual(address('web'));
  });
});
