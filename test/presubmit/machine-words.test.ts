import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles, root } from '../support/root.ts';

// The project stands on its own: nothing in it may name a folder of the machine it was written on.
// The patterns are written so that they do not match themselves.
const FORBIDDEN: readonly RegExp[] = [
  /(^|[^\w.-])\/[w]ork\/(main|shared|[.])/,
  /shared\/([g]olden|[r]eference)/,
  /\/tmp\/[b]rief|[c]laude|[a]nthropic|[s]ub-?agents?\b/i,
];

const BINARY = /\.(png|ico|recordio|bin|pcap|gz)$/;

describe('committed text', () => {
  it('names no folder of the machine it was written on', () => {
    const found: string[] = [];
    for (const path of projectFiles()) {
      if (BINARY.test(path) || path === 'package-lock.json' || path.startsWith('test/fixtures/')) continue;
      for (const [i, line] of readFileSync(join(root, path), 'utf8').split('\n').entries()) {
        if (FORBIDDEN.some((word) => word.test(line))) found.push(`${path}:${i + 1}: ${line.slice(0, 120)}`);
      }
    }
    expect(found).toEqual([]);
  });
});
