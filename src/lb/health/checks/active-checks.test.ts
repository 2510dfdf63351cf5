import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../core/random.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { endpoint, many } from '../../balancer/testing/balancer-kit.ts';
import { ActiveChecks } from './active-checks.ts';
import type { CheckPolicy } from './policy.ts';
import type { Probe, ProbeResult } from './probe.ts';
import { Target } from './target.ts';

const policy: CheckPolicy = {
  probe: { kind: 'http', path: '/health' },
  intervalMs: 10_000,
  timeoutMs: 2_000,
  rise: 2,
  fall: 3,
};
const OK: ProbeResult = { ok: true, reason: 'answered 200' };
const BAD: ProbeResult = { ok: false, reason: 'answered 500' };

/** Checks whose probes a test answers; `asked` are those that run, by port. */
function setUp(given: { concurrent?: number; answer?: (port: number) => ProbeResult | undefined } = {}) {
  const clock = new FakeClock(1_000_000);
  const asked = new Map<number, (result: ProbeResult) => void>();
  const verdicts: string[] = [];
  const times: number[] = [];
  let most = 0;
  const probe: Probe = ({ port }, _policy, done) => {
    times.push(clock.monotonic());
    const timer = clock.after(1, () => {
      const result = given.answer?.(port);
      if (result !== undefined) asked.get(port)?.(result);
    });
    asked.set(port, (result) => {
      timer.cancel();
      asked.delete(port);
      done(result);
    });
    most = Math.max(most, asked.size);
    return () => {
      timer.cancel();
      asked.delete(port);
    };
  };
  const checks = new ActiveChecks({
    clock,
    random: seededRandom(3),
    probes: { http: probe, tcp: probe },
    onVerdict: (key) => void verdicts.push(key),
    ...(given.concurrent === undefined ? {} : { concurrent: given.concurrent }),
  });
  return { clock, checks, asked, verdicts, times, most: () => most };
}

describe('active checks', () => {
  it('wait for the first result, which counts at once; then rise and fall', () => {
    let answer = BAD;
    const { clock, checks, verdicts } = setUp({ answer: () => answer });
    const judged = (): unknown => {
      const { healthy, unproven } = checks.judged('b', endpoint(0));
      return unproven ?? healthy;
    };
    expect(judged()).toBeUndefined();
    checks.update('b', policy, many(1));
    expect(checks.judged('b', endpoint(0))).toMatchObject({ healthy: undefined, unproven: true });
    clock.advance(1);
    expect(checks.judged('b', endpoint(0))).toEqual({ ...endpoint(0), healthy: false });
    answer = OK;
    const seen = Array.from({ length: 3 }, () => {
      clock.advance(11_100);
      return checks.judged('b', endpoint(0)).healthy;
    });
    expect(seen).toEqual([false, true, true]);
    answer = BAD;
    const fallen = Array.from({ length: 4 }, () => {
      clock.advance(11_100);
      return checks.judged('b', endpoint(0)).healthy;
    });
    expect(fallen.slice(0, 2)).toEqual([true, true]);
    expect(fallen[3]).toBe(false);
    expect(verdicts).toEqual(['b', 'b', 'b']);
    const [view] = checks.view('b');
    expect(view?.history.map((t) => [t.healthy, t.reason])).toEqual([
      [false, 'answered 500'],
      [true, 'answered 200'],
      [false, 'answered 500'],
    ]);
    expect(view?.last).toMatchObject({ ok: false, reason: 'answered 500' });
  });

  it('leave it to the cluster to call an instance unhealthy, too', () => {
    const { clock, checks } = setUp({ answer: () => OK });
    checks.update('b', policy, many(1));
    clock.advance(1);
    expect(checks.judged('b', endpoint(0, { healthy: false })).healthy).toBe(false);
    expect(checks.judged('b', endpoint(0)).healthy).toBe(true);
    expect(checks.judged('other', endpoint(0))).toEqual(endpoint(0));
  });

  it('come at their interval, a tenth early or late', () => {
    const { clock, checks, times } = setUp({ answer: () => OK });
    checks.update('b', policy, many(1));
    clock.advance(1_000_000);
    const gaps = times.slice(1).map((t, i) => t - (times[i] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(11_000);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(1_000);
  });

  it('run a limited number at a time, and all get their turn', () => {
    const { clock, checks, most } = setUp({ concurrent: 8, answer: () => OK });
    checks.update('b', policy, many(1_000));
    clock.advance(200);
    expect(most()).toBe(8);
    expect(checks.view('b').every((v) => v.healthy)).toBe(true);
  });

  it('follow the endpoints: who leaves, drains or moves is asked no more, who stays keeps its verdict', () => {
    const { clock, checks, asked } = setUp({ answer: (port) => (port === 3 ? undefined : OK) });
    checks.update('b', policy, many(4));
    clock.advance(1);
    expect([...asked.keys()]).toEqual([3]);
    checks.update('b', { ...policy, intervalMs: 5_000 }, [
      endpoint(0),
      endpoint(1, { phase: 'draining' }),
      endpoint(2, { ip: '10.0.0.2' }),
    ]);
    expect(checks.view('b').map((v) => [v.key, v.healthy])).toEqual([
      ['t0', true],
      ['t2', undefined],
    ]);
    expect([...asked.keys()]).toEqual([2]);
    checks.update('b', { ...policy, probe: { kind: 'tcp' } }, many(1));
    expect(checks.view('b')).toMatchObject([{ key: 't0', healthy: undefined }]);
    checks.update('b', undefined, many(1));
    expect([checks.view('b'), checks.running, clock.pending]).toEqual([[], 0, 0]);
  });

  it('ask at the port that the policy means', () => {
    const { checks, asked } = setUp();
    checks.update('a', { ...policy, port: 7 }, [endpoint(0)]);
    checks.update('b', { ...policy, portIndex: 1 }, many(2), (e) => (e.port === 0 ? 8 : undefined));
    expect([...asked.keys()]).toEqual([7, 8, 1]);
  });

  it('do nothing about kinds of checks that nobody can carry out', () => {
    const { checks, asked } = setUp();
    checks.update('b', { ...policy, probe: { kind: 'grpc', service: '' } }, many(2));
    expect(asked.size).toBe(0);
    expect(checks.judged('b', endpoint(0))).toEqual(endpoint(0));
  });

  it('never run more than they may, and leave nothing behind, over any course of events', () => {
    const event = fc.oneof(
      fc.record({ do: fc.constant('endpoints' as const), n: fc.uniqueArray(fc.nat(9), { maxLength: 10 }) }),
      fc.record({ do: fc.constant('answer' as const), port: fc.nat(9), ok: fc.boolean() }),
      fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 5_000, 20_000) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const { clock, checks, asked, most } = setUp({ concurrent: 3 });
        let wanted: number[] = [];
        for (const e of events) {
          if (e.do === 'endpoints') {
            wanted = e.n;
            checks.update(
              'b',
              policy,
              wanted.map((n) => endpoint(n)),
            );
          } else if (e.do === 'answer') asked.get(e.port)?.(e.ok ? OK : BAD);
          else clock.advance(e.ms);
          expect(checks.running).toBe(asked.size);
          expect(
            checks
              .view('b')
              .map((v) => v.key)
              .sort(),
          ).toEqual(wanted.map((n) => `t${n}`).sort());
        }
        expect(most()).toBeLessThanOrEqual(3);
        // Nobody is forgotten: with answers given, everybody gets a verdict.
        for (let i = 0; i < 100 && checks.view('b').some((v) => v.last === undefined); i++)
          for (const port of Array.from(asked.keys())) asked.get(port)?.(OK);
        expect(checks.view('b').every((v) => v.last !== undefined)).toBe(true);
        checks.stop();
        expect([checks.running, clock.pending]).toEqual([0, 0]);
      }),
    );
  });
});

describe('the verdict', () => {
  it('is what a simple model says, over any results', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 100 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        (results, rise, fall) => {
          const target = new Target();
          for (const [i, ok] of results.entries()) {
            const before = target.healthy;
            const changed = target.result(ok ? OK : BAD, { ...policy, rise, fall }, i);
            expect(changed).toBe(before !== target.healthy);
            const needed = before === undefined ? 1 : ok ? rise : fall;
            const row = results.slice(Math.max(0, i + 1 - needed), i + 1);
            // It changes exactly when the last `needed` results all speak against it.
            const against = row.length === needed && row.every((r) => r === ok) && ok !== before;
            if (changed) expect(against).toBe(true);
            if (before === undefined) expect(target.healthy).toBe(ok);
            else if (against) expect(target.healthy).toBe(ok);
          }
          expect(target.history.length).toBeLessThanOrEqual(20);
        },
      ),
    );
  });
});
