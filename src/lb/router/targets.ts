import type { CanaryMatcher, Route, Target } from './types.ts';

/** What choosing a target looks at; read only for routes with more than one target. */
export interface TargetView {
  /** Value of a header field (name in lower case), undefined without one. */
  header?(name: string): string | undefined;
  cookie?(name: string): string | undefined;
}

/**
 * Which of its targets a request of this route goes to: the first whose canary header or cookie it carries, else by
 * weight. `draw` is a random number from 0 to below 1.
 */
export function chooseTarget(route: Route, draw: number, view: TargetView): Target {
  const { targets } = route;
  const first = targets[0];
  if (first === undefined) throw new Error(`route ${route.id} has no target`);
  if (targets.length === 1) return first;
  const canary = canaryTarget(route, view);
  if (canary !== undefined) return canary;
  let sum = 0;
  for (const { weight } of targets) sum += weight;
  let left = draw * sum;
  for (const target of targets) {
    left -= target.weight;
    if (left < 0) return target;
  }
  // All weights are 0: nobody is meant to get requests without being named, and the first is the least surprise.
  return first;
}

/** The first target whose canary header or cookie the request carries. */
export function canaryTarget({ targets }: Route, view: TargetView): Target | undefined {
  return targets.find((target) => target.canary?.some((canary) => carries(canary, view)));
}

function carries({ of, name, equals }: CanaryMatcher, view: TargetView): boolean {
  const value = of === 'header' ? view.header?.(name) : view.cookie?.(name);
  return value !== undefined && (equals === undefined || value === equals);
}
