import type { Clock, Timer } from '../../core/clock.ts';
import type { HealthCheck } from '../../mesos/index.ts';
import type { Probe, ProbeContext } from './probe.ts';

/** Defaults of Mesos, in seconds (mesos-api.md §2.8). */
const DELAY = 15;
const INTERVAL = 10;
const TIMEOUT = 20;
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
  const timeoutMs = (check.timeout_seconds ?? TIMEOUT) * 1000;
  const limit = check.consecutive_failures ?? FAILURES;
  const stopped = new AbortController();
  let told: boolean | undefined;
  let failures = 0;
  let timer: Timer;

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
    if (failures >= limit) {
      stopped.abort();
      listener.unhealthy();
    }
  };
  const run = async (): Promise<void> => {
    const one = new AbortController();
    const deadline = timeoutMs > 0 ? clock.after(timeoutMs, () => one.abort()) : undefined;
    const well = await probe(check, context, AbortSignal.any([one.signal, stopped.signal]));
    deadline?.cancel();
    if (stopped.signal.aborted) return;
    if (well) succeeded();
    else failed();
    if (!stopped.signal.aborted)
      timer = clock.after((check.interval_seconds ?? INTERVAL) * 1000, () => void run());
  };
  timer = clock.after((check.delay_seconds ?? DELAY) * 1000, () => void run());
  return {
    stop() {
      stopped.abort();
      timer.cancel();
    },
  };
}
