import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { V0Cluster, fromScratch } from '../../testing/ledger.ts';
import { RFC1123, domainFragment, label, taskHash } from '../labels.ts';
import { MesosNames } from './mesos.ts';

const make = (): MesosNames =>
  new MesosNames({
    domain: 'mesos',
    rule: RFC1123,
    ipSources: ['host'],
    mname: 'ns1.mesos.',
    listenerIps: [],
    health: 'exclude',
    networkNames: false,
    ptr: false,
  });

interface Row {
  readonly framework: string;
  readonly name: string;
  readonly id: string;
  readonly agent?: string;
}

/** One framework for each distinct `framework`; `marathon#2` is another one with the name `marathon`. */
function document(rows: readonly Row[]): unknown {
  const frameworks = new Map<string, unknown[]>();
  for (const { framework, name, id, agent = 'x-S1' } of rows) {
    const tasks = frameworks.get(framework) ?? [];
    tasks.push({ id, name, slave_id: agent, state: 'TASK_RUNNING', statuses: [] });
    frameworks.set(framework, tasks);
  }
  return {
    slaves: ['x-S1', 'x-S2'].map((id) => ({ id, pid: `slave(1)@10.0.0.${id.slice(-1)}:5051` })),
    frameworks: [...frameworks].map(([id, tasks]) => ({ id, name: id.replace(/#.*/, ''), tasks })),
  };
}

const said = (names: MesosNames) => [...names.setAside()].map((s) => `${s.id} ${s.reason}`).sort();

describe('services whose names become the same', () => {
  const row = (name: string, framework = 'marathon'): Row => ({
    framework,
    name,
    id: `${framework}/${name}`,
  });

  it('are named while they last', () => {
    const names = make();
    const cluster = new V0Cluster([names]);
    cluster.become(document([row('b.a'), row('c.a')]));
    expect(said(names)).toEqual([]);
    cluster.become(document([row('b.a'), row('b-a'), row('c.a')]));
    expect(said(names)).toEqual([
      `b-a.marathon.mesos. the services 'marathon/b-a' and 'marathon/b.a' have this same name; it answers with the tasks of all of them`,
    ]);
    // Their records merge, as in Mesos-DNS.
    expect(cluster.ledger.records.get('b-a.marathon.mesos. A 10.0.0.1')).toBe(2);
    cluster.become(document([row('b-a'), row('c.a')]));
    expect(said(names)).toEqual([]);
  });

  it.each([
    ['altered both', [row('B.a'), row('b_a')], 1],
    ['in frameworks whose names become the same', [row('web', 'Marathon'), row('web')], 1],
    ['cut to the same', [row(`${'a'.repeat(63)}x`), row(`${'a'.repeat(63)}y`)], 1],
    ['in different frameworks', [row('b.a'), row('b-a', 'other')], 0],
    ['with a slash where a key has one', [row('web', 'a/b'), row('b/web', 'a')], 0],
  ])('%s', (_, rows, n) => {
    const names = make();
    new V0Cluster([names]).become(document(rows));
    expect(said(names)).toHaveLength(n);
  });
});

describe('tasks whose own names are the same', () => {
  it('are named while they last', () => {
    const names = make();
    const cluster = new V0Cluster([names]);
    const one = { framework: 'marathon', name: 'web', id: 'web.1' };
    const two = { ...one, framework: 'marathon#2' };
    cluster.become(document([one, two]));
    expect(said(names)).toEqual([
      `web-${taskHash('web.1')}-s1.marathon.mesos. the tasks 'marathon web.1' and 'marathon#2 web.1' have this same name of their own`,
    ]);
    cluster.become(document([one, { ...two, agent: 'x-S2' }]));
    expect(said(names)).toEqual([]);
    cluster.become(document([one, two]));
    expect(said(names)).toHaveLength(1);
    cluster.become(document([two]));
    expect(said(names)).toEqual([]);
  });

  it('are found by hash alone: another task id', () => {
    const seen = new Map<string, string>();
    let pair: readonly string[] = [];
    for (let n = 0; pair.length === 0; n++) {
      const hash = taskHash(`web.${n}`);
      const other = seen.get(hash);
      if (other !== undefined) pair = [other, `web.${n}`];
      seen.set(hash, `web.${n}`);
    }
    const names = make();
    new V0Cluster([names]).become(document(pair.map((id) => ({ framework: 'marathon', name: 'web', id }))));
    expect(said(names)).toEqual([expect.stringContaining(`'marathon ${pair[0]}' and 'marathon ${pair[1]}'`)]);
  });
});

it('any steps lead to what a start from the end says, and a plain count agrees', () => {
  const anyRow: fc.Arbitrary<Row> = fc.record({
    framework: fc.constantFrom('marathon', 'Marathon', 'marathon#2'),
    name: fc.constantFrom('b.a', 'b-a', 'B-a', 'web'),
    id: fc.constantFrom('t.1', 't.2', 't.3'),
    agent: fc.constantFrom('x-S1', 'x-S2'),
  });
  const anyRows = fc.uniqueArray(anyRow, { selector: (r) => `${r.framework} ${r.id}`, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(anyRows, { minLength: 1, maxLength: 6 }), (steps) => {
      const names = make();
      const cluster = new V0Cluster([names]);
      for (const rows of steps) {
        cluster.become(document(rows), 0);
        const fresh = make();
        fromScratch([fresh], cluster.current);
        expect(said(names)).toEqual(said(fresh));
        const services = new Map<string, Set<string>>();
        const own = new Map<string, number>();
        for (const t of cluster.current.tasks.values()) {
          const tail = `${domainFragment(t.frameworkName, RFC1123)}.mesos.`;
          const name = `${label(t.name, RFC1123)}.${tail}`;
          services.set(name, (services.get(name) ?? new Set()).add(`${t.frameworkName}/${t.name}`));
          const mine = `${label(t.name, RFC1123)}-${taskHash(t.id)}-${t.agentId.slice(2).toLowerCase()}.${tail}`;
          own.set(mine, (own.get(mine) ?? 0) + 1);
        }
        const expected = [
          ...[...services].filter(([, keys]) => keys.size > 1).map(([name]) => name),
          ...[...own].filter(([, n]) => n > 1).map(([name]) => name),
        ];
        expect([...names.setAside()].map((s) => s.id).sort()).toEqual(expected.sort());
      }
    }),
    { numRuns: 200 },
  );
});
