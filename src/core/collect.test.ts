import { getHeapStatistics } from 'node:v8';
import { expect, it } from 'vitest';
import { collectAll } from './collect.ts';

it('collects what nobody holds any more, before it returns', () => {
  let held: number[][] | undefined = Array.from({ length: 400 }, () =>
    Array.from({ length: 10_000 }, (_, i) => i),
  );
  const full = getHeapStatistics().used_heap_size;
  expect(held.flat().length).toBe(4_000_000);
  held = undefined;
  collectAll();
  expect(full - getHeapStatistics().used_heap_size).toBeGreaterThan(24 * 2 ** 20);
});
