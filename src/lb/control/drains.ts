import type { BackendSpec } from '../plane/messages.ts';

/** What an operator takes out of service: all instances of a service, or one task. */
export type DrainTarget =
  | { readonly service: string; readonly task?: undefined }
  | { readonly task: string; readonly service?: undefined };

export interface DrainsParts {
  /** All backends that have a route. */
  readonly specs: () => Iterable<BackendSpec>;
  /** Endpoints of these services have to be told anew. */
  readonly onChange: (serviceKeys: readonly string[]) => void;
}

/**
 * Instances that get no new requests because an operator said so; running ones finish. Kept in memory only: after a restart all
 * take part again. Tasks are forgotten with their end, services when they are let in again.
 */
export class Drains {
  readonly #parts: DrainsParts;
  readonly #services = new Set<string>();
  readonly #tasks = new Set<string>();

  constructor(parts: DrainsParts) {
    this.#parts = parts;
  }

  /** Services and tasks that are drained now. */
  get view(): { readonly services: readonly string[]; readonly tasks: readonly string[] } {
    this.#forgetEnded();
    return { services: [...this.#services], tasks: [...this.#tasks] };
  }

  /** False: there is no such service or task. To let one in again that is not drained is no mistake. */
  set(target: DrainTarget, drain: boolean): boolean {
    const keys = this.#keysOf(target);
    if (keys.length === 0 && !(target.service !== undefined && this.#services.has(target.service)))
      return false;
    this.#forgetEnded();
    const [set, name] =
      target.service === undefined ? [this.#tasks, target.task] : [this.#services, target.service];
    if (drain) set.add(name);
    else set.delete(name);
    this.#parts.onChange(keys);
    return true;
  }

  drains(serviceKey: string, taskId: string): boolean {
    return this.#services.has(serviceKey) || this.#tasks.has(taskId);
  }

  /** The backend as the planes shall see it. */
  applied(spec: BackendSpec): BackendSpec {
    const { endpoints, serviceKey } = spec;
    if (this.#services.size + this.#tasks.size === 0) return spec;
    if (!endpoints.some(({ taskId }) => this.drains(serviceKey, taskId))) return spec;
    return {
      ...spec,
      endpoints: endpoints.map((endpoint) =>
        endpoint.phase === 'up' && this.drains(serviceKey, endpoint.taskId)
          ? { ...endpoint, phase: 'draining' }
          : endpoint,
      ),
    };
  }

  #keysOf({ service, task }: DrainTarget): string[] {
    const keys = new Set<string>();
    for (const { serviceKey, endpoints } of this.#parts.specs())
      if (serviceKey === service || (task !== undefined && endpoints.some(({ taskId }) => taskId === task)))
        keys.add(serviceKey);
    return [...keys];
  }

  #forgetEnded(): void {
    if (this.#tasks.size === 0) return;
    const live = new Set<string>();
    for (const { endpoints } of this.#parts.specs())
      for (const { taskId } of endpoints) if (this.#tasks.has(taskId)) live.add(taskId);
    for (const task of this.#tasks) if (!live.has(task)) this.#tasks.delete(task);
  }
}
