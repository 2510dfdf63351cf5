import type { App } from '../apps/app.ts';
import type { Verdict } from '../health/health-checks.ts';
import { fieldValue } from '../offers/constraints.ts';
import type { InstanceView } from '../planner/index.ts';
import type { Instance } from './instance.ts';
import { configurationStamp } from './instance.ts';
import { isInactive } from './timeouts.ts';

/** An instance as the planner sees it, next to what `app` wants; undefined when it does not count any more. */
export function instanceView(
  instance: Instance,
  app: App,
  verdict: Verdict,
  nowMs: number,
): InstanceView | undefined {
  if (isInactive(instance, nowMs)) return undefined;
  const fields = app.constraints.filter(([, operator]) => operator === 'GROUP_BY').map(([field]) => field);
  return {
    id: instance.taskId,
    current: configurationStamp(instance.app) === configurationStamp(app),
    phase: phaseOf(instance),
    health: verdict,
    startedAtMs: instance.startedAtMs ?? instance.stagedAtMs,
    ...(fields.length === 0 ? {} : { group: fields.map((f) => fieldValue(instance, f) ?? '').join('\n') }),
  };
}

function phaseOf(instance: Instance): InstanceView['phase'] {
  if (instance.killing !== undefined || instance.state === 'TASK_KILLING') return 'killing';
  if (instance.state === 'TASK_UNREACHABLE') return 'unreachable';
  return instance.state === 'TASK_RUNNING' ? 'running' : 'launching';
}
