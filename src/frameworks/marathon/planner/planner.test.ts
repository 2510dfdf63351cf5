import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundsOf } from './bounds.ts';
import type { Goal, InstanceView } from './index.ts';
import { dependencyCycle, nextRestart, nextScale, planSteps } from './index.ts';
import type { PlannedApp } from './index.ts';

const goal = (over: Partial<Goal> = {}): Goal => ({
  instances: 3,
  minimumHealthCapacity: 1,
  maximumOverCapacity: 1,
  killSelection: 'YOUNGEST_FIRST',
  ...over,
});

const view = (id: string, over: Partial<InstanceView> = {}): InstanceView => ({
  id,
  current: true,
  phase: 'running',
  health: 'good',
  startedAtMs: 0,
  ...over,
});

const arbitraryGoal = fc.record({
  instances: fc.integer({ min: 0, max: 12 }),
  minimumHealthCapacity: fc.integer({ min: 0, max: 100 }).map((x) => x / 100),
  maximumOverCapacity: fc.integer({ min: 0, max: 100 }).map((x) => x / 100),
  killSelection: fc.constantFrom('YOUNGEST_FIRST' as const, 'OLDEST_FIRST' as const),
});

const arbitraryViews = fc
  .array(
    fc.record({
      current: fc.boolean(),
      phase: fc.constantFrom('launching' as const, 'running' as const, 'killing' as const),
      health: fc.constantFrom('good' as const, 'unknown' as const, 'bad' as const),
      startedAtMs: fc.integer({ min: 0, max: 100 }),
    }),
    { maxLength: 24 },
  )
  .map((views) => views.map((v, i): InstanceView => ({ ...v, id: `i${i}` })));

const serving = (v: InstanceView): boolean => v.phase === 'running' && v.health === 'good';

/** A cluster in which every move happens and one pending thing after the other comes true, chosen by `choose`. */
function simulate(
  next: typeof nextRestart,
  g: Goal,
  start: readonly InstanceView[],
  choose: (n: number) => number,
  check: (before: readonly InstanceView[], after: readonly InstanceView[]) => void,
): readonly InstanceView[] {
  let views = start;
  let serial = 0;
  for (let round = 0; round < 2_000; round++) {
    const moves = next(g, views);
    if (moves.done) return views;
    const kill = new Set(moves.kill);
    const after: readonly InstanceView[] = [
      ...views.map((v) => (kill.has(v.id) ? { ...v, phase: 'killing' as const } : v)),
      ...Array.from({ length: moves.launch }, () =>
        view(`n${serial++}`, { phase: 'launching', health: 'unknown', startedAtMs: 1000 + round }),
      ),
    ];
    check(views, after);
    views = progress(after, choose);
  }
  throw new Error(`no end: ${JSON.stringify({ g, views })}`);
}

function progress(views: readonly InstanceView[], choose: (n: number) => number): InstanceView[] {
  const pending = views.filter((v) => v.phase !== 'running' || (v.current && v.health !== 'good'));
  const one = pending[choose(Math.max(1, pending.length))];
  if (!one) return [...views];
  if (one.phase === 'killing') return views.filter((v) => v !== one);
  const better: InstanceView =
    one.phase === 'launching' ? { ...one, phase: 'running', health: 'unknown' } : { ...one, health: 'good' };
  return views.map((v) => (v === one ? better : v));
}

describe('nextRestart', () => {
  it('replaces three by three without ever having less, twice as many at most', () => {
    const old = ['a', 'b', 'c'].map((id) => view(id, { current: false }));
    expect(nextRestart(goal(), old)).toEqual({ kill: [], launch: 3, done: false });
    const fresh = view('n1');
    expect(nextRestart(goal(), [...old, fresh])).toMatchObject({ launch: 2 });
    expect(nextRestart(goal(), [...old, fresh]).kill).toHaveLength(1);
  });

  it('goes one by one with k=1, o=0', () => {
    const old = ['a', 'b', 'c'].map((id) => view(id, { current: false }));
    const g = goal({ maximumOverCapacity: 0 });
    expect(nextRestart(g, old)).toEqual({ kill: [], launch: 1, done: false });
    expect(nextRestart(g, [...old, view('n', { phase: 'launching' })])).toEqual({
      kill: [],
      launch: 0,
      done: false,
    });
  });

  it('kills all at once with k=0, and starts none before they are gone with o=0', () => {
    const old = ['a', 'b'].map((id) => view(id, { current: false }));
    const g = goal({ instances: 2, minimumHealthCapacity: 0, maximumOverCapacity: 0 });
    const moves = nextRestart(g, old);
    expect(moves.kill.toSorted()).toEqual(['a', 'b']);
    expect(moves.launch).toBe(0);
    expect(
      nextRestart(
        g,
        old.map((v) => ({ ...v, phase: 'killing' as const })),
      ),
    ).toMatchObject({ launch: 0 });
    expect(nextRestart(g, [])).toMatchObject({ launch: 2 });
  });

  it('lets broken old instances go at once', () => {
    const old = ['a', 'b', 'c'].map((id) => view(id, { current: false, health: 'bad' }));
    expect(nextRestart(goal(), old).kill).toHaveLength(3);
  });

  it('does not take missing verdicts for broken ones', () => {
    const old = ['a', 'b', 'c'].map((id) => view(id, { current: false, health: 'unknown' }));
    expect(nextRestart(goal(), old).kill).toEqual([]);
  });

  it('never kills what serves below minHealthy, never exceeds maxTotal, and always ends', () => {
    fc.assert(
      fc.property(arbitraryGoal, arbitraryViews, fc.array(fc.nat(), { minLength: 20 }), (g, start, seeds) => {
        const { minHealthy, maxTotal } = boundsOf(g);
        let i = 0;
        const end = simulate(
          nextRestart,
          g,
          start,
          (n) => (seeds[i++ % seeds.length] ?? 0) % n,
          (before, after) => {
            const was = before.filter(serving).length;
            const is = after.filter(serving).length;
            // Surplus instances of the new configuration go too: n of them stay, which is at least minHealthy.
            if (is < was) expect(is).toBeGreaterThanOrEqual(Math.min(minHealthy, was));
            if (after.length > before.length) expect(after.length).toBeLessThanOrEqual(maxTotal);
            expect(after.filter((v) => v.current && v.phase !== 'killing').length).toBeLessThanOrEqual(
              Math.max(g.instances, 0),
            );
          },
        );
        expect(end).toHaveLength(g.instances);
        expect(end.every((v) => v.current && serving(v))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('nextScale', () => {
  it('always ends at the number wanted, never over it by starting', () => {
    fc.assert(
      fc.property(arbitraryGoal, arbitraryViews, fc.array(fc.nat(), { minLength: 20 }), (g, start, seeds) => {
        let i = 0;
        const begin = start.map((v) => ({ ...v, current: true }));
        const end = simulate(
          nextScale,
          g,
          begin,
          (n) => (seeds[i++ % seeds.length] ?? 0) % n,
          (before, after) => {
            const active = after.filter((v) => v.phase !== 'killing').length;
            if (after.length > before.length) expect(active).toBeLessThanOrEqual(g.instances);
            expect(active).toBeGreaterThanOrEqual(
              Math.min(g.instances, before.filter((v) => v.phase !== 'killing').length),
            );
          },
        );
        expect(end).toHaveLength(g.instances);
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not run a single-instance app twice', () => {
    const g = goal({ instances: 1, minimumHealthCapacity: 0, maximumOverCapacity: 0 });
    expect(nextScale(g, [view('a', { phase: 'killing' })])).toMatchObject({ launch: 0, done: false });
    expect(nextScale(g, [])).toMatchObject({ launch: 1 });
  });

  it('takes the youngest, the unhealthy and the fullest group first', () => {
    const views = [
      view('old', { startedAtMs: 1 }),
      view('young', { startedAtMs: 9 }),
      view('sick', { health: 'bad', startedAtMs: 1 }),
    ];
    expect(nextScale(goal({ instances: 1 }), views).kill).toEqual(['sick', 'young']);
    expect(nextScale(goal({ instances: 1, killSelection: 'OLDEST_FIRST' }), views).kill).toEqual([
      'sick',
      'old',
    ]);
    const spread = [
      view('a1', { group: 'a', startedAtMs: 1 }),
      view('a2', { group: 'a', startedAtMs: 2 }),
      view('b1', { group: 'b', startedAtMs: 3 }),
    ];
    expect(nextScale(goal({ instances: 2 }), spread).kill).toEqual(['a2']);
  });
});

describe('planSteps', () => {
  const app = (id: string, over: Partial<PlannedApp> = {}): PlannedApp => ({
    id,
    instances: 1,
    dependencies: [],
    configuration: 'v1',
    ...over,
  });
  const map = (...apps: PlannedApp[]): Map<string, PlannedApp> => new Map(apps.map((a) => [a.id, a]));

  it('stops, starts, then changes in layers of dependencies', () => {
    const before = map(app('/gone'), app('/web', { dependencies: ['/db'] }), app('/same'));
    const after = map(
      app('/web', { dependencies: ['/db'], configuration: 'v2' }),
      app('/db/main'),
      app('/same'),
    );
    expect(planSteps(before, after)).toEqual([
      { actions: [{ action: 'StopApplication', app: '/gone' }] },
      { actions: [{ action: 'StartApplication', app: '/db/main' }] },
      { actions: [{ action: 'ScaleApplication', app: '/db/main' }] },
      { actions: [{ action: 'RestartApplication', app: '/web' }] },
    ]);
  });

  it('has no steps when nothing differs, and restarts what was left half way', () => {
    expect(planSteps(map(app('/a')), map(app('/a')))).toEqual([]);
    expect(planSteps(map(app('/a', { outdated: true })), map(app('/a')))).toEqual([
      { actions: [{ action: 'RestartApplication', app: '/a' }] },
    ]);
  });

  it('finds cycles', () => {
    expect(dependencyCycle([app('/a', { dependencies: ['/b'] }), app('/b')])).toEqual([]);
    expect(
      dependencyCycle([app('/a', { dependencies: ['/b'] }), app('/b', { dependencies: ['/a'] })]).toSorted(),
    ).toEqual(['/a', '/b']);
  });
});
