/** When a task that is to end gets its SIGTERM and its SIGKILL, in milliseconds of the monotonic clock. */
export interface KillPlan {
  readonly termAt: number;
  readonly killAt: number;
}

/**
 * The plan after one more kill. The first sets it: drain, then SIGTERM, then grace, then SIGKILL. A later one may only
 * bring the end nearer. No grace means now: nothing is left to drain for.
 */
export function planKill(
  plan: KillPlan | undefined,
  now: number,
  request: { readonly graceMs: number; readonly drainMs: number },
): KillPlan {
  const drain = request.graceMs === 0 ? 0 : request.drainMs;
  const wanted = { termAt: now + drain, killAt: now + drain + request.graceMs };
  if (plan === undefined) return wanted;
  const killAt = Math.min(plan.killAt, wanted.killAt);
  return { termAt: Math.min(plan.termAt, killAt), killAt };
}
