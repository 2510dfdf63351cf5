import type { App } from '../apps/app.ts';
import type { JsonObject } from '../apps/json.ts';
import type { Instance } from '../instances/instance.ts';
import { configurationStamp, isRunning } from '../instances/instance.ts';
import type { Scheduler } from '../scheduler.ts';

/** Counts and life times over groups of an app's instances (marathon.md §2.3); empty groups are left out. */
export function taskStats(scheduler: Scheduler, app: App, instances: readonly Instance[]): JsonObject {
  const latest = (i: Instance): boolean => configurationStamp(i.app) === configurationStamp(app);
  const lastScalingMs = Date.parse(app.versionInfo.lastScalingAt);
  const groups: Readonly<Record<string, readonly Instance[]>> = {
    startedAfterLastScaling: instances.filter((i) => i.stagedAtMs > lastScalingMs),
    withLatestConfig: instances.filter(latest),
    withOutdatedConfig: instances.filter((i) => !latest(i)),
    totalSummary: instances,
  };
  return Object.fromEntries(
    Object.entries(groups)
      .filter(([, members]) => members.length > 0)
      .map(([name, members]) => [name, { stats: stats(scheduler, members) }]),
  );
}

function stats(scheduler: Scheduler, instances: readonly Instance[]): JsonObject {
  const running = instances.filter(isRunning);
  const checked = running.filter((i) => i.app.healthChecks.length > 0);
  const ages = running
    .flatMap((i) => (i.startedAtMs === undefined ? [] : [(scheduler.nowMs() - i.startedAtMs) / 1000]))
    .sort((a, b) => a - b);
  const median = ages[Math.floor(ages.length / 2)] ?? 0;
  return {
    counts: {
      staged: instances.length - running.length,
      running: running.length,
      healthy: checked.filter((i) => scheduler.health.health(i) === 'good').length,
      unhealthy: checked.filter((i) => scheduler.health.health(i) === 'bad').length,
    },
    ...(ages.length === 0
      ? {}
      : {
          lifeTime: { averageSeconds: ages.reduce((a, b) => a + b, 0) / ages.length, medianSeconds: median },
        }),
  };
}
