import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../core/random.ts';
import type { Random } from '../../../core/random.ts';
import type { CatalogTask } from '../../../cluster/index.ts';
import { V0Cluster, fromScratch, lineOf } from '../../testing/ledger.ts';
import { RFC1123, domainFragment } from '../labels.ts';
import { unservable } from '../record-data.ts';
import { createNames } from './index.ts';
import type { Names, NamesSettings } from './index.ts';

// What stops Mesos-DNS, and everything else that a master may say of tasks, agents and frameworks that are no use: it must hurt
// nobody else, and be named.

const SEED = 20240917;
const TASKS = 500;

const settings: NamesSettings = {
  domain: 'mesos',
  rule: RFC1123,
  ipSources: ['netinfo', 'docker', 'mesos', 'host'],
  mname: 'ns1.mesos.',
  listenerIps: [],
  health: 'exclude',
  legacyNames: true,
  agentNames: true,
  networkNames: true,
  ptr: true,
};

type Json = Readonly<Record<string, unknown>>;

interface Entity {
  readonly json: Json;
  /** What must be named, by its task id or entity id; undefined where nothing is wrong, only odd. */
  readonly bad: string | undefined;
}

const a = (n: number): string => 'a'.repeat(n);
const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)] as T;
const discovery = (name: unknown, ...ports: readonly unknown[]): Json => ({
  discovery: { name, ports: { ports } },
});

const good = (n: number, net = '10.1'): Json => ({
  id: `good-${n}.1`,
  name: `good-${n % 40}`,
  slave_id: `g-S${n % 4}`,
  state: 'TASK_RUNNING',
  resources: { ports: `[${31000 + n}-${31000 + n}]` },
  statuses: [
    {
      state: 'TASK_RUNNING',
      timestamp: n,
      healthy: n % 3 === 0 ? false : undefined,
      container_status: {
        network_infos: [{ name: 'dmz', ip_addresses: [{ ip_address: `${net}.${n >> 8}.${n & 255}` }] }],
      },
    },
  ],
  ...(n % 2 === 0 ? discovery(`good.${n % 40}`, { number: 80, name: 'http', protocol: 'tcp' }) : {}),
});

const NASTY = [
  '',
  '.',
  '..',
  '!!!',
  '\u0000\u0001',
  'ünïcödé',
  '漢字',
  '😀',
  'a b',
  'x.',
  '.x',
  '--',
  'a\\b',
  '\ud800',
  "';--",
];

/** Ways in which a task can be odd, with whether that is to be named. */
const TASK_KINDS: readonly ((random: Random) => readonly [more: Json, named: boolean])[] = [
  (r) => [{ name: pick(r, ['', '!!!', '---', '漢字', '\u0000']) }, true],
  (r) => [{ name: pick(r, [null, 7, {}, [], true]) }, true],
  (r) => [{ name: `Odd_${r.int(9)}.${pick(r, ['é', '\u0007', ' ', '漢'])}x` }, false],
  (r) => [{ name: a(300) + String(r.int(99)) }, false],
  (r) => [discovery(a(300) + String(r.int(99))), true],
  (r) => [discovery(`odd${pick(r, ['é', '漢', '😀', '\ud800', '\\'])}`), true],
  // DNS can say these, and they are there as given.
  (r) => [discovery(`odd${pick(r, ['\u0007', ' ', '\u0000', '*'])}`), false],
  (r) => [discovery(`Upper.CASE${r.int(9)}`), false],
  (r) => [discovery(`odd..${r.int(9)}`), true],
  (r) => [discovery(Array.from({ length: 6 }, () => a(50)).join('.') + String(r.int(9))), true],
  (r) => [
    discovery(`odd-port-${r.int(9)}`, { number: pick(r, [65_536, 70_000, -1, 2 ** 40]), protocol: 'tcp' }),
    true,
  ],
  (r) => [
    discovery(`odd-port-${r.int(9)}`, { number: pick(r, ['x', null, 1.5, {}]), protocol: 'tcp' }),
    true,
  ],
  (r) => [
    discovery(`odd-name-${r.int(9)}`, {
      number: 1,
      name: pick(r, [...NASTY, a(300)]),
      protocol: pick(r, [...NASTY, a(300)]),
    }),
    false,
  ],
  (r) => [{ discovery: pick(r, ['x', 7, [1]]) }, true],
  (r) => [{ resources: { ports: pick(r, ['31000', '31000-31001', '(1-2)', ']1-2[']) } }, true],
  (r) => [
    { resources: { ports: pick(r, ['[31000]', '[1-2,3]', '[a-b]', '[5-1]', '[0-99999999]', '[1--2]']) } },
    true,
  ],
  (r) => [{ resources: pick(r, [null, 'x', 7, [], { ports: '' }, { ports: null }]) }, false],
  (r) => [{ state: pick(r, [null, '', 'RUNNING', 7, 'task_running']) }, true],
  (r) => [{ slave_id: pick(r, [null, '', 7]) }, true],
  (r) => [{ labels: pick(r, [[{ value: 'x' }], [{ key: 'k', value: {} }], [7]]) }, true],
  (r) => [{ labels: [{ key: 'dns.weight', value: pick(r, ['heavy', '-1', '70000', '']) }] }, true],
  (r) => [{ name: `odd-health-${r.int(99)}`, labels: [{ key: 'dns.health', value: 'bad' }] }, true],
  (r) => [{ name: `odd-answers-${r.int(99)}`, labels: [{ key: 'dns.answers', value: '0' }] }, true],
  (r) => [
    {
      statuses: pick(r, [
        null,
        'x',
        [null],
        [7],
        [{ state: 'TASK_RUNNING', timestamp: 'soon', container_status: 7 }],
      ]),
    },
    false,
  ],
  (r) => [
    {
      statuses: [
        {
          state: 'TASK_RUNNING',
          container_status: {
            network_infos: [
              {
                name: pick(r, NASTY),
                ip_addresses: [
                  { ip_address: pick(r, ['10.0.0', 'fd00::g', '', '::ffff:10.1.1.1', '10.0.0.1']) },
                  null,
                ],
              },
            ],
          },
        },
      ],
    },
    false,
  ],
  // Waits in the model for its agent, which may yet come.
  (r) => [{ slave_id: pick(r, ['unknown-S1', '\u0000', a(300)]) }, false],
];

function hostile(n: number, random: Random): Entity {
  const id = `odd-${n}${pick(random, ['', '.é', '\u0000', ' ', a(200)])}`;
  const [more, named] = (TASK_KINDS[n % TASK_KINDS.length] as (typeof TASK_KINDS)[number])(random);
  return {
    json: { ...good(n, '10.2'), id, name: `odd-${n}`, discovery: undefined, ...more },
    bad: named ? id : undefined,
  };
}

const AGENTS: readonly Entity[] = [
  { json: { id: 'no-pid-S1', hostname: 'x' }, bad: 'no-pid-S1' },
  { json: { id: 'empty-pid-S1', pid: '' }, bad: 'empty-pid-S1' },
  { json: { id: 'no-at-S1', pid: '10.0.0.1:5051' }, bad: 'no-at-S1' },
  { json: { id: 'no-port-S1', pid: 'slave(1)@10.0.0.1' }, bad: 'no-port-S1' },
  { json: { id: 'named-S1', pid: 'slave(1)@agent.example.com:5051' }, bad: 'named-S1' },
  { json: { id: 'number-S1', pid: 7 }, bad: 'number-S1' },
  { json: { pid: 'slave(1)@10.0.0.1:5051' }, bad: 'slaves[' },
  { json: { id: `odd-\u0000é${a(300)}`, hostname: 'é', pid: 'slave(1)@10.0.0.8:5051' }, bad: undefined },
];

/** Frameworks whose one task must be named with them, or not. */
const FRAMEWORKS: readonly Entity[] = [
  { json: { id: 'F-no-name' }, bad: 'F-no-name' },
  { json: { name: 'no-id' }, bad: 'frameworks[' },
  { json: { id: 'F-bad-pid', name: 'bad-pid', pid: 'nonsense' }, bad: 'F-bad-pid' },
  { json: { id: 'F-empty-pid', name: 'empty-pid', pid: '' }, bad: 'F-empty-pid' },
  { json: { id: 'F-host', name: 'host', hostname: 'not a host name' }, bad: undefined },
  { json: { id: 'F-odd', name: '漢字', pid: 's@10.0.9.9:1' }, bad: undefined },
  { json: { id: 'F-long', name: Array.from({ length: 5 }, () => a(60)).join('.') }, bad: undefined },
  { json: { id: 'F-tasks', name: 'tasks', tasks: 'none' }, bad: 'frameworks[7].tasks' },
];

interface Torture {
  readonly cluster: V0Cluster;
  readonly names: Names;
}

function run(state: unknown): Torture {
  const names = createNames(settings, { records: [], answerLimits: {} });
  const cluster = new V0Cluster(names.publishers);
  cluster.become(state);
  return { cluster, names };
}

const GOOD_AGENTS = [0, 1, 2, 3].map((n) => ({
  id: `g-S${n}`,
  hostname: `g${n}`,
  pid: `slave(1)@10.0.0.${n}:5051`,
}));
const goodTasks = Array.from({ length: TASKS }, (_, n) => n).filter((n) => n % 5 === 0);

function state(odd: readonly Entity[]): unknown {
  const withOdd = odd.length > 0;
  const duplicate = { ...good(1, '10.2'), id: 'odd-twice', name: 'odd-twice' };
  return {
    leader: 'master@leader.example.com:5050',
    slaves: [...(withOdd ? AGENTS.map((e) => e.json) : []), ...GOOD_AGENTS],
    frameworks: [
      ...(withOdd
        ? FRAMEWORKS.map((e) => ({
            tasks: [{ ...good(1, '10.2'), id: 'odd-in', name: 'odd-in' }],
            ...e.json,
          }))
        : []),
      {
        id: 'F',
        name: 'marathon',
        tasks: [...odd.map((e) => e.json), ...goodTasks.map((n) => good(n)), ...(withOdd ? [duplicate] : [])],
      },
      ...(withOdd ? [{ id: 'F2', name: 'marathon', tasks: [duplicate] }, null, 7, 'x', []] : []),
    ],
  };
}

const random = seededRandom(SEED);
const odd = Array.from({ length: TASKS }, (_, n) => n)
  .filter((n) => n % 5 !== 0)
  .map((n, i) => hostile(i, random));

/** Everything that is named, one text for each. */
function namedBy({ cluster, names }: Torture): string[] {
  const said = [...cluster.current.rejected.values(), ...names.setAside()].map(
    (r) => `${r.kind} ${r.id}: ${r.reason}`,
  );
  const unsaid = (task: CatalogTask): string[] =>
    names.recordsOf(task).flatMap((r) => {
      const reason = unservable(r);
      return reason === undefined ? [] : [`record of ${task.key} ${serviceOf(task)}: ${reason}`];
    });
  return [...said, ...[...cluster.current.tasks.values()].flatMap(unsaid)];
}
const serviceOf = (task: CatalogTask): string => `${task.frameworkName}/${task.name}`;

describe(`a state with ${odd.length} hostile tasks (seed ${SEED})`, () => {
  const all = run(state(odd));
  const alone = run(state([]));

  it('is read, and leaves the others byte for byte as they are', () => {
    expect(odd).toHaveLength(400);
    const goodOnes = [...alone.cluster.current.tasks.values()];
    expect(goodOnes).toHaveLength(100);
    for (const task of goodOnes) {
      const same = all.cluster.current.tasks.get(task.key);
      expect(same).toEqual(task);
      expect(all.names.recordsOf(task)).toEqual(alone.names.recordsOf(task));
    }
    // Also name by name: nothing strange has come to their names, apart from those that all agents share.
    const names = new Set(goodOnes.flatMap((t) => alone.names.recordsOf(t).map((r) => r.name)));
    const linesOf = ({ cluster }: Torture): string[] =>
      cluster.ledger.lines().filter((line) => names.has(line.slice(0, line.indexOf(' '))));
    expect(linesOf(all)).toEqual(linesOf(alone));
    expect(names.size).toBeGreaterThan(150);
  });

  it('has every bad entity named, with a reason, and none of the good', () => {
    const named = namedBy(all);
    // The leader that is a name stands in both states.
    expect(namedBy(alone)).toEqual([expect.stringContaining("named 'leader.example.com'")]);
    for (const text of named) expect(text).toMatch(/: ./s);
    for (const { bad } of [...AGENTS, ...FRAMEWORKS]) {
      if (bad !== undefined) expect(named).toContainEqual(expect.stringContaining(bad));
    }
    const missing = odd.filter(({ bad, json }) => {
      if (bad === undefined) return false;
      const key = `F ${bad}`;
      const service = `marathon/${String(json['name'])}:`;
      return !named.some(
        (text) => text.includes(`${key}:`) || text.includes(`${key} `) || text.includes(` ${service}`),
      );
    });
    expect(missing).toEqual([]);
    expect(named.join('\n')).not.toContain('good-');
  });

  it('names the same task id in two frameworks of one name, and names over 255 bytes', () => {
    const named = namedBy(all);
    expect(named).toContainEqual(
      expect.stringContaining("'F odd-twice' and 'F2 odd-twice' have this same name"),
    );
    const long = domainFragment(String(FRAMEWORKS[6]?.json['name']), RFC1123);
    expect(long.length).toBeGreaterThan(255);
    expect(named).toContainEqual(
      expect.stringMatching(/^record of F-long odd-in .*characters, at most 254/s),
    );
  });

  it('has no leader where the leader is a host name', () => {
    expect(all.cluster.ledger.lines().filter((line) => /^_?(leader|master)/.test(line))).toEqual([]);
  });

  it('comes and goes without a trace', () => {
    const { cluster, names } = run(state([]));
    const before = cluster.ledger.lines();
    cluster.become(state(odd));
    expect(cluster.ledger).toEqual(
      fromScratch(createNames(settings, { records: [], answerLimits: {} }).publishers, cluster.current),
    );
    cluster.become(state([]), 1);
    expect(cluster.ledger.lines()).toEqual(before);
    expect([...names.setAside()]).toEqual([]);
    expect([...cluster.current.rejected.values()].map((r) => r.kind)).toEqual(['master']);
    expect(before.length).toBe(new Set(before).size);
    expect(before).toContain(lineOf({ name: 's0.agent.mesos.', type: 'A', host: '10.0.0.0' }));
  });
});
