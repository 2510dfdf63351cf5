import { scryptSync } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { Verifier } from './verifier.ts';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');

function scryptHash(password: string, ln: number): string {
  const salt = Buffer.from('saltysalt');
  const key = scryptSync(password, salt, 32, { N: 2 ** ln, r: 8, p: 1, maxmem: 2 ** 27 });
  return `$scrypt$ln=${ln},r=8,p=1$${base64(salt)}$${base64(key)}`;
}

describe('working passwords out', () => {
  it('takes slices that hold nobody up, also where it takes long in all', () => {
    const clock = new FakeClock();
    let looks: number[] = [];
    const stopwatch = (): number => {
      looks.push(performance.now());
      return looks.at(-1) ?? 0;
    };
    const verifier = new Verifier({ clock, random: seededRandom(1), stopwatch });
    const hash = scryptHash('right', 14);
    verifier.verify(hash, 'right', () => {});
    const steps: number[] = [];
    let slices = 0;
    while (verifier.known(hash, 'right') === undefined) {
      looks = [];
      clock.advance(1);
      slices += 1;
      const [began = 0] = looks;
      // It stops at the first look that finds a millisecond gone (and looks once more).
      expect(looks.slice(1, -2).every((look) => look - began < 1)).toBe(true);
      steps.push(...looks.slice(1).map((look, i) => look - (looks[i] ?? 0)));
    }
    expect(verifier.known(hash, 'right')).toBe(true);
    expect(slices).toBeGreaterThan(20);
    // So a slice takes as long as its last step more. Most of them: the machine may stop any one of them for its own reasons.
    const typical = steps.toSorted((x, y) => x - y)[Math.floor(steps.length * 0.9)];
    expect(typical).toBeLessThan(1);
  });

  it('one password is worked out once, however many wait for it', () => {
    const clock = new FakeClock();
    const verifier = new Verifier({ clock, random: seededRandom(1), stopwatch: () => clock.monotonic() });
    const hash = scryptHash('right', 4);
    let called = 0;
    for (let i = 0; i < 1_000; i++) expect(verifier.verify(hash, 'right', () => (called += 1))).toBe(true);
    clock.advance(1);
    expect(called).toBe(1_000);
    // What is known under one hash says nothing of another one.
    expect(verifier.known(scryptHash('other', 4), 'right')).toBeUndefined();
  });

  it('remembers a bounded number, and guesses do not push out what is right', () => {
    const clock = new FakeClock();
    const verifier = new Verifier({ clock, random: seededRandom(1), stopwatch: () => clock.monotonic() });
    const hash = '{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=';
    verifier.verify(hash, 'correct horse', () => {});
    for (let i = 0; i < 5_000; i++) {
      if (!verifier.verify(hash, `guess-${i}`, () => {})) clock.advance(1);
      verifier.verify(hash, `guess-${i}`, () => {});
    }
    clock.advance(100);
    expect(verifier.known(hash, 'correct horse')).toBe(true);
    expect(verifier.known(hash, 'guess-4999')).toBe(false);
    expect(verifier.known(hash, 'guess-0')).toBeUndefined();
  });
});
