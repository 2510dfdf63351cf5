import fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runAtOnce } from '../../../core/slices.ts';
import { ClusterModel, diffStates, stateFromV0, stateFromV1 } from '../../model/index.ts';
import type { ClusterState } from '../../model/index.ts';
import { DocumentReader } from './reader.ts';

const utf8 = new TextEncoder();
const CONTEXT = { masters: [], leader: undefined };

function parts(state: ClusterState): unknown {
  const { agents, frameworks, tasks, rejected, leader } = state;
  return [agents, frameworks, tasks, rejected].map((map) => [...map]).concat([[leader] as never]);
}

/** Feed a document in pieces whose memory is used again; undefined where it is not JSON. */
function feed(
  reader: DocumentReader,
  version: 'v0' | 'v1',
  bytes: Uint8Array,
  cuts: readonly number[],
): unknown {
  reader.begin(version);
  let from = 0;
  for (const cut of [...cuts.map((c) => c % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    const piece = bytes.slice(from, cut);
    runAtOnce(reader.push(piece));
    piece.fill(0x20);
    from = cut;
  }
  return reader.end();
}

const subscribed = (document: unknown): unknown =>
  (document as { readonly subscribed?: { readonly get_state?: unknown } }).subscribed?.get_state;

const STATES = [
  'TASK_RUNNING',
  'TASK_STAGING',
  'TASK_KILLING',
  'TASK_FAILED',
  'TASK_UNREACHABLE',
  'TASK_ODD',
];
const id = fc.constantFrom('a', 'b', 'é"\\n', '');
const odd = fc.constantFrom<unknown>(null, 7, 'x', [], {}, { id: 'a' });
const mostly = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: odd });
const status = fc.record({
  state: fc.constantFrom('TASK_RUNNING', 'TASK_STARTING'),
  timestamp: fc.constantFrom(1, 2.5, 1_790_000_000.25),
  healthy: fc.constantFrom(true, false, 'true', undefined),
  container_status: fc.constantFrom(undefined, {
    network_infos: [{ name: 'dcos', ip_addresses: [{ ip_address: '10.1.2.3' }] }],
  }),
});
const labels = fc.constantFrom(undefined, [{ key: 'a', value: 'b' }], [{ key: '' }], {
  labels: [{ key: 'c' }],
});
const common = {
  name: mostly(fc.constantFrom('web', 'api')),
  state: mostly(fc.constantFrom(...STATES)),
  statuses: mostly(fc.array(status, { maxLength: 2 })),
  labels,
  discovery: fc.constantFrom(undefined, 3, { name: 'web', ports: { ports: [{ number: 80 }, {}] } }),
};
const taskV0 = fc.record(
  { id, framework_id: fc.constantFrom('F', 'G', ''), slave_id: mostly(fc.constantFrom('A', 'B')), ...common },
  { requiredKeys: ['slave_id', 'name', 'state'] },
);
const list = (of: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  mostly(fc.array(mostly(of), { maxLength: 4 }));
const agentV0 = fc.record(
  {
    id: fc.constantFrom('A', 'B'),
    pid: mostly(fc.constantFrom('slave(1)@10.0.0.1:5051', 'x')),
    hostname: mostly(id),
  },
  { requiredKeys: [] },
);
const frameworkV0 = fc.record(
  {
    id: fc.constantFrom('F', 'G'),
    name: mostly(fc.constantFrom('marathon', 'chronos')),
    labels,
    tasks: list(taskV0),
    unreachable_tasks: list(taskV0),
    completed_tasks: list(taskV0),
    active: fc.boolean(),
    offers: odd,
    pid: mostly(fc.constant('s@10.0.0.5:1')),
  },
  { requiredKeys: ['tasks'] },
);
const stateV0 = fc.record(
  {
    slaves: list(agentV0),
    frameworks: fc.array(mostly(frameworkV0), { maxLength: 3 }),
    leader: mostly(fc.constant('master@10.0.0.9:5050')),
    flags: odd,
    completed_frameworks: list(frameworkV0),
  },
  { requiredKeys: ['frameworks'] },
);
const value = fc.constantFrom({ value: 'a' }, { value: 'b' }, 'c', {}, undefined);
const taskV1 = fc.record({ task_id: value, framework_id: value, agent_id: value, ...common });
const getState = fc.record(
  {
    get_tasks: mostly(
      fc.record({ tasks: list(taskV1), unreachable_tasks: list(taskV1) }, { requiredKeys: [] }),
    ),
    get_agents: mostly(
      fc.record({
        agents: list(
          fc.record({ agent_info: fc.record({ id: value }), pid: fc.constant('slave(1)@10.0.0.1:5051') }),
        ),
        recovered_agents: odd,
      }),
    ),
    get_frameworks: mostly(
      fc.record({ frameworks: list(fc.record({ framework_info: fc.record({ id: value, name: id }) })) }),
    ),
    get_executors: odd,
  },
  { requiredKeys: [] },
);

/** The same value, with the members of objects in another order, and some of them twice. */
function shuffled(value: unknown, turn: number): string {
  if (Array.isArray(value)) return `[${value.map((v) => shuffled(v, turn + 1)).join(' , ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .map(([k, v]) => `${JSON.stringify(k)}: ${shuffled(v, turn + 1)}`);
  const cut = members.length === 0 ? 0 : turn % members.length;
  const twice = turn % 5 === 0 ? members.slice(0, 1) : [];
  return `{${[...twice, ...members.slice(cut), ...members.slice(0, cut)].join(',')}}`;
}

const cuts = fc.array(fc.nat(4000), { maxLength: 6 });

/** Documents one after another: some as they were, some changed a little, some quite another. */
const history = fc
  .array(fc.tuple(stateV0, fc.nat(20), cuts, fc.constantFrom('new', 'same', 'less', 'more')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((steps) => {
    let last: unknown;
    return steps.map(([document, turn, at, how], i) => {
      if (i === 0 || how === 'new') last = document;
      else if (how !== 'same') last = trimmed(last, how === 'less');
      return [last, how === 'new' ? turn : 1, at] as const;
    });
  });

/** The same with one item fewer in each list, or one more. */
function trimmed(value: unknown, fewer: boolean): unknown {
  if (Array.isArray(value))
    return (fewer ? value.slice(1) : [...value.slice(0, 1), ...value]).map((v) => trimmed(v, fewer));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, trimmed(v, fewer)]));
}

it('makes of v0 documents what stateFromV0 makes of them, one after another', () => {
  let same = 0;
  fc.assert(
    fc.property(history, (documents) => {
      const reader = new DocumentReader(documents.length);
      let known = new ClusterModel();
      let knownWhole = new ClusterModel();
      let textBefore = '';
      for (const [document, turn, at] of documents) {
        const text = shuffled(document, turn);
        const expected = stateFromV0(JSON.parse(text), []);
        const skeleton = feed(reader, 'v0', utf8.encode(text), at);
        // What is written the same is unchanged, and what is unchanged says the same.
        const { unchanged } = reader;
        if (text === textBefore) expect(unchanged).toBe(true);
        if (unchanged) expect(parts(expected)).toEqual(parts(knownWhole));
        if (unchanged) same++;
        textBefore = text;
        const state = runAtOnce(reader.stateV0(skeleton, []));
        expect(parts(state)).toEqual(parts(expected));
        expect(diffStates(known, state)).toEqual(diffStates(knownWhole, expected));
        known = state;
        knownWhole = expected;
      }
    }),
    { numRuns: 1500 },
  );
  expect(same).toBeGreaterThan(200);
});

it('makes of a SUBSCRIBED event what stateFromV1 makes of it', () => {
  fc.assert(
    fc.property(mostly(getState), fc.nat(20), cuts, (get_state, turn, at) => {
      const text = shuffled(
        { type: 'SUBSCRIBED', subscribed: { get_state, heartbeat_interval_seconds: 15 } },
        turn,
      );
      const reader = new DocumentReader(1);
      const event = feed(reader, 'v1', utf8.encode(text), at) as { readonly type: string };
      expect(event.type).toBe('SUBSCRIBED');
      const state = runAtOnce(reader.stateV1(subscribed(event), CONTEXT));
      expect(parts(state)).toEqual(parts(stateFromV1(subscribed(JSON.parse(text)), CONTEXT)));
    }),
    { numRuns: 1500 },
  );
});

it('fails on a document with a fault anywhere, and reads the next one as if it had not been', () => {
  fc.assert(
    fc.property(
      stateV0,
      fc.nat(),
      fc.constantFrom('}', '"', '\\', 'x', ',', ''),
      cuts,
      (document, place, put, at) => {
        const good = JSON.stringify(document);
        const where = place % good.length;
        const bad = put === '' ? good.slice(0, where) : good.slice(0, where) + put + good.slice(where + 1);
        let fine = true;
        try {
          JSON.parse(bad);
        } catch {
          fine = false;
        }
        const reader = new DocumentReader(3);
        feed(reader, 'v0', utf8.encode(good), []);
        expect(feed(reader, 'v0', utf8.encode(bad), at) !== undefined).toBe(fine);
        const state = runAtOnce(reader.stateV0(feed(reader, 'v0', utf8.encode(good), at), []));
        expect(parts(state)).toEqual(parts(stateFromV0(JSON.parse(good), [])));
      },
    ),
    { numRuns: 1500 },
  );
});

it('reads every recorded state as it is read whole', () => {
  const folder = new URL('../../../../test/fixtures/golden/', import.meta.url);
  const reader = new DocumentReader(9);
  let seen = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.jsonl')))
    for (const line of readFileSync(new URL(file, folder), 'utf8').trim().split('\n')) {
      const { response } = JSON.parse(line) as { readonly response?: { readonly body?: unknown } };
      const body = response?.body;
      if (typeof body !== 'object' || body === null) continue;
      if ('frameworks' in body && 'slaves' in body) {
        const skeleton = feed(reader, 'v0', utf8.encode(JSON.stringify(body)), [1000, 1001, 5000]);
        expect(parts(runAtOnce(reader.stateV0(skeleton, [])))).toEqual(parts(stateFromV0(body, [])));
        seen++;
      } else if ('get_state' in body) {
        const event = { type: 'SUBSCRIBED', subscribed: { get_state: body.get_state } };
        const skeleton = feed(reader, 'v1', utf8.encode(JSON.stringify(event, null, 1)), [999]);
        expect(parts(runAtOnce(reader.stateV1(subscribed(skeleton), CONTEXT)))).toEqual(
          parts(stateFromV1(body.get_state, CONTEXT)),
        );
        seen++;
      }
    }
  expect(seen).toBeGreaterThan(20);
});

it('gives the very same task for the same bytes, wherever they stand, and lets go of what is gone', () => {
  const reader = new DocumentReader(5);
  const task = (n: number): object => ({
    id: `t${n}`,
    name: 'x',
    framework_id: 'F',
    slave_id: 'A',
    state: 'TASK_RUNNING',
  });
  const read = (numbers: readonly number[]): ClusterState => {
    const document = { slaves: [], frameworks: [{ id: 'F', name: 'f', tasks: numbers.map(task) }] };
    return runAtOnce(reader.stateV0(feed(reader, 'v0', utf8.encode(JSON.stringify(document)), [300]), []));
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  const first = read(range(0, 1000));
  const second = read(range(0, 1500).toReversed());
  for (const [key, value] of first.tasks) expect(second.tasks.get(key)).toBe(value);
  read(range(2000, 2010));
  const again = read(range(0, 1000));
  expect(parts(again)).toEqual(parts(first));
  expect(again.tasks.get('F t5')).not.toBe(first.tasks.get('F t5'));
});
