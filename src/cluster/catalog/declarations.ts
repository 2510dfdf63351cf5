import type { ModelFramework } from '../model/index.ts';
import type { Declaration } from './declaration.ts';
import { readDeclaration } from './declaration.ts';
import { serviceKey } from './live-service.ts';

interface Declarer {
  readonly name: string;
  readonly services: ReadonlyMap<string, Declaration>;
  readonly rejectedKeys: readonly string[];
}

/** What frameworks declare, by framework; several frameworks of one name add up, the lowest id wins a conflict. */
export class Declarations {
  readonly #byFramework = new Map<string, Declarer>();

  /**
   * Take a framework's declarations in (or out, when it is gone or declares nothing). Returns the service keys that
   * may have changed, and what could not be read, by a key of its own.
   */
  set(id: string, framework: ModelFramework | undefined): DeclarationChange {
    const before = this.#byFramework.get(id);
    const touched = new Set(before?.services.keys());
    const rejected = new Map<string, string>();
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
      for (const key of services.keys()) touched.add(key);
      this.#byFramework.set(id, { name: framework.name, services, rejectedKeys: [...rejected.keys()] });
    }
    const cleared = (before?.rejectedKeys ?? []).filter((key) => !rejected.has(key));
    return { touched, rejected, cleared };
  }

  get(key: string): Declaration | undefined {
    let best: string | undefined;
    for (const [id, d] of this.#byFramework)
      if (d.services.has(key) && (best === undefined || id < best)) best = id;
    return best === undefined ? undefined : this.#byFramework.get(best)?.services.get(key);
  }

  /** Whether a framework of this name declares its services at all. */
  declares(frameworkName: string): boolean {
    for (const d of this.#byFramework.values()) if (d.name === frameworkName) return true;
    return false;
  }
}

export interface DeclarationChange {
  readonly touched: ReadonlySet<string>;
  readonly rejected: ReadonlyMap<string, string>;
  readonly cleared: readonly string[];
}
