import { boundsOf } from './bounds.ts';
import type { Goal, InstanceView, Moves } from './types.ts';
import { killOrder } from './victims.ts';

/**
 * Bring the number of instances to the goal, whatever configuration they run; also what keeps an app at its number
 * between deployments. Replacements of dying instances start early only as far as maximumOverCapacity allows, so that
 * an app which must not run twice never does.
 */
export function nextScale(goal: Goal, views: readonly InstanceView[]): Moves {
  const active = views.filter((v) => v.phase !== 'killing');
  const surplus = active.length - goal.instances;
  if (surplus > 0) {
    const kill = killOrder(active, goal.killSelection)
      .slice(0, surplus)
      .map((v) => v.id);
    return { kill, launch: 0, done: false };
  }
  const floor = Math.max(goal.instances, boundsOfScale(goal));
  const launch = Math.max(0, Math.min(goal.instances - active.length, floor - views.length));
  const good = active.filter((v) => v.phase === 'running' && v.health === 'good').length;
  return { kill: [], launch, done: good === goal.instances && views.length === good };
}

function boundsOfScale(goal: Goal): number {
  return goal.maximumOverCapacity === 0 ? goal.instances : boundsOf(goal).maxTotal;
}
