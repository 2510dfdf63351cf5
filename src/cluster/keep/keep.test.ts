import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { silentLogger } from '../../core/log.ts';
import { ClusterModel, sameValue, taskKey } from '../model/index.ts';
import type { ClusterState, ModelAgent, ModelFramework, ModelTask, Rejection } from '../model/index.ts';
import { diskFiles } from './files.ts';
import type { KeepFiles } from './files.ts';
import { encodeKept, KeptReader } from './format.ts';
import type { Kept } from './format.ts';
import { StateKeeper } from './keeper.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const number = fc.integer();
const labels = fc.array(fc.tuple(text, text), { maxLength: 3 }).map((pairs) => new Map(pairs));
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const all = { noNullPrototype: true } as const;

const agent: fc.Arbitrary<ModelAgent> = fc.record(
  { id: text, hostname: text, host: text, port: number, active: fc.boolean() },
  all,
);
const framework: fc.Arbitrary<ModelFramework> = fc.record(
  {
    id: text,
    name: text,
    hostname: text,
    pid: maybe(fc.record({ host: text, port: number }, all)),
    active: fc.boolean(),
    labels,
    declarations: maybe(fc.array(text, { maxLength: 2 })),
  },
  all,
);
const texts = fc.array(text, { maxLength: 2 });
const task: fc.Arbitrary<ModelTask> = fc
  .record(
    {
      id: text,
      name: text,
      frameworkId: text,
      agentId: text,
      state: fc.constantFrom('TASK_RUNNING', 'TASK_STAGING', 'TASK_UNREACHABLE'),
      ports: fc.array(number, { maxLength: 3 }),
      discovery: maybe(
        fc.record(
          {
            name: text,
            visibility: text,
            ports: fc.array(fc.record({ number, name: text, protocol: text, labels }, all), { maxLength: 2 }),
          },
          all,
        ),
      ),
      labels,
      startedAtMs: number,
      hasHealthCheck: fc.boolean(),
      running: maybe(
        fc.record(
          {
            timestampMs: number,
            healthy: maybe(fc.boolean()),
            netinfoIps: texts,
            dockerIps: texts,
            mesosIps: texts,
            networks: fc.array(fc.record({ name: text, ips: texts }, all), { maxLength: 2 }),
          },
          all,
        ),
      ),
    },
    all,
  )
  .map((fields) => ({ ...fields, key: taskKey(fields.frameworkId, fields.id) }));
const rejection: fc.Arbitrary<Rejection> = fc.record(
  { kind: fc.constantFrom('agent', 'framework', 'task'), id: text, reason: text },
  all,
);
const endpoint = fc.record({ ip: text, port: number }, all);
const byKey = <T>(values: readonly T[], key: (value: T) => string): Map<string, T> =>
  new Map(values.map((v) => [key(v), v]));

const kept: fc.Arbitrary<Kept> = fc.record({
  asOfMs: fc.nat(),
  state: fc.record({
    agents: fc.array(agent, { maxLength: 4 }).map((a) => byKey(a, (v) => v.id)),
    frameworks: fc.array(framework, { maxLength: 4 }).map((a) => byKey(a, (v) => v.id)),
    tasks: fc.array(task, { maxLength: 6 }).map((a) => byKey(a, (v) => v.key)),
    rejected: fc.array(fc.tuple(text, rejection), { maxLength: 3 }).map((a) => new Map(a)),
    leader: maybe(endpoint),
    masters: fc.array(endpoint, { maxLength: 3 }),
  }),
});

function read(pieces: Iterable<Uint8Array>): Kept {
  const reader = new KeptReader();
  for (const piece of pieces) reader.push(piece);
  return reader.finish();
}

/** Without the class. */
const plain = ({ asOfMs, state }: Kept): unknown => ({ asOfMs, state: { ...state } });

describe('the format of the kept state', () => {
  it('gives back the same state, read in pieces of any size', () => {
    fc.assert(
      fc.property(kept, fc.integer({ min: 1, max: 5_000 }), (before, size) => {
        const bytes = Buffer.concat([...encodeKept(before)]);
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(sameValue(plain(read(pieces)), plain(before))).toBe(true);
      }),
    );
  });

  it('refuses every file that was cut short or in which a byte is another, and never believes a part', () => {
    fc.assert(
      fc.property(kept, fc.nat(), fc.integer({ min: 1, max: 255 }), (before, at, change) => {
        const bytes = Buffer.concat([...encodeKept(before)]);
        const cut = bytes.subarray(0, at % bytes.length);
        expect(() => read([cut])).toThrow();
        const damaged = Buffer.from(bytes);
        const index = at % bytes.length;
        damaged[index] = (damaged[index] ?? 0) ^ change;
        expect(() => read([damaged])).toThrow();
        expect(() => read([bytes, Buffer.from('\n')])).toThrow();
      }),
    );
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => read([bytes])).toThrow();
      }),
    );
  });

  it('names another version', () => {
    expect(() => read([Buffer.from('rimrock-cluster-state 99\n')])).toThrow('its format 99 is not known');
  });

  it('comes in small pieces, and shows the state of the moment it began', () => {
    const model = new ClusterModel();
    for (let i = 0; i < 5_000; i++) {
      const id = `agent-${i}`;
      model.agents.set(id, { id, hostname: 'h'.repeat(100), host: 'h', port: 1, active: true });
    }
    const pieces: Uint8Array[] = [];
    for (const piece of encodeKept({ state: model, asOfMs: 1 })) {
      pieces.push(piece);
      model.agents.clear();
    }
    expect(pieces.length).toBeGreaterThan(10);
    expect(Math.max(...pieces.map((p) => p.length))).toBeLessThan(66_000);
    expect(read(pieces).state.agents.size).toBe(5_000);
  });
});

const EMPTY: ClusterState = new ClusterModel();

describe('the keeper', () => {
  let clock: FakeClock;
  let writes: number[];
  let take: () => Promise<void>;

  const make = (files: Partial<KeepFiles> = {}): StateKeeper =>
    new StateKeeper({
      path: '/state',
      everyMs: 10_000,
      clock,
      log: silentLogger,
      files: {
        ...diskFiles,
        replace: async (_path, pieces) => {
          for (const piece of pieces) expect(piece.length).toBeGreaterThan(0);
          writes.push(clock.monotonic());
          await take();
        },
        ...files,
      },
      state: () => ({ state: EMPTY, asOfMs: clock.now() }),
    });

  beforeEach(() => {
    clock = new FakeClock(0);
    writes = [];
    take = async () => {};
  });

  it('writes soon after a change, then at most so often, and not without one', async () => {
    const keeper = make();
    for (let i = 0; i < 100; i++) {
      keeper.changed();
      await clock.advanceAsync(300, 100);
    }
    expect(writes).toEqual([1_000, 11_000, 21_000]);
    await clock.advanceAsync(60_000, 1_000);
    expect(writes).toHaveLength(4);
    await keeper.stop();
    expect([writes.length, clock.pending]).toEqual([4, 0]);
  });

  it('writes what is left when it stops', async () => {
    const keeper = make();
    keeper.changed();
    await keeper.stop();
    expect([writes, clock.pending]).toEqual([[0], 0]);
  });

  it('takes at most a twentieth of the time', async () => {
    take = () => new Promise((resolve) => void clock.after(2_000, resolve));
    const keeper = make();
    for (let i = 0; i < 100; i++) {
      keeper.changed();
      await clock.advanceAsync(1_000, 100);
    }
    expect(writes).toEqual([1_000, 43_000, 85_000]);
  });

  it('tries again later when the disk refuses', async () => {
    take = async () => {
      if (writes.length < 3) throw new Error('ENOSPC');
    };
    const keeper = make();
    keeper.changed();
    await clock.advanceAsync(60_000, 1_000);
    expect(writes).toEqual([1_000, 11_000, 21_000]);
    await keeper.stop();
  });
});

describe('the keeper on a real disk', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rimrock-keep-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const make = (state: Kept): StateKeeper =>
    new StateKeeper({
      path: join(folder, 'state'),
      everyMs: 10_000,
      clock: new FakeClock(),
      log: silentLogger,
      files: diskFiles,
      state: () => state,
    });
  const load = (keeper: StateKeeper): ReturnType<StateKeeper['load']> =>
    keeper.load(new AbortController().signal);

  it('puts one file there that only we may read, and reads it again', async () => {
    const [state] = fc.sample(kept, { numRuns: 1, seed: 7 });
    if (!state) throw new Error('no sample');
    writeFileSync(join(folder, 'state.new'), 'left by a crash', { mode: 0o644 });
    const keeper = make(state);
    expect(await load(keeper)).toBeUndefined();
    keeper.changed();
    await keeper.stop();
    expect(readdirSync(folder)).toEqual(['state']);
    expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o600);
    const again = await load(make(state));
    expect(again && sameValue(plain(again), plain(state))).toBe(true);
  });

  it('sets a file aside that is damaged or not ours, and leaves alone what it may not read', async () => {
    const keeper = make({ state: EMPTY, asOfMs: 5 });
    writeFileSync(join(folder, 'state'), 'my diary');
    expect(await load(keeper)).toBeUndefined();
    expect(readFileSync(join(folder, 'state.damaged'), 'utf8')).toBe('my diary');
    keeper.changed();
    await keeper.stop();
    expect(await load(keeper)).toMatchObject({ asOfMs: 5 });
    const elsewhere = new StateKeeper({
      path: folder,
      everyMs: 1,
      clock: new FakeClock(),
      log: silentLogger,
      files: diskFiles,
      state: () => ({ state: EMPTY, asOfMs: 0 }),
    });
    expect(await load(elsewhere)).toBeUndefined();
    expect(readdirSync(folder).sort()).toEqual(['state', 'state.damaged']);
  });
});
