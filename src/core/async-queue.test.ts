import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AsyncQueue } from './async-queue.ts';

async function readAll<T>(queue: AsyncQueue<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const value of queue) seen.push(value);
  return seen;
}

describe('AsyncQueue', () => {
  it('gives everything once and in order, however pushes and reads interleave', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 50 }), async (pauses) => {
        const queue = new AsyncQueue<number>();
        const read = readAll(queue);
        for (const [i, pause] of pauses.entries()) {
          queue.push(i);
          if (pause) for (let n = 0; n < 5; n++) await Promise.resolve();
        }
        queue.close();
        expect(await read).toEqual([...pauses.keys()]);
      }),
      { numRuns: 100 },
    );
  });

  it('gives what was queued before it was closed, and nothing after', async () => {
    const queue = new AsyncQueue<string>();
    queue.push('a');
    queue.close();
    queue.push('b');
    expect(queue.size).toBe(1);
    expect(await readAll(queue)).toEqual(['a']);
  });

  it('keeps what a reader left behind for the next reader', async () => {
    const queue = new AsyncQueue<number>();
    for (let i = 0; i < 4; i++) queue.push(i);
    for await (const value of queue) if (value === 1) break;
    queue.close();
    expect(await readAll(queue)).toEqual([2, 3]);
  });

  it('ends a reader that waits', async () => {
    const queue = new AsyncQueue<number>();
    const read = readAll(queue);
    await Promise.resolve();
    queue.close();
    expect(await read).toEqual([]);
  });
});
