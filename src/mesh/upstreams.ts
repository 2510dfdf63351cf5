import type { Catalog, CatalogTask, Instance, Service } from '../cluster/index.ts';
import type { TaskFacts } from '../core/identity.ts';
import type { Unsubscribe } from '../core/subscribers.ts';
import type { EndpointSpec } from './plane/messages.ts';

/** Which id a task has got; undefined: none that we could know. */
export type IdOf = (task: TaskFacts) => string | undefined;

/** What is asked for: a service by its key, and its port by index or name. */
export interface UpstreamKey {
  readonly service: string;
  readonly port: string;
}

export const upstreamKey = ({ service, port }: UpstreamKey): string => `${service}:${port}`;

/** Follows the services that tasks call: says the endpoints of each when they have changed. */
export class Upstreams {
  readonly #catalog: Catalog;
  readonly #idOf: IdOf;
  readonly #tell: (upstream: string, endpoints: readonly EndpointSpec[]) => void;
  readonly #wanted = new Map<string, UpstreamKey & { users: number }>();
  readonly #unsubscribe: Unsubscribe;

  constructor(
    catalog: Catalog,
    idOf: IdOf,
    tell: (upstream: string, endpoints: readonly EndpointSpec[]) => void,
  ) {
    this.#catalog = catalog;
    this.#idOf = idOf;
    this.#tell = tell;
    this.#unsubscribe = catalog.onChange((_, { services }) => {
      const changed = [...services.added, ...services.changed.map((c) => c.after), ...services.removed];
      if (this.#wanted.size === 0 || changed.length === 0) return;
      const keys = new Set(changed.map((service) => service.key));
      for (const wanted of this.#wanted.values()) if (keys.has(wanted.service)) this.#say(wanted);
    });
  }

  /** From now on it is said, to begin with what it is now. */
  want(key: UpstreamKey): void {
    const text = upstreamKey(key);
    const wanted = this.#wanted.get(text);
    if (wanted) wanted.users++;
    else this.#wanted.set(text, { ...key, users: 1 });
    if (!wanted) this.#say(key);
  }

  leave(key: UpstreamKey): void {
    const text = upstreamKey(key);
    const wanted = this.#wanted.get(text);
    if (wanted && --wanted.users === 0) this.#wanted.delete(text);
  }

  /** Say all again: who listened has forgotten it. */
  again(): void {
    for (const wanted of this.#wanted.values()) this.#say(wanted);
  }

  stop(): void {
    this.#unsubscribe();
  }

  #say(key: UpstreamKey): void {
    const service = this.#catalog.current.services.get(key.service);
    this.#tell(upstreamKey(key), service ? this.#endpoints(service, key.port) : []);
  }

  #endpoints(service: Service, port: string): EndpointSpec[] {
    const named = service.ports.findIndex((p) => p.name === port);
    const index = named >= 0 ? named : /^\d+$/.test(port) ? Number(port) : -1;
    return service.instances.flatMap((instance) => {
      const address = instance.addresses[index];
      const task = this.#catalog.current.tasks.get(instance.taskKey);
      const id = task && this.#idOf(factsOf(task));
      if (!takesMore(instance) || address === undefined || id === undefined) return [];
      return [{ ip: address.ip, port: address.port, id }];
    });
  }
}

const takesMore = ({ phase, healthy }: Instance): boolean => phase === 'up' && healthy !== false;

export function factsOf({ id, name, frameworkId, frameworkName, agentId, labels }: CatalogTask): TaskFacts {
  return { taskId: id, taskName: name, frameworkId, frameworkName, agentId, labels };
}
