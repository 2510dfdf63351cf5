import { describe, expect, it } from 'vitest';
import type { Instance } from './instance.ts';
import { nextTimeout } from './timeouts.ts';

const launching = (stagedAtMs: number): Instance =>
  ({ state: 'TASK_STARTING', stagedAtMs, app: { unreachableStrategy: 'disabled' } }) as unknown as Instance;

const TIMEOUT_MS = 300_000;

describe('the time an instance has to start', () => {
  it('runs from its launch', () => {
    expect(nextTimeout(launching(1_000), 2_000, TIMEOUT_MS, 0)).toEqual({ kind: 'at', atMs: 301_000 });
    expect(nextTimeout(launching(1_000), 301_000, TIMEOUT_MS, 0)).toEqual({ kind: 'launch' });
  });

  it('begins anew when we could not have heard that it runs: another life, or a lost master', () => {
    const late = 10_000_000;
    expect(nextTimeout(launching(1_000), late, TIMEOUT_MS, late)).toEqual({
      kind: 'at',
      atMs: late + TIMEOUT_MS,
    });
  });

  it('is not longer where the clock was set back meanwhile', () => {
    expect(nextTimeout(launching(9_000_000), 2_000, TIMEOUT_MS, 1_000)).toEqual({
      kind: 'at',
      atMs: 301_000,
    });
  });
});
