import type { Goal } from './types.ts';

export interface Bounds {
  /** As many must stay healthy during a restart. */
  readonly minHealthy: number;
  /** So many may exist at once, those on their way out included. */
  readonly maxTotal: number;
}

const EPSILON = 1e-9;

/**
 * marathon.md §6: minHealthy = ceil(n·k), maxTotal = floor(n·(1+o)); where these leave no room to move, one more than
 * maxTotal is allowed. Products are taken with a tolerance, so that 100 · 0.07 is 7.
 */
export function boundsOf(goal: Goal): Bounds {
  const minHealthy = Math.ceil(goal.instances * goal.minimumHealthCapacity - EPSILON);
  const maxTotal = Math.floor(goal.instances * (1 + goal.maximumOverCapacity) + EPSILON);
  return { minHealthy, maxTotal: goal.instances > 0 && minHealthy >= maxTotal ? maxTotal + 1 : maxTotal };
}
