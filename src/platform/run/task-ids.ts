import type { TaskFacts } from '../../core/identity.ts';
import type { RimrockConfig } from '../config/schema.ts';

/** The SPIFFE ids that tasks get by the configuration; undefined where they are made of what a cluster does not tell of its tasks. */
export async function taskIds({
  auth: { trustDomain, workload },
}: RimrockConfig): Promise<(task: TaskFacts) => string | undefined> {
  const { taskPath } = await import('../../auth/workload/index.ts');
  if (workload.id.includes('{user}')) return () => undefined;
  return (task) => `spiffe://${trustDomain}${taskPath(workload.id, task)}`;
}
