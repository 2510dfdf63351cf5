import { describe, expect, it } from 'vitest';
import type { App } from '../apps/app.ts';
import { LaunchDelays } from './delays.ts';

const app = (stamp = 'v1'): App =>
  ({
    id: '/a',
    backoffSeconds: 1,
    backoffFactor: 2,
    maxLaunchDelaySeconds: 5,
    versionInfo: { lastScalingAt: stamp, lastConfigChangeAt: stamp },
  }) as App;

describe('launch delays', () => {
  it('grow with every failure up to the maximum', () => {
    const delays = new LaunchDelays();
    expect(delays.untilMs(app())).toBe(0);
    const seen = [1, 2, 3, 4, 5].map(() => {
      delays.failed(app(), 1_000);
      return delays.untilMs(app()) - 1_000;
    });
    expect(seen).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  it('are forgotten with a new configuration, on request, and after a quiet time', () => {
    const delays = new LaunchDelays();
    delays.failed(app(), 0);
    delays.failed(app(), 0);
    expect(delays.untilMs(app('v2'))).toBe(0);
    delays.failed(app(), 2_000 + 2_000 + 5_000 + 1);
    expect(delays.untilMs(app())).toBe(9_001 + 1_000);
    delays.reset('/a');
    expect(delays.untilMs(app())).toBe(0);
  });
});
