import { scalarOf } from '../../mesos/index.ts';
import type { ExecutorInfo, Resource, TaskInfo, TaskLimits } from '../../mesos/index.ts';
import type { Quantities } from '../launcher/launcher.ts';
import { numberOf, quantitiesOf } from '../tasks/launch-spec.ts';

/**
 * What the container of an executor may have: its own and that of its tasks. As in Mesos, a task that may go beyond what it asked for raises the
 * limit by that, and one that says nothing of limits counts with what it asked for. Undefined: nobody asked for anything.
 */
export function executorQuantities(
  info: Pick<ExecutorInfo, 'resources'>,
  tasks: readonly Pick<TaskInfo, 'resources' | 'limits'>[],
): Quantities | undefined {
  const own: readonly Resource[] = info.resources ?? [];
  const all = [...own, ...tasks.flatMap(({ resources }) => resources)];
  const limits = (['cpus', 'mem'] as const).flatMap((name) => {
    if (!tasks.some((task) => task.limits?.[name])) return [];
    const most = tasks.map(({ resources, limits: of }) => numberOf(of?.[name]) ?? scalarOf(resources, name));
    return [[name, { value: most.reduce((sum, value) => sum + value, scalarOf(own, name)) }] as const];
  });
  const quantities = quantitiesOf(all, Object.fromEntries(limits) as TaskLimits);
  return quantities && { ...quantities, sharers: 1 + tasks.length };
}
