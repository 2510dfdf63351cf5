import type { Declaration } from './declaration.ts';
import { portsOf } from './task.ts';
import type { CatalogTask, Instance, Service } from './types.ts';

/** `<framework name>/<service name>`: stable over restarts of framework and tasks. */
export function serviceKey(frameworkName: string, name: string): string {
  return `${frameworkName}/${name}`;
}

export interface Member {
  readonly task: CatalogTask;
  readonly instance: Instance;
}

/**
 * A service from its declaration and its tasks (at least one of the two). Instances stand in the order of their keys;
 * labels and ports are those of the declaration, else of the youngest instance.
 */
export function serviceOf(
  frameworkName: string,
  name: string,
  declaration: Declaration | undefined,
  members: readonly Member[],
): Service {
  const sorted = members.toSorted((a, b) => (a.task.key < b.task.key ? -1 : 1));
  const youngest = sorted.reduce<CatalogTask | undefined>(
    (y, m) => (y === undefined || m.task.startedAtMs > y.startedAtMs ? m.task : y),
    undefined,
  );
  return {
    key: serviceKey(frameworkName, name),
    frameworkName,
    name,
    declared: declaration !== undefined,
    labels: declaration?.labels ?? youngest?.labels ?? new Map(),
    ports: declaration?.ports ?? (youngest ? portsOf(youngest) : []),
    instances: sorted.map((m) => m.instance),
  };
}

/** A service whose last instance left: it stays for a while, so that callers see 503 and not 404. */
export function emptied(service: Service): Service {
  return { ...service, declared: false, instances: [] };
}
