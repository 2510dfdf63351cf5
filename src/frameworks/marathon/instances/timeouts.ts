import type { Instance } from './instance.ts';

export type Timeout =
  | { readonly kind: 'none' }
  /** Nothing yet; look again at this time (milliseconds since the epoch). */
  | { readonly kind: 'at'; readonly atMs: number }
  /** It did not start in time. */
  | { readonly kind: 'launch' }
  /** Its agent has been away too long: forget it. */
  | { readonly kind: 'expunge' };

/**
 * What time does to an instance that is launching or unreachable (marathon.md §6, crash policy). `sinceMs`: since when we
 * hear of our tasks without a gap; one that has not been heard of before then has not been late.
 */
export function nextTimeout(
  instance: Instance,
  nowMs: number,
  launchTimeoutMs: number,
  sinceMs: number,
): Timeout {
  if (instance.state === 'TASK_STAGING' || instance.state === 'TASK_STARTING') {
    if (instance.killing !== undefined) return { kind: 'none' };
    // where the clock was set back between two lives it lies in the future
    const stagedAtMs = instance.stagedAtMs > nowMs ? sinceMs : Math.max(instance.stagedAtMs, sinceMs);
    const atMs = stagedAtMs + launchTimeoutMs;
    return atMs <= nowMs ? { kind: 'launch' } : { kind: 'at', atMs };
  }
  const strategy = instance.app.unreachableStrategy;
  if (instance.unreachableSinceMs === undefined || strategy === 'disabled') return { kind: 'none' };
  const expungeAtMs = instance.unreachableSinceMs + strategy.expungeAfterSeconds * 1000;
  if (expungeAtMs <= nowMs) return { kind: 'expunge' };
  const inactiveAtMs = instance.unreachableSinceMs + strategy.inactiveAfterSeconds * 1000;
  return { kind: 'at', atMs: inactiveAtMs > nowMs ? inactiveAtMs : expungeAtMs };
}

/** Unreachable for so long that a replacement is wanted. */
export function isInactive(instance: Instance, nowMs: number): boolean {
  const strategy = instance.app.unreachableStrategy;
  if (instance.unreachableSinceMs === undefined || strategy === 'disabled') return false;
  return instance.unreachableSinceMs + strategy.inactiveAfterSeconds * 1000 <= nowMs;
}
