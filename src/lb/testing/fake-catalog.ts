import type { Catalog, CatalogDiff, CatalogVersion, Instance, Service } from '../../cluster/index.ts';
import { Subscribers } from '../../core/subscribers.ts';

/** A service for tests; what is not given is as plain as possible. */
export function service(given: Partial<Service> & { readonly name: string }): Service {
  return {
    key: `marathon/${given.name}`,
    frameworkName: 'marathon',
    declared: true,
    labels: new Map(),
    ports: [{ number: 10_000, name: 'http', protocol: 'tcp', labels: new Map() }],
    instances: [],
    ...given,
  };
}

/** A running instance on 127.0.0.1. */
export function instance(port: number, given: Partial<Instance> = {}): Instance {
  return {
    taskKey: `f task-${port}`,
    taskId: `task-${port}`,
    agentId: 'a',
    host: 'localhost',
    phase: 'up',
    healthy: undefined,
    addresses: [{ ip: '127.0.0.1', port }],
    startedAtMs: 0,
    labels: new Map(),
    ...given,
  };
}

/** A catalog of services that a test sets. */
export class FakeCatalog implements Catalog {
  readonly #services = new Map<string, Service>();
  readonly #subscribers = new Subscribers<{ next: CatalogVersion; diff: CatalogDiff }>((error) => {
    throw error;
  });
  #version = 0;

  get current(): CatalogVersion {
    return {
      version: this.#version,
      agents: new Map(),
      frameworks: new Map(),
      tasks: new Map(),
      services: this.#services,
      leader: undefined,
      masters: [],
      rejected: new Map(),
      stale: undefined,
    };
  }

  onChange(f: (next: CatalogVersion, diff: CatalogDiff) => void): () => void {
    return this.#subscribers.add(({ next, diff }) => f(next, diff));
  }

  /** Add or replace. */
  set(...services: readonly Service[]): void {
    const added = services.filter((s) => !this.#services.has(s.key));
    const changed = services.flatMap((after) => {
      const before = this.#services.get(after.key);
      return before === undefined ? [] : [{ before, after }];
    });
    for (const s of services) this.#services.set(s.key, s);
    this.#emit({ added, changed, removed: [] });
  }

  remove(key: string): void {
    const gone = this.#services.get(key);
    this.#services.delete(key);
    this.#emit({ added: [], changed: [], removed: gone === undefined ? [] : [gone] });
  }

  #emit(services: CatalogDiff['services']): void {
    this.#version += 1;
    const none = { added: [], changed: [], removed: [] };
    const diff = {
      agents: none,
      frameworks: none,
      tasks: none,
      services,
      mastersChanged: false,
      staleChanged: false,
    };
    this.#subscribers.emit({ next: this.current, diff });
  }
}
