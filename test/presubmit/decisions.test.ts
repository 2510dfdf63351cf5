import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles, root } from '../support/root.ts';

const HEADINGS = ['Context', 'Choice', 'What we gave up', 'What would change our mind'];
const decisions = projectFiles('docs/decisions').filter((path) => !path.endsWith('README.md'));

describe('docs/decisions', () => {
  it('has begun, and numbers each decision once', () => {
    expect(decisions.length).toBeGreaterThan(0);
    const numbers = decisions.map((path) => /\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1] ?? path);
    for (const n of numbers) expect(n).toMatch(/^\d{4}$/);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it.each(decisions)('%s says why, what it costs and what would change it', (path) => {
    const text = readFileSync(join(root, path), 'utf8');
    const headings = [...text.matchAll(/^## (.+)$/gm)].map((m) => m[1]?.trim());
    expect(headings).toEqual(expect.arrayContaining(HEADINGS));
  });
});
