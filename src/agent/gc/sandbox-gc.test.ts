import { mkdir, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { allowedAgeMs, oldSandboxes } from './sandbox-gc.ts';

describe('old sandboxes', () => {
  it('go earlier as the disk fills', () => {
    expect([0, 0.4, 0.9, 1].map((used) => Math.round(allowedAgeMs(1000, used)))).toEqual([900, 500, 0, 0]);
  });

  it('are those past their age, never a live one', async () => {
    const root = await mkdtemp(join(tmpdir(), 'gc-'));
    const folder = join(root, 'S0/frameworks/fw/executors/t/runs');
    for (const c of ['dead', 'live']) await mkdir(join(folder, c), { recursive: true });
    const written = (await stat(join(folder, 'dead'))).mtimeMs;
    const look = async (age: number): Promise<string[]> => {
      const old = await oldSandboxes(
        root,
        new FakeClock(written + age),
        1000,
        (p) => p.containerId === 'live',
      );
      return old.map((p) => p.containerId);
    };
    expect(await look(1000)).toEqual(['dead']);
    expect(await look(-1)).toEqual([]);
    // what a task of an executor wrote counts for its executor
    const inside = join(folder, 'dead/containers/c1');
    await mkdir(inside, { recursive: true });
    await writeFile(join(inside, 'stdout'), '');
    const later = new Date(written + 60_000);
    await utimes(join(inside, 'stdout'), later, later);
    expect([await look(1000 + 59_000), await look(1000 + 60_000)]).toEqual([[], ['dead']]);
    await rm(root, { recursive: true });
  });
});
