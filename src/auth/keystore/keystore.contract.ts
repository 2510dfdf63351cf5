import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeyStore } from './types.ts';

/** What every key store promises. `open` makes one that is empty; `again` the same one as after a restart. */
export function keyStoreContract(
  name: string,
  options: {
    readonly open: () => Promise<KeyStore>;
    readonly again: (keys: KeyStore) => Promise<KeyStore>;
    readonly close: () => Promise<void>;
  },
): void {
  describe(`key store: ${name}`, () => {
    let keys: KeyStore;
    beforeEach(async () => {
      keys = await options.open();
    });
    afterEach(() => options.close());

    it('keeps what was written, also over a restart', async () => {
      expect([await keys.read('a'), await keys.names()]).toEqual([undefined, []]);
      await keys.write('a', 'one\n');
      await keys.write('b.2-x', 'two');
      keys = await options.again(keys);
      expect([await keys.read('a'), await keys.read('b.2-x')]).toEqual(['one\n', 'two']);
      expect(await keys.names()).toEqual(['a', 'b.2-x']);
    });

    it('replaces and removes', async () => {
      await keys.write('a', 'one');
      await keys.write('a', 'a longer text than before');
      expect(await keys.read('a')).toBe('a longer text than before');
      await keys.write('a', '');
      expect(await keys.read('a')).toBe('');
      await keys.remove('a');
      await keys.remove('a');
      keys = await options.again(keys);
      expect([await keys.read('a'), await keys.names()]).toEqual([undefined, []]);
    });

    it('takes writes at the same time, the last of which stays', async () => {
      await Promise.all(['a', 'b', 'c'].map((n) => keys.write(n, `text of ${n}`)));
      await Promise.all([keys.write('a', '1'), keys.write('a', '2')]);
      expect(['1', '2']).toContain(await keys.read('a'));
      expect(await keys.names()).toEqual(['a', 'b', 'c']);
    });

    it.each(['', '.', '..', '../a', 'a/b', '.hidden', 'A', 'a b', 'a\0', 'a'.repeat(101)])(
      'has no key named %j',
      async (bad) => {
        const refused = { code: 'AUTH_KEY_BAD_NAME' };
        await expect(keys.read(bad)).rejects.toMatchObject(refused);
        await expect(keys.write(bad, 'x')).rejects.toMatchObject(refused);
        await expect(keys.remove(bad)).rejects.toMatchObject(refused);
        expect(await keys.names()).toEqual([]);
      },
    );
  });
}
