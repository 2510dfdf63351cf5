import type { Cluster } from './cluster.ts';

/** One thing that somebody or something does to the cluster. */
export interface Step {
  /** Milliseconds since the begin. */
  readonly at: number;
  readonly kind: string;
  /** Which of those it may concern. */
  readonly who: number;
  /** How long it lasts, milliseconds. */
  readonly ms: number;
  /** How much, from 0 to 1. */
  readonly share: number;
}

/** A kind of step. */
export interface Kind {
  /** How often, compared with the others; 0: never in a calm run. */
  readonly calm: number;
  readonly wild: number;
  readonly ms: readonly [number, number];
  /** It needs several masters. */
  readonly many?: boolean;
  run(cluster: Cluster, step: Step): void;
}

export const at = <T>(items: readonly T[], who: number): T | undefined =>
  items[who % Math.max(1, items.length)];

/** Set something for a while. */
export function during(cluster: Cluster, step: Step, set: () => void, undo: () => void): void {
  set();
  cluster.world.after(step.ms, undo);
}
