import { boundsOf } from './bounds.ts';
import type { Goal, InstanceView, Moves } from './types.ts';
import { killOrder } from './victims.ts';

/**
 * The next moves of a rolling restart, from the present state alone (marathon.md §6), so that it goes on after a crash
 * or with half of the work done by somebody else:
 *
 * - of what serves, never kill below minHealthy; old instances that certainly do not serve may go at once;
 * - never let more than maxTotal exist, those still dying included;
 * - done when exactly n current ones are good and nothing else is left.
 */
export function nextRestart(goal: Goal, views: readonly InstanceView[]): Moves {
  const { minHealthy, maxTotal } = boundsOf(goal);
  const active = views.filter((v) => v.phase !== 'killing');
  const fresh = active.filter((v) => v.current);
  const old = active.filter((v) => !v.current);
  const kill: string[] = [];

  const surplus = killOrder(fresh, goal.killSelection).slice(0, Math.max(0, fresh.length - goal.instances));
  kill.push(...surplus.map((v) => v.id));
  const kept = fresh.filter((v) => !kill.includes(v.id));

  kill.push(...oldToKill(old, kept.filter(isGood).length, minHealthy, goal));

  const launch = Math.max(0, Math.min(goal.instances - kept.length, maxTotal - views.length));
  const done =
    kill.length === 0 && views.length === goal.instances && views.every((v) => v.current && isGood(v));
  return { kill, launch, done };
}

function isGood(view: InstanceView): boolean {
  return view.phase === 'running' && view.health === 'good';
}

/** Whether an old instance may be serving somebody: it then counts against minHealthy before it can go. */
function mayServe(view: InstanceView): boolean {
  return view.phase === 'running' && view.health !== 'bad';
}

function oldToKill(
  old: readonly InstanceView[],
  freshGood: number,
  minHealthy: number,
  goal: Goal,
): string[] {
  const idle = old.filter((v) => !mayServe(v));
  const serving = killOrder(old.filter(mayServe), goal.killSelection);
  const allowance = Math.max(0, serving.length + freshGood - minHealthy);
  return [...idle, ...serving.slice(0, allowance)].map((v) => v.id);
}
