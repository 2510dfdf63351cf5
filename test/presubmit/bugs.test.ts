import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/root.ts';

/** `path "name"` of the tests that the rows of the bug book name. */
const SHOWN_BY = /`npx vitest run (?:--project \w+ )?(\S+?)(?: -t "([^"]+)")?`/g;

describe('the bug book', () => {
  const text = readFileSync(join(root, 'test/chaos/BUGS.md'), 'utf8');
  const rows = text.split('\n').filter((line) => /^\| \d{4}-/.test(line));
  const tests = [...text.matchAll(SHOWN_BY)].map(([, path = '', name = '']) => ({ path, name }));

  it('has in each row a command that shows the bug, or says why there is none', () => {
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => !/\| (`np[mx] run |`npx vitest run |nothing short: )/.test(row))).toEqual([]);
  });

  it.each(tests)('names tests that are there: $path "$name"', ({ path, name }) => {
    expect(existsSync(join(root, path))).toBe(true);
    expect(readFileSync(join(root, path), 'utf8')).toContain(name);
  });
});
