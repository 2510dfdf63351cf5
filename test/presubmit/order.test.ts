import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALONE, LONGEST } from '../support/order.ts';
import { root } from '../support/root.ts';

describe('the files that run alone, or first', () => {
  it.each([...ALONE, ...LONGEST])('%s is there', (path) => {
    expect(existsSync(join(root, path))).toBe(true);
  });
});
