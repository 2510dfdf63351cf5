import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { referencePages } from '../../scripts/support/reference.ts';

describe('the reference pages', () => {
  it('say what the code says (else run: node scripts/docs.ts)', async () => {
    for (const [name, text] of await referencePages()) {
      const kept = readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8');
      expect(kept, name).toBe(text);
    }
  });

  it('describe every key', async () => {
    const config = (await referencePages()).get('config.md') ?? '';
    const undescribed = config.split('\n').filter((line) => /^\| `.*\|\s*\|$/.test(line));
    expect(undescribed).toEqual([]);
  });
});
