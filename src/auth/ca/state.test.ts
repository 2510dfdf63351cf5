import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { begin, keysOf, rootsOf, step } from './state.ts';
import type { AuthorityState, Command, Intermediate, Root } from './state.ts';

// The two slots as a model: roots and intermediates are numbers, time is what the steps say. Whoever holds a certificate knows only the
// bundle that it last heard of, at most `SPREAD` ago.

const SPREAD = 60;
const POLICY = { spreadMs: SPREAD, skewMs: 5 };
const ROOT_LIFE = 100_000;
const INTERMEDIATE_LIFE = 1_000;
const LEAF_LIFE = 300;

const root = (id: string, now: number, own = true): Root => ({
  id,
  certificate: `certificate of ${id}`,
  notBeforeMs: now,
  notAfterMs: now + ROOT_LIFE,
  own,
});
const intermediate = (id: string, now: number): Intermediate => ({
  id,
  certificate: `certificate of ${id}`,
  notBeforeMs: now,
  notAfterMs: now + INTERMEDIATE_LIFE,
});

interface Leaf {
  readonly root: string;
  readonly endMs: number;
}

/** What an operator, a clock and the tending do; several in a row are a life. */
const some = <K extends string>(kind: K, weight: number): fc.WeightedArbitrary<{ kind: K; ms?: number }> => ({
  arbitrary: fc.record({ kind: fc.constant(kind) }),
  weight,
});
const moves = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 1, max: 400 }) }), weight: 6 },
    some('issue', 6),
    some('prepare', 4),
    some('foreign', 1),
    some('activate', 6),
    some('discard', 1),
    some('taint', 4),
    some('revoke', 3),
    some('request', 1),
  ),
  { minLength: 10, maxLength: 80 },
);

/** The model of an authority with all that was issued, and every bundle with when it began. */
class Life {
  now = 0;
  state: AuthorityState = begin('t', { root: root('r0', 0), intermediate: intermediate('i0', 0) });
  made = 0;
  readonly leaves: Leaf[] = [];
  readonly revoked = new Set<string>();
  readonly bundles: { readonly fromMs: number; readonly roots: ReadonlySet<string> }[] = [];

  constructor() {
    this.#tellBundle();
  }

  do(command: Command): boolean {
    const before = this.state;
    const done = step(before, command, POLICY);
    if (!done.ok) return false;
    this.state = done.state;
    const [old, now] = [before, this.state].map((s) => rootsOf(s).map((r) => r.id));
    if (JSON.stringify(old) !== JSON.stringify(now)) {
      expect(this.state.sequence).toBeGreaterThan(before.sequence);
      this.#tellBundle();
    }
    return true;
  }

  tend(): void {
    const { active } = this.state;
    if (active.root.own && this.now >= active.intermediate.notBeforeMs + INTERMEDIATE_LIFE * 0.45)
      this.do({ kind: 'rotate', intermediate: intermediate(`i${++this.made}`, this.now) });
    this.do({ kind: 'expire', nowMs: this.now });
  }

  #tellBundle(): void {
    this.bundles.push({ fromMs: this.now, roots: new Set(rootsOf(this.state).map((r) => r.id)) });
  }

  /** Every set of roots that somebody may go by now: those of the last `SPREAD`. */
  bundlesInUse(): ReadonlySet<string>[] {
    const current = this.bundles.findLastIndex((b) => b.fromMs <= this.now - SPREAD);
    return this.bundles.slice(Math.max(0, current)).map((b) => b.roots);
  }
}

function play(life: Life, move: { readonly kind: string; readonly ms?: number }): void {
  const { state, now } = life;
  switch (move.kind) {
    case 'wait':
      for (let left = move.ms ?? 0; left > 0; left -= 25) {
        life.now += Math.min(25, left);
        life.tend();
      }
      break;
    case 'prepare':
      life.do({ kind: 'prepare', nowMs: now, root: root(`r${++life.made}`, now) });
      break;
    case 'foreign':
      life.do({
        kind: 'prepare',
        nowMs: now,
        root: root(`r${++life.made}`, now, false),
        intermediate: intermediate(`i${life.made}`, now),
      });
      break;
    case 'activate': {
      const made =
        state.next?.root.own === true ? { intermediate: intermediate(`i${++life.made}`, now) } : {};
      life.do({ kind: 'activate', nowMs: now, ...made });
      break;
    }
    case 'request':
      life.do({ kind: 'request', id: `i${++life.made}` });
      break;
    case 'revoke': {
      const id = state.old?.root.id;
      if (life.do({ kind: 'revoke' }) && id !== undefined) life.revoked.add(id);
      break;
    }
    case 'issue': {
      const endMs = Math.min(now + LEAF_LIFE, state.active.intermediate.notAfterMs);
      if (endMs > now) life.leaves.push({ root: state.active.root.id, endMs });
      break;
    }
    default:
      life.do({ kind: move.kind as 'discard' | 'taint' });
  }
}

describe('the two slots', () => {
  it('keep everything that was issued and has not ended believed, whatever is done, until it is revoked', () => {
    let activations = 0;
    let revocations = 0;
    fc.assert(
      fc.property(moves, (all) => {
        const life = new Life();
        for (const move of all) {
          play(life, move);
          for (const leaf of life.leaves) {
            if (leaf.endMs + POLICY.skewMs < life.now || life.revoked.has(leaf.root)) continue;
            for (const roots of life.bundlesInUse()) expect(roots).toContain(leaf.root);
          }
          for (const id of life.revoked) expect(rootsOf(life.state).map((r) => r.id)).not.toContain(id);
          expect(keysOf(life.state)).toContain(`ca-intermediate-${life.state.active.intermediate.id}`);
          expect(keysOf(life.state)).not.toContain(`ca-root-${life.state.old?.root.id}`);
        }
        if (life.state.active.root.id !== 'r0') activations++;
        revocations += life.revoked.size;
      }),
      { numRuns: process.env['RIMROCK_AUTH_LONG'] === undefined ? 2_000 : 100_000 },
    );
    // A test in which nothing happens proves nothing.
    expect(activations).toBeGreaterThan(100);
    expect(revocations).toBeGreaterThan(10);
  });

  const first = begin('t', { root: root('r0', 0), intermediate: intermediate('i0', 0) });
  const after = (state: AuthorityState, ...commands: readonly Command[]): AuthorityState =>
    commands.reduce((s, command) => {
      const done = step(s, command, POLICY);
      if (!done.ok) throw new Error(done.refusal);
      return done.state;
    }, state);
  const refusal = (state: AuthorityState, command: Command): string => {
    const done = step(state, command, POLICY);
    return done.ok ? 'done' : done.refusal;
  };
  const next: Command = { kind: 'prepare', nowMs: 0, root: root('r1', 0) };
  const go: Command = { kind: 'activate', nowMs: SPREAD, intermediate: intermediate('i1', SPREAD) };

  it('say why they do not do something', () => {
    expect(refusal(first, { kind: 'discard' })).toBe('AUTH_CA_NOTHING_PREPARED');
    expect(refusal(first, go)).toBe('AUTH_CA_NOTHING_PREPARED');
    expect(refusal(first, { kind: 'taint' })).toBe('AUTH_CA_NOTHING_OLD');
    expect(refusal(first, { kind: 'revoke' })).toBe('AUTH_CA_NOTHING_OLD');
    expect(refusal(first, { kind: 'prepare', nowMs: 0, root: root('r0', 0) })).toBe('AUTH_CA_SAME_ROOT');
    expect(refusal(first, { kind: 'prepare', nowMs: 0, root: root('x', 0, false) })).toBe(
      'AUTH_CA_NO_INTERMEDIATE',
    );
    const prepared = after(first, next);
    expect(refusal(prepared, next)).toBe('AUTH_CA_PREPARED_ALREADY');
    expect(refusal(prepared, { ...go, nowMs: SPREAD - 1 })).toBe('AUTH_CA_NOT_SPREAD');
    expect(refusal(prepared, { ...go, nowMs: 0, force: true })).toBe('done');
    expect(refusal(prepared, { kind: 'activate', nowMs: SPREAD })).toBe('AUTH_CA_NO_INTERMEDIATE');
    const active = after(prepared, go);
    expect(refusal(active, { kind: 'revoke' })).toBe('AUTH_CA_NOT_TAINTED');
    const second = after(active, { kind: 'prepare', nowMs: SPREAD, root: root('r2', 0) });
    expect(refusal(second, { ...go, nowMs: 2 * SPREAD })).toBe('AUTH_CA_OLD_STILL_BELIEVED');
  });

  it('believe the next before it signs and the old until its last certificate has ended', () => {
    const ids = (state: AuthorityState): string[] => rootsOf(state).map((r) => r.id);
    const prepared = after(first, next);
    expect([ids(first), ids(prepared)]).toEqual([['r0'], ['r0', 'r1']]);
    const active = after(prepared, go);
    expect(ids(active)).toEqual(['r1', 'r0']);
    const end = INTERMEDIATE_LIFE + POLICY.skewMs;
    expect(ids(after(active, { kind: 'expire', nowMs: end }))).toEqual(['r1', 'r0']);
    expect(ids(after(active, { kind: 'expire', nowMs: end + 1 }))).toEqual(['r1']);
    expect(ids(after(active, { kind: 'taint' }, { kind: 'revoke' }))).toEqual(['r1']);
    expect(after(active, { kind: 'taint' }).old?.tainted).toBe(true);
    expect(ids(after(prepared, { kind: 'discard' }))).toEqual(['r0']);
  });
});
