import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/root.ts';

// CHANGELOG.md keeps the form of keepachangelog.com 1.1.0, so that people and tools can read it.
const lines = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').split('\n');
const versions = lines.filter((line) => line.startsWith('## '));
const CATEGORIES = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];

describe('CHANGELOG.md', () => {
  it('begins with its title and has the unreleased changes first', () => {
    expect(lines[0]).toBe('# Changelog');
    expect(versions[0]).toBe('## [Unreleased]');
  });

  it('names each release by version and date, newest first', () => {
    const releases = versions.slice(1);
    for (const line of releases) expect(line).toMatch(/^## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
    const dates = releases.map((line) => line.slice(-10));
    expect(dates).toEqual([...dates].sort().reverse());
  });

  it('sorts what changed into the six categories, none of them empty', () => {
    for (const [i, line] of lines.entries()) {
      if (!line.startsWith('### ')) continue;
      expect(CATEGORIES).toContain(line.slice(4));
      const next = lines.slice(i + 1).find((l) => l !== '');
      expect(next, `${line} at line ${i + 1}`).toMatch(/^- /);
    }
    expect(lines.some((line) => line.startsWith('- '))).toBe(true);
  });
});
