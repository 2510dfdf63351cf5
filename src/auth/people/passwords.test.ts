import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { Passwords } from './passwords.ts';
import type { ScryptCost } from './passwords.ts';

const cheap: ScryptCost = { logN: 4, r: 1, p: 1 };

describe('passwords', () => {
  it('are hashed with a salt of their own, and recognised', async () => {
    const passwords = new Passwords(seededRandom(1));
    const [one, two] = await Promise.all([passwords.hash('hällo wörld'), passwords.hash('hällo wörld')]);
    expect(one).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$/);
    expect(one).not.toBe(two);
    expect(await passwords.verify(one, 'hällo wörld')).toBe(true);
    expect(await passwords.verify(one, 'hällo wörld'.normalize('NFD'))).toBe(true);
    expect(await passwords.verify(one, 'hallo world')).toBe(false);
  });

  it('of nobody cost the same work as wrong ones', async () => {
    const costs: ScryptCost[] = [];
    const passwords = new Passwords(seededRandom(1), {
      cost: cheap,
      derive: async (_password, salt, cost) => {
        costs.push(cost);
        return salt;
      },
    });
    const stored = await passwords.hash('right');
    const asked = [
      stored,
      undefined,
      'no hash at all',
      '$scrypt$ln=30,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA==$' + 'A'.repeat(44),
    ];
    for (const one of asked) expect(await passwords.verify(one, 'wrong')).toBe(false);
    expect(costs).toEqual(Array.from({ length: 5 }, () => cheap));
  });

  it('are worked out two at a time, and not at all when too many wait', async () => {
    const ends: (() => void)[] = [];
    let most = 0;
    let running = 0;
    const passwords = new Passwords(seededRandom(1), {
      cost: cheap,
      derive: async (_password, salt) => {
        most = Math.max(most, ++running);
        await new Promise<void>((end) => void ends.push(end));
        running--;
        return salt;
      },
    });
    const all = Array.from({ length: 40 }, () => passwords.verify(undefined, 'x'));
    // Each ends one, whose place the next one takes at once.
    for (let ended = 0; ended < 34;) {
      if (ends.length > 0) ended++;
      ends.shift()?.();
      await Promise.resolve();
    }
    const results = Promise.all(all);
    expect((await results).filter((r) => r === 'busy')).toHaveLength(40 - 34);
    expect(most).toBe(2);
    expect(passwords.worked).toBe(34);
    const after = passwords.verify(undefined, 'x');
    ends.shift()?.();
    expect(await after).toBe(false);
  });
});
