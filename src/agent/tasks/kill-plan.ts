/** When a task that is to end gets its SIGTERM and its SIGKILL, in milliseconds of the monotonic clock. */
export interface KillPlan {
  readonly termAt: number;
  readonly killAt: number;
}

/** How a task is to end. */
export interface KillRequest {
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** From now to SIGTERM. */
  readonly drainMs: number;
  /** All of it takes no longer than this. */
  readonly withinMs?: number;
}

/**
 * The plan after one more kill. The first sets it: drain, then SIGTERM, then grace, then SIGKILL. A later one may only
 * bring the end nearer. No grace means now: nothing is left to drain for.
 */
export function planKill(plan: KillPlan | undefined, now: number, request: KillRequest): KillPlan {
  const { withinMs = Number.POSITIVE_INFINITY } = request;
  const grace = Math.min(request.graceMs, withinMs);
  const drain = grace === 0 ? 0 : Math.min(request.drainMs, withinMs - grace);
  const wanted = { termAt: now + drain, killAt: now + drain + grace };
  if (plan === undefined) return wanted;
  const killAt = Math.min(plan.killAt, wanted.killAt);
  return { termAt: Math.min(plan.termAt, killAt), killAt };
}
