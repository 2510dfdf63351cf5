import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portsOf, readAgent, readTask } from './entities.ts';
import { AGENT, namesOfAgent } from './entities.ts';
import { findOne } from './find.ts';
import { readLists } from './read-lists.ts';
import { sheet, table } from './table.ts';
import { age, isoOfNanoseconds, isoOfSeconds, seconds } from './times.ts';

describe('tables', () => {
  const rows = [
    ['ID', 'STATE'],
    ['web.instance-4acd2752-2e82-4f61-a230-00b3cb5c6647', 'running'],
    ['db', 'staging'],
  ];

  it('say all of it in a pipe, and what fits where a person looks', () => {
    expect(table(rows, undefined)).toContain('web.instance-4acd2752-2e82-4f61-a230-00b3cb5c6647  running\n');
    expect(table(rows, 40).split('\n')).toEqual([
      'ID                               STATE',
      'web.instance-4a…30-00b3cb5c6647  running',
      'db                               staging',
      '',
    ]);
  });

  it('are never wider than the terminal, unless that is too narrow for all', () => {
    const cell = fc.string({ maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 10 }),
        fc.integer({ min: 33, max: 200 }),
        (cells, width) => {
          const lines = table(cells, width).split('\n').slice(0, -1);
          expect(lines).toHaveLength(cells.length);
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('have no letters that move the cursor', () => {
    expect(table([['a\u001b[2Jb\nc\tz']], undefined)).toBe('a [2Jb c z\n');
    expect(sheet([['name', 'one\ntwo\u0007']])).toBe('name  one\n      two \n');
  });
});

describe('times', () => {
  it('are read as people write them', () => {
    expect(['90s', '5m', '2h', '1d'].map(seconds)).toEqual([90, 300, 7200, 86_400]);
    for (const wrong of ['', '5', '5 m', '-5m', '1.5h', '5min'])
      expect(() => seconds(wrong)).toThrow(InvalidArgumentError);
  });

  it('are told as ages', () => {
    const ago = (s: number): string => age(new Date(1e12 - s * 1000).toISOString(), 1e12);
    expect([0, 119, 120, 7199, 7200, 172_799, 172_800].map(ago)).toEqual([
      '0s',
      '119s',
      '2m',
      '119m',
      '2h',
      '47h',
      '2d',
    ]);
    expect([age(null, 0), ago(-5)]).toEqual(['', '0s']);
  });

  it('are null where another program has written none', () => {
    expect([isoOfSeconds(1.5), isoOfSeconds(0), isoOfSeconds('x'), isoOfSeconds(1e300)]).toEqual([
      '1970-01-01T00:00:01.500Z',
      null,
      null,
      null,
    ]);
    expect([
      isoOfNanoseconds({ nanoseconds: 2e9 }),
      isoOfNanoseconds({}),
      isoOfNanoseconds(undefined),
    ]).toEqual(['1970-01-01T00:00:02.000Z', null, null]);
  });
});

describe('who is meant', () => {
  const agents = [
    { id: 'aaaa-S1', host: 'rack1-a' },
    { id: 'aaaa-S10', host: 'rack1-b' },
    { id: 'bbbb-S2', host: 'rack2-a' },
    { id: 'bbbb-S3', host: 'rack2-a' },
  ];
  const find = (wanted: string): string => findOne(AGENT, wanted, agents, namesOfAgent).id;

  it.each([
    ['aaaa-S1', 'aaaa-S1'],
    ['S1', 'aaaa-S1'],
    ['rack1-b', 'aaaa-S10'],
    ['bbbb-S3', 'bbbb-S3'],
    ['S10', 'aaaa-S10'],
    ['aa…10', 'aaaa-S10'],
  ])('%s is %s', (wanted, id) => expect(find(wanted)).toBe(id));

  it.each([
    ['rack1', /several agents are meant by 'rack1': aaaa-S1, aaaa-S10/],
    ['rack2-a', /several agents .*: bbbb-S2, bbbb-S3/],
    ['x', /there is no agent x/],
    ['', /there is no agent/],
  ])("'%s' is not clear", (wanted, why) => expect(() => find(wanted)).toThrow(why));
});

describe('what masters write', () => {
  it('is read as far as it is there', () => {
    expect(readAgent({})).toMatchObject({ id: '', address: '', state: 'active', since: null, tasks: 0 });
    const drained = {
      pid: 'slave(1)@[2001:db8::1]:5051',
      drain_info: { state: 'DRAINED' },
      active: false,
      TASK_RUNNING: 2,
    };
    expect(readAgent(drained)).toMatchObject({ address: '[2001:db8::1]:5051', state: 'drained', tasks: 2 });
    expect(readAgent({ active: false, deactivated: true }).state).toBe('deactivated');
    expect(readAgent({ active: false }).state).toBe('disconnected');
    expect(readTask({})).toMatchObject({ id: '', healthy: null, ports: [], since: null });
  });

  it('tells since when a task is in its state, and whether it is healthy', () => {
    const statuses = [
      { state: 'TASK_STARTING', timestamp: 1 },
      { state: 'TASK_RUNNING', timestamp: 2, healthy: false },
      { state: 'TASK_RUNNING', timestamp: 3, healthy: true },
      { state: 'TASK_RUNNING', timestamp: 4 },
    ];
    const task = readTask({ state: 'TASK_RUNNING', statuses });
    expect([task.since, task.healthy]).toEqual(['1970-01-01T00:00:02.000Z', true]);
  });

  it('tells ports as ranges', () => {
    expect(portsOf('[31000-31001, 31005-31005]')).toEqual([31000, 31001, 31005]);
    expect([portsOf(undefined), portsOf('[1-99999999999]').length]).toEqual([[], 65_535]);
  });

  it('is taken apart while it arrives, however it was cut', async () => {
    const document = { a: [{ n: 1 }, { n: 2 }, 3], b: { c: [{ n: 4 }], d: { e: 5 } }, x: [{ n: 9 }] };
    const bytes = Buffer.from(JSON.stringify(document));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: bytes.length }), async (size) => {
        const seen: unknown[] = [];
        const take = (item: object): void => void seen.push(item);
        async function* pieces(): AsyncGenerator<Uint8Array> {
          for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
        }
        expect(await readLists(pieces(), { a: take, b: { c: take } })).toBe(true);
        expect(seen).toEqual([{ n: 1 }, { n: 2 }, { n: 4 }]);
      }),
    );
    async function* half(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 20);
    }
    expect(await readLists(half(), {})).toBe(false);
  });
});
