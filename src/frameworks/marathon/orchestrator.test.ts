import { expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { App } from './apps/app.ts';
import { Orchestrator } from './orchestrator.ts';
import type { OrchestratorParts } from './orchestrator.ts';
import { LaunchQueue } from './queue/launch-queue.ts';

const app = {
  id: '/a',
  version: 'v1',
  instances: 1,
  backoffSeconds: 0.02,
  backoffFactor: 2,
  maxLaunchDelaySeconds: 5,
  killSelection: 'YOUNGEST_FIRST',
  upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
  versionInfo: { lastScalingAt: 'v1', lastConfigChangeAt: 'v1' },
} as unknown as App;

/** A clock on which every look takes some time. */
class SlowClock extends FakeClock {
  lookMs = 0;

  override now(): number {
    const at = super.now();
    if (this.lookMs > 0) this.advance(this.lookMs);
    return at;
  }
}

it('asks for offers once a delay is over, wherever in a pass that happens', async () => {
  for (let lookMs = 0.5; lookMs <= 30; lookMs += 0.5) {
    const clock = new SlowClock(0);
    const queue = new LaunchQueue(clock);
    const asked: boolean[] = [];
    const orchestrator = new Orchestrator({
      registry: { all: () => [app], get: () => app },
      instances: { all: () => [], ofApp: () => [], appIds: () => [] },
      deployments: { all: () => [], directive: () => undefined, advance: () => false },
      kills: { retry: () => undefined },
      queue,
      clock,
      launchTimeoutMs: 1_000,
      expunge: () => {},
      demand: (waiting: boolean) => void asked.push(waiting),
    } as unknown as OrchestratorParts);
    queue.delays.failed(app, 0);
    clock.lookMs = lookMs;
    orchestrator.start();
    await clock.advanceAsync(200, 10);
    expect(asked, `${lookMs} ms a look`).toContain(true);
    orchestrator.stop();
  }
});
