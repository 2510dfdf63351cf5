import type { HealthCheckDefinition } from '../apps/check-schemas.ts';

/** What is known from one health check of one instance. Times in milliseconds since the epoch. */
export interface HealthState {
  readonly alive: boolean;
  readonly consecutiveFailures: number;
  readonly firstSuccessMs?: number;
  readonly lastSuccessMs?: number;
  readonly lastFailureMs?: number;
  readonly lastFailureCause?: string;
}

export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly cause: string };

export interface HealthStep {
  /** Undefined as long as there is no verdict. */
  readonly state: HealthState | undefined;
  readonly kill: boolean;
}

/**
 * What one probe result changes (marathon.md §3.4). Until the first success, failures within the grace period count
 * for nothing. The instance is to be killed by the failure that comes when the allowed number is already used up;
 * 0 means never.
 */
export function healthStep(
  check: HealthCheckDefinition,
  before: HealthState | undefined,
  result: ProbeResult,
  times: { readonly nowMs: number; readonly startedAtMs: number },
): HealthStep {
  const { nowMs } = times;
  if (result.ok) {
    const state: HealthState = {
      ...before,
      alive: true,
      consecutiveFailures: 0,
      firstSuccessMs: before?.firstSuccessMs ?? nowMs,
      lastSuccessMs: nowMs,
    };
    return { state, kill: false };
  }
  const inGrace = nowMs - times.startedAtMs < check.gracePeriodSeconds * 1000;
  if (inGrace && before?.firstSuccessMs === undefined) return { state: before, kill: false };
  const failures = before?.consecutiveFailures ?? 0;
  const max = check.maxConsecutiveFailures;
  return {
    state: {
      ...before,
      alive: false,
      consecutiveFailures: failures + 1,
      lastFailureMs: nowMs,
      lastFailureCause: result.cause,
    },
    kill: max > 0 && failures >= max,
  };
}
