import type { Outcome } from './types.ts';

const made: (Outcome | undefined)[] = [];

/** The outcome of a request that was answered: one object for each status. */
export function answered(status: number): Outcome {
  return (made[status] ??= { kind: 'response', status });
}
