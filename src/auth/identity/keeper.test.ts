import { X509Certificate, createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import type { IdentityContext } from '../../core/identity.ts';
import { AuthorityHarness, HOUR_MS, MINUTE_MS } from '../testing/authority-harness.ts';
import type { Authority } from '../ca/authority.ts';
import { validityWithin } from '../x509/make.ts';
import type { Issuer } from './issuer.ts';
import { IdentityKeeper } from './keeper.ts';
import { alarmAtMs, renewAtMs } from './renewal.ts';

const settle = async (): Promise<void> => {
  for (let i = 0; i < 4; i++) await new Promise(setImmediate);
};

describe('when to renew', () => {
  it('is around half of a life, before the alarm, and within the lives of all issuers', () => {
    const life = fc.integer({ min: 5_000, max: 10 * 365 * 24 * HOUR_MS });
    const age = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const cases = process.env['RIMROCK_AUTH_LONG'] === undefined ? 5_000 : 100_000;
    fc.assert(
      fc.property(fc.tuple(life, life, life), fc.tuple(age, age), age, (lives, ages, chance) => {
        let now = 1_700_000_000_123;
        const root = validityWithin(undefined, now, lives[0], 10_000);
        if (!root) throw new Error('a root has a life');
        now += Math.floor(ages[0] * lives[0]);
        const intermediate = validityWithin(root, now, lives[1], 10_000);
        if (!intermediate) return; // nothing that could be issued: the root ends in this very second
        now += Math.floor(ages[1] * (intermediate.notAfterMs - now));
        const leaf = validityWithin(intermediate, now, lives[2], 10_000);
        if (!leaf) return;
        for (const [inner, outer] of [
          [leaf, intermediate],
          [intermediate, root],
        ] as const) {
          expect(inner.notBeforeMs).toBeGreaterThanOrEqual(outer.notBeforeMs);
          expect(inner.notAfterMs).toBeLessThanOrEqual(outer.notAfterMs);
        }
        expect(leaf.notBeforeMs).toBeLessThanOrEqual(now);
        expect(leaf.notBeforeMs).toBeGreaterThanOrEqual(now - 11_000);
        expect(leaf.notAfterMs).toBeGreaterThan(now);
        expect(leaf.notAfterMs - now).toBeLessThanOrEqual(lives[2]);
        const whole = leaf.notAfterMs - leaf.notBeforeMs;
        const at = renewAtMs(leaf, chance);
        expect(Math.abs(at - (leaf.notBeforeMs + whole / 2))).toBeLessThanOrEqual(whole * 0.05 + 1e-3);
        expect(alarmAtMs(leaf)).toBeGreaterThan(at);
        expect(leaf.notAfterMs - alarmAtMs(leaf)).toBeCloseTo(whole / 3, 0);
      }),
      { numRuns: cases },
    );
  });
});

describe('a keeper', () => {
  let harness: AuthorityHarness;
  let authority: Authority;
  /** What the issuer does when it is asked: works, fails, or says nothing. */
  let mood: 'well' | 'dead' | 'silent';
  let asked: number;
  let keeper: IdentityKeeper;
  let seen: IdentityContext[];

  beforeEach(async () => {
    harness = new AuthorityHarness();
    authority = await harness.start();
    mood = 'well';
    asked = 0;
    const real = authority.issuerFor({ path: '/edge', by: 'test' });
    const issuer: Issuer = {
      issue: (...keys) => {
        asked++;
        if (mood === 'silent') return new Promise(() => {});
        return mood === 'dead' ? Promise.reject(new Error('away')) : real.issue(...keys);
      },
      follow: (listener) => real.follow(listener),
    };
    keeper = new IdentityKeeper({ issuer, clock: harness.clock, random: seededRandom(7), log: silentLogger });
    seen = [];
    keeper.onChange((context) => seen.push(context));
    return () => {
      keeper.stop();
      return authority.stop();
    };
  });
  /** Steps shorter than the time that an attempt may take: between timers, promises have their turn. */
  const pass = async (ms: number, step = 5_000): Promise<void> => {
    for (let left = ms; left > 0; left -= step) {
      harness.clock.advance(Math.min(step, left));
      await settle();
    }
  };
  const start = async (): Promise<void> => {
    void keeper.start();
    await pass(1);
  };
  const verifies = (): boolean => {
    const { svid, bundle } = keeper.current ?? {};
    if (!svid || !bundle) return false;
    const leaf = new X509Certificate(svid.certificateChain);
    return (
      leaf.checkPrivateKey(createPrivateKey(svid.privateKey)) &&
      harness.judge(authority, svid.certificateChain).ok
    );
  };

  it('has an identity at once, and another with another key around each half of its life', async () => {
    await start();
    for (let i = 0; i < 48; i++) {
      expect(verifies()).toBe(true);
      expect(keeper.alarm).toBe(false);
      expect(keeper.leftMs).toBeGreaterThan(HOUR_MS / 3);
      await pass(10 * MINUTE_MS);
    }
    expect(new Set(seen.map((c) => c.svid.privateKey)).size).toBeGreaterThan(14);
    expect(asked).toBeGreaterThan(14);
    expect(asked).toBeLessThan(20);
  });

  it.each(['dead', 'silent'] as const)(
    'holds on while the authority is %s, raises an alarm before a third is left, and recovers by itself',
    async (how) => {
      await start();
      const first = keeper.current;
      mood = how;
      await pass(0.35 * HOUR_MS);
      expect([keeper.current, keeper.alarm]).toEqual([first, false]);
      await pass(0.33 * HOUR_MS);
      expect([keeper.current, keeper.alarm]).toEqual([first, true]);
      expect(keeper.leftMs).toBeGreaterThan(0.3 * HOUR_MS);
      expect(verifies()).toBe(true);
      expect(asked).toBeLessThan(60);
      mood = 'well';
      await pass(2 * MINUTE_MS);
      expect([keeper.alarm, keeper.failures, verifies()]).toEqual([false, 0, true]);
      expect(keeper.current).not.toBe(first);
    },
  );

  it('keeps what has ended, and comes back after any time', async () => {
    await start();
    mood = 'dead';
    await pass(5 * HOUR_MS);
    expect(keeper.leftMs).toBeLessThan(0);
    expect(keeper.current).toBeDefined();
    mood = 'well';
    await pass(2 * MINUTE_MS);
    expect(verifies()).toBe(true);
  });

  it('waits for an authority that comes late', async () => {
    mood = 'dead';
    let first: IdentityContext | undefined;
    void keeper.start().then((context) => (first = context));
    await pass(10 * MINUTE_MS);
    expect([keeper.current, first, keeper.alarm]).toEqual([undefined, undefined, true]);
    mood = 'well';
    await pass(2 * MINUTE_MS);
    expect(first).toEqual(seen[0]);
  });

  it('hears of the next root before it is used, and renews when its own is tainted', async () => {
    await start();
    const before = keeper.current?.svid.certificateChain ?? '';
    await authority.prepare('me');
    expect(keeper.current?.bundle.roots).toHaveLength(2);
    await pass(MINUTE_MS);
    await authority.activate('me');
    await pass(MINUTE_MS);
    expect(keeper.current?.svid.certificateChain).toBe(before);
    await authority.taint('me');
    await pass(2_000, 500);
    expect(keeper.current?.svid.certificateChain).not.toBe(before);
    await authority.revoke('me');
    expect([harness.judge(authority, before).ok, verifies()]).toEqual([false, true]);
    expect(keeper.current?.bundle.roots).toHaveLength(1);
  });

  it('goes on with what an earlier process had, and renews it when it is time', async () => {
    await start();
    const kept = keeper.kept;
    keeper.stop();
    mood = 'dead';
    const issuer: Issuer = { issue: () => Promise.reject(new Error('away')), follow: () => () => {} };
    await pass(0.2 * HOUR_MS);
    if (!kept) throw new Error('nothing is kept');
    const parts = { clock: harness.clock, random: seededRandom(8), log: silentLogger };
    const next = new IdentityKeeper({ ...parts, issuer, kept });
    expect(next.current).toEqual({ svid: kept.svid, bundle: kept.bundle });
    void next.start();
    await pass(0.2 * HOUR_MS);
    expect([next.failures, next.alarm]).toEqual([0, false]);
    await pass(0.2 * HOUR_MS);
    expect(next.failures).toBeGreaterThan(0);
    expect(next.current?.svid).toEqual(kept.svid);
    next.stop();
  });

  it('leaves nothing behind', async () => {
    const others = harness.clock.pending;
    await start();
    mood = 'dead';
    await pass(HOUR_MS);
    keeper.stop();
    await settle();
    expect(harness.clock.pending).toBe(others);
    const changes = seen.length;
    await authority.prepare('me');
    expect(seen.length).toBe(changes);
  });
});
