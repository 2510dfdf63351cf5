import { describe, expect, it } from 'vitest';
import type { TaskLimits } from '../../mesos/index.ts';
import { executorQuantities } from './limits.ts';

const MB = 1024 * 1024;
const of = (cpus: number, mem: number, limits?: TaskLimits) => ({
  resources: Object.entries({ cpus, mem }).map(
    ([name, value]) => ({ name, type: 'SCALAR', scalar: { value } }) as const,
  ),
  ...(limits ? { limits } : {}),
});

describe('what an executor may have', () => {
  it('is its own and that of its tasks', () => {
    expect(executorQuantities(of(0.1, 32), [of(0.5, 64), of(1, 100)])).toEqual({
      cpus: 1.6,
      memBytes: 196 * MB,
      sharers: 3,
    });
    expect(executorQuantities({}, [])).toBeUndefined();
    expect(executorQuantities({}, [{ resources: [] }])).toBeUndefined();
  });

  it('is as much more as its tasks may go beyond what they asked for', () => {
    const more = { mem: { value: 256 } };
    expect(executorQuantities(of(0.1, 32), [of(0.5, 64), of(1, 100, more)])).toEqual({
      cpus: 1.6,
      memBytes: 196 * MB,
      memLimitBytes: (32 + 64 + 256) * MB,
      sharers: 3,
    });
    const all = { cpus: { value: 2 }, mem: { value: Infinity } };
    expect(executorQuantities(of(0.1, 32), [of(0.5, 64, all)])).toMatchObject({
      cpuLimit: 2.1,
      memLimitBytes: Infinity,
    });
  });
});
