import type { CatalogTask, Instance, Service } from '../../../cluster/index.ts';

/**
 * What unhealthy tasks, and tasks that are being killed, mean for the names that several tasks share.
 * `exclude`: they leave them, unless all would. `include`: health counts for nothing, as in Mesos-DNS.
 * `only-srv-weight`: they stay, and their SRV records get the weight 0, unless all would.
 */
export type HealthPolicy = 'exclude' | 'include' | 'only-srv-weight';

export const HEALTH_POLICIES: readonly HealthPolicy[] = ['exclude', 'include', 'only-srv-weight'];

/** Labels of tasks that say how they are published. */
export const HEALTH_LABEL = 'dns.health';
export const WEIGHT_LABEL = 'dns.weight';
export const ANSWERS_LABEL = 'dns.answers';

/** The most answers that a limit can mean. */
export const MAX_ANSWERS = 65_535;

/** The weight that a task's SRV records are given by its label; undefined when there is none that can be read. */
export function weightOf(task: CatalogTask): number | undefined {
  const text = task.labels.get(WEIGHT_LABEL);
  return text === undefined ? undefined : wholeNumber(text, 0, 65_535);
}

/** Why the weight label of a task is not used, or undefined. */
export function weightProblem(task: CatalogTask): string | undefined {
  const text = task.labels.get(WEIGHT_LABEL);
  if (text === undefined || weightOf(task) !== undefined) return undefined;
  return `label ${WEIGHT_LABEL} is '${cut(text)}', not a number from 0 to 65535: the default weight is used`;
}

/** Whether a service has names in DNS: one that is empty and not declared is remembered for others. */
export function hasNames(service: Service): boolean {
  return service.declared || service.instances.length > 0;
}

export interface LabelValue<T> {
  readonly value: T;
  readonly problem: string | undefined;
}

/** The health policy of a service, else the given one. */
export function healthPolicyOf(service: Service, otherwise: HealthPolicy): LabelValue<HealthPolicy> {
  const text = serviceLabel(service, HEALTH_LABEL);
  const value = HEALTH_POLICIES.find((p) => p === text);
  if (text === undefined || value !== undefined) return { value: value ?? otherwise, problem: undefined };
  const problem = `label ${HEALTH_LABEL} is '${cut(text)}', not one of ${HEALTH_POLICIES.join(', ')}: ${otherwise} is used`;
  return { value: otherwise, problem };
}

/** How many records an answer of a service has at most; undefined for all. */
export function answersOf(service: Service): LabelValue<number | undefined> {
  const text = serviceLabel(service, ANSWERS_LABEL);
  const value = text === undefined ? undefined : wholeNumber(text, 1, MAX_ANSWERS);
  if (text === undefined || value !== undefined) return { value, problem: undefined };
  const problem = `label ${ANSWERS_LABEL} is '${cut(text)}', not a number from 1 to ${MAX_ANSWERS}: all records are answered`;
  return { value: undefined, problem };
}

/** A label of a service: what its declaration says, else its youngest instance (a declaration need not carry our labels). */
function serviceLabel(service: Service, key: string): string | undefined {
  const declared = service.labels.get(key);
  if (declared !== undefined) return declared;
  let youngest: Instance | undefined;
  for (const i of service.instances)
    if (youngest === undefined || i.startedAtMs > youngest.startedAtMs) youngest = i;
  return youngest?.labels.get(key);
}

function wholeNumber(text: string, min: number, max: number): number | undefined {
  const n = /^\d{1,5}$/.test(text.trim()) ? Number(text) : -1;
  return n >= min && n <= max ? n : undefined;
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
