import type { ModelFramework } from '../model/index.ts';
import { taskKey } from '../model/index.ts';
import type { Declaration } from './declaration.ts';
import { readDeclaration } from './declaration.ts';
import { serviceKey } from './live-service.ts';
import { Outside } from './outside.ts';

interface Declarer {
  readonly name: string;
  readonly services: ReadonlyMap<string, Declaration>;
  readonly rejectedKeys: readonly string[];
  /** Keys of the tasks that its own checks found unwell. */
  readonly unhealthy: ReadonlySet<string>;
}

/** What frameworks declare, by framework; several frameworks of one name add up, the lowest id wins a conflict. */
export class Declarations {
  /** What came by another way than the master; what came by the master goes first. */
  readonly outside = new Outside();
  readonly #byFramework = new Map<string, Declarer>();

  /**
   * Take a framework's declarations in (or out, when it is gone or declares nothing). Returns the service keys that
   * may have changed, and what could not be read, by a key of its own.
   */
  set(id: string, framework: ModelFramework | undefined): DeclarationChange {
    const before = this.#byFramework.get(id);
    const touched = new Set(before?.services.keys());
    const rejected = new Map<string, string>();
    const unhealthy = new Set<string>();
    if (framework?.declarations === undefined) this.#byFramework.delete(id);
    else {
      const services = new Map<string, Declaration>();
      for (const [i, text] of framework.declarations.entries()) {
        const read = readDeclaration(text);
        if (!read.ok) rejected.set(`${id} rimrock.service[${i}]`, read.reason);
        else if (services.has(serviceKey(framework.name, read.value.name)))
          rejected.set(`${id} rimrock.service[${i}]`, `service '${read.value.name}' is declared twice`);
        else services.set(serviceKey(framework.name, read.value.name), read.value);
      }
      for (const [key, declaration] of services) {
        touched.add(key);
        for (const taskId of declaration.unhealthy ?? []) unhealthy.add(taskKey(id, taskId));
      }
      const rejectedKeys = [...rejected.keys()];
      this.#byFramework.set(id, { name: framework.name, services, rejectedKeys, unhealthy });
    }
    const tasks = [...(before?.unhealthy ?? new Set<string>()).symmetricDifference(unhealthy)];
    const cleared = (before?.rejectedKeys ?? []).filter((key) => !rejected.has(key));
    return { touched, tasks, rejected, cleared };
  }

  get(key: string): Declaration | undefined {
    let best: string | undefined;
    for (const [id, d] of this.#byFramework)
      if (d.services.has(key) && (best === undefined || id < best)) best = id;
    if (best === undefined) return this.outside.get(key);
    return this.#byFramework.get(best)?.services.get(key);
  }

  /** The verdict of a scheduler's own checks on a task. */
  alive(frameworkId: string, key: string): boolean | undefined {
    return this.#byFramework.get(frameworkId)?.unhealthy.has(key) === true ? false : this.outside.alive(key);
  }

  /** Whether a framework of this name declares its services at all. */
  declares(frameworkName: string): boolean {
    for (const d of this.#byFramework.values()) if (d.name === frameworkName) return true;
    return this.outside.declares(frameworkName);
  }
}

export interface DeclarationChange {
  readonly touched: ReadonlySet<string>;
  /** Keys of the tasks on which the verdict may be another one. */
  readonly tasks: readonly string[];
  readonly rejected: ReadonlyMap<string, string>;
  readonly cleared: readonly string[];
}
