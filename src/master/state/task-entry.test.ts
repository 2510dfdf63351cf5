import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource, Secret, TaskInfo, TaskStatus } from '../../mesos/index.ts';
import { TASK_STATES } from '../../mesos/index.ts';
import { KeptTexts, readText } from './kept-text.ts';
import { internal } from './resource-format.ts';
import { TaskEntry, partsOf } from './task-entry.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const reservations = fc.constantFrom<Pick<Resource, 'role' | 'reservations'>[]>(
  {},
  { role: '*' },
  { role: 'web' },
  { reservations: [{ type: 'STATIC', role: 'web' }] },
  { reservations: [{ type: 'DYNAMIC', role: 'web', principal: 'p' }] },
  {
    reservations: [
      { type: 'STATIC', role: 'a' },
      { type: 'DYNAMIC', role: 'a/b' },
    ],
  },
);
const resource: fc.Arbitrary<Resource> = fc
  .tuple(
    fc.constantFrom<Resource[]>(
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.25 } },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 1, end: 3 }] } },
      { name: 'zones', type: 'SET', set: { item: ['a', 'b'] } },
      { name: 'disk', type: 'SCALAR', scalar: { value: 8 }, disk: { persistence: { id: 'd' } } },
    ),
    reservations,
  )
  .map(([r, how]) => ({ ...r, ...how, allocation_info: { role: 'web' } }));
const secret: Secret = { type: 'VALUE', value: { data: 'cGFzcw==' } };
const info: fc.Arbitrary<TaskInfo> = fc.record(
  {
    name: text,
    task_id: fc.record({ value: fc.string({ minLength: 1, maxLength: 9 }) }),
    agent_id: fc.constant({ value: 'S1' }),
    resources: fc.array(resource, { maxLength: 4 }),
    labels: fc.record({ labels: fc.array(fc.record({ key: text, value: text }), { maxLength: 3 }) }),
    discovery: fc.record({ visibility: fc.constant('CLUSTER' as const), name: text }),
    container: fc.constant({
      type: 'MESOS' as const,
      volumes: [{ mode: 'RO' as const, container_path: 's', source: { type: 'SECRET', secret } }],
    }),
    kill_policy: fc.record({ grace_period: fc.record({ nanoseconds: fc.nat() }) }),
    command: fc.record({ value: text, user: text }, { requiredKeys: ['value'] }),
    limits: fc.constantFrom({ cpus: { value: 2 } }, { mem: { value: Infinity } }),
    data: text,
  },
  { requiredKeys: ['name', 'task_id', 'agent_id', 'resources'] },
);
const status: fc.Arbitrary<TaskStatus> = fc.record(
  {
    task_id: fc.constant({ value: 't' }),
    state: fc.constantFrom(...TASK_STATES),
    uuid: fc.string({ maxLength: 5 }),
    message: text,
    timestamp: fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }),
  },
  { requiredKeys: ['task_id', 'state'] },
);
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function entryOf(of: TaskInfo, statuses: readonly TaskStatus[]): TaskEntry {
  const parts = partsOf({ ...of, resources: internal(of.resources) });
  const ids = { frameworkId: 'F', agentId: 'S1', role: 'web' };
  return new TaskEntry({ ...parts, ...ids, state: 'TASK_RUNNING', statuses });
}

describe('a task that is kept as text', () => {
  it('is what it was: to operators, to sums and to who changes it, in any order of changing and keeping', () => {
    const change = fc.oneof(
      fc.record({ says: status }),
      fc.record({ state: fc.constantFrom(...TASK_STATES) }),
      fc.constant({ keep: true }),
    );
    fc.assert(
      fc.property(info, fc.array(status, { maxLength: 2 }), fc.array(change), (of, first, changes) => {
        const texts = new KeptTexts();
        const [one, other] = [entryOf(of, first), entryOf(of, first)];
        const info = plain(one.info);
        for (const what of changes) {
          if ('keep' in what) {
            texts.beginWalk();
            one.keep(texts);
          } else
            for (const entry of [one, other]) {
              if ('state' in what) entry.state = what.state;
              else entry.record([...entry.statuses, what.says].slice(-3), what.says);
            }
          expect(plain(one.info)).toEqual(info);
          expect(one.statuses).toEqual(other.statuses);
          expect([one.state, one.updateState, one.updateUuid]).toEqual([
            other.state,
            other.updateState,
            other.updateUuid,
          ]);
          expect(one.written()).toBe(other.written());
          expect(plain(one.document())).toEqual(plain(other.document()));
          expect(JSON.parse(one.written())).toEqual(plain(other.document()));
          const picture = one.picture();
          const shown = picture instanceof TaskEntry ? picture.written() : readText(picture);
          expect(shown).toBe(other.written());
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has no secrets in it, and no limit is the word for it', () => {
    const volumes = [{ mode: 'RO', container_path: 's', source: { type: 'SECRET', secret } }] as const;
    const entry = entryOf(
      {
        name: 'n',
        task_id: { value: 't' },
        agent_id: { value: 'S1' },
        resources: [],
        container: { type: 'MESOS', volumes },
        limits: { mem: { value: Infinity }, cpus: { value: 1 } },
        data: 'c2VjcmV0',
        command: { value: './hunter2', environment: { variables: [{ name: 'A', value: 'hunter2' }] } },
      },
      [],
    );
    expect(entry.written()).not.toMatch(/cGFzcw|c2VjcmV0|hunter2/);
    expect(entry.document()).toMatchObject({ limits: { mem: { value: 'Infinity' }, cpus: { value: 1 } } });
  });

  it('is a few objects on the heap', () => {
    const { objects, bytes } = JSON.parse(
      execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', PROGRAM], {
        encoding: 'utf8',
      }),
    ) as { objects: number; bytes: number };
    // 4.4 and 476 where this was written; kept as objects it would be 75 and 5,500
    expect(objects).toBeLessThan(12);
    expect(bytes).toBeLessThan(1200);
  });
});

/** An agent brings tasks as large as those of Marathon; prints what each of them is on the heap. */
const PROGRAM = `
import { getHeapSnapshot } from 'node:v8';
import { Driver } from ${JSON.stringify(new URL('../testing/driver.ts', import.meta.url).href)};
const TASKS = 5000;
const count = async () => {
  let text = '';
  for await (const piece of getHeapSnapshot()) {
    text += piece;
    if (text.includes('"node_count":')) break;
  }
  return Number(/"node_count":(\\d+)/.exec(text)[1]);
};
const used = () => { gc(); gc(); return process.memoryUsage().heapUsed; };
const taskOf = (n) => ({
  framework_id: { value: [...d.state.frameworks.keys()][0] },
  task: {
    name: 'web.shop', task_id: { value: 'shop_web.instance-5a0e11ef-9c39-0242ac110002._app.' + n }, agent_id: { value: 'M-S0' },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.001 } },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 1000 + n, end: 1000 + n }] } },
    ],
    command: { value: './server', environment: { variables: [{ name: 'PORT0', value: String(n) }] } },
    labels: { labels: [{ key: 'HAPROXY_GROUP', value: 'external' }, { key: 'instance', value: 'number ' + n }] },
    discovery: { visibility: 'FRAMEWORK', name: 'web.shop', ports: { ports: [{ number: n, name: 'http', protocol: 'tcp' }] } },
    health_check: { type: 'HTTP', http: { port: n, path: '/health', scheme: 'http' }, interval_seconds: 10 },
  },
  state: 'TASK_RUNNING',
  last_status: {
    task_id: { value: 'shop_web.' + n }, state: 'TASK_RUNNING', uuid: 'uuid of the status ' + n, timestamp: n,
    container_status: { network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '10.0.0.1' }] }], executor_pid: n },
  },
});
const d = new Driver();
d.framework('fw');
const come = (tasks) => {
  d.agent('a', JSON.parse(JSON.stringify({
    agent_info: { id: { value: 'M-S0' }, hostname: 'h', port: 5051, resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 64 } }] },
    tasks,
  })));
  d.effects.length = 0;
  d.state.texts.beginWalk();
  for (const { tasks } of d.state.frameworks.values()) for (const task of tasks.values()) task.keep(d.state.texts);
};
come([taskOf(0)]);
const [bytes, objects] = [used(), await count()];
come(Array.from({ length: TASKS }, (_, n) => taskOf(n)));
const after = [used(), await count()];
console.log(JSON.stringify({ bytes: (after[0] - bytes) / TASKS, objects: (after[1] - objects) / TASKS }));
`;
