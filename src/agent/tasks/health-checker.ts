import type { Clock } from '../../core/clock.ts';
import type { HealthCheck } from '../../mesos/index.ts';
import { isHealthy, lookOf } from './probe.ts';
import type { Probe, ProbeContext } from './probe.ts';
import { lookRepeatedly } from './repeated-look.ts';

/** Defaults of Mesos (mesos-api.md §2.8); the first in seconds. */
const GRACE = 10;
const FAILURES = 3;

export interface HealthListener {
  /** The health to be told: at the first success, at recovery, and at every failure that counts. */
  changed(healthy: boolean): void;
  /** So many failures in a row: the task is to be killed. */
  unhealthy(): void;
}

/**
 * Runs the health check of one task. Failures within the grace period, which starts with the checker and ends with the
 * first success, do not count. Ends with `stop`.
 */
export function startHealthChecker(
  check: HealthCheck,
  context: ProbeContext,
  parts: { readonly clock: Clock; readonly probe: Probe; readonly listener: HealthListener },
): { stop(): void } {
  const { clock, probe, listener } = parts;
  const startedAt = clock.monotonic();
  const graceMs = (check.grace_period_seconds ?? GRACE) * 1000;
  const limit = check.consecutive_failures ?? FAILURES;
  const look = lookOf(check);
  let told: boolean | undefined;
  let failures = 0;

  const succeeded = (): void => {
    failures = 0;
    if (told !== true) listener.changed(true);
    told = true;
  };
  const failed = (): void => {
    if (told === undefined && clock.monotonic() - startedAt < graceMs) return;
    told = false;
    failures++;
    listener.changed(false);
    if (failures < limit) return;
    looking.stop();
    listener.unhealthy();
  };
  const looking = lookRepeatedly(look, check, { clock, probe, context }, (found) =>
    isHealthy(look, found) ? succeeded() : failed(),
  );
  return looking;
}
