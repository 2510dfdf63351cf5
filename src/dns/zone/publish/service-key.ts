import type { CatalogTask } from '../../../cluster/index.ts';

/** The key of the service that a task belongs to (`Service.key`). */
export function serviceKeyOf(task: CatalogTask): string {
  return `${task.frameworkName}/${task.discovery?.name || task.name}`;
}
