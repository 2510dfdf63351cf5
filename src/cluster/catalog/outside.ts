import { taskKey } from '../model/index.ts';
import type { Declaration } from './declaration.ts';
import { serviceKey } from './live-service.ts';

/** What a scheduler told of itself by another way than the master; undefined means gone. */
export interface OutsideNews {
  readonly frameworkId: string;
  readonly frameworkName: string;
  /** By service name. */
  readonly services: ReadonlyMap<string, Declaration | undefined>;
  /** Verdicts on tasks, by task id. */
  readonly alive: ReadonlyMap<string, boolean | undefined>;
  /** Why something was left out, by its id. */
  readonly rejected: ReadonlyMap<string, string | undefined>;
}

interface Scheduler {
  readonly name: string;
  /** By service key. */
  readonly services: Map<string, Declaration>;
}

/** Services and verdicts that schedulers told of by another way than the master. They stay until other news comes. */
export class Outside {
  readonly #schedulers = new Map<string, Scheduler>();
  readonly #alive = new Map<string, boolean>();

  /** Take news in; returns the keys of the services and tasks that they touch. */
  take(news: OutsideNews): { readonly services: readonly string[]; readonly tasks: readonly string[] } {
    const { frameworkId, frameworkName } = news;
    const scheduler = this.#schedulers.get(frameworkId) ?? { name: frameworkName, services: new Map() };
    const services: string[] = [];
    for (const [name, declaration] of news.services) {
      const key = serviceKey(scheduler.name, name);
      if (declaration === undefined) scheduler.services.delete(key);
      else scheduler.services.set(key, declaration);
      services.push(key);
    }
    if (scheduler.services.size > 0) this.#schedulers.set(frameworkId, scheduler);
    else this.#schedulers.delete(frameworkId);
    const tasks: string[] = [];
    for (const [id, alive] of news.alive) {
      const key = taskKey(frameworkId, id);
      if (alive === undefined) this.#alive.delete(key);
      else this.#alive.set(key, alive);
      tasks.push(key);
    }
    return { services, tasks };
  }

  /** The lowest framework id wins a conflict. */
  get(key: string): Declaration | undefined {
    let best: string | undefined;
    for (const [id, { services }] of this.#schedulers)
      if (services.has(key) && (best === undefined || id < best)) best = id;
    return best === undefined ? undefined : this.#schedulers.get(best)?.services.get(key);
  }

  /** Whether a framework of this name tells of its services at all. */
  declares(frameworkName: string): boolean {
    for (const { name } of this.#schedulers.values()) if (name === frameworkName) return true;
    return false;
  }

  /** The verdict on a task. */
  alive(key: string): boolean | undefined {
    return this.#alive.get(key);
  }

  /** Keys of all services. */
  *keys(): Generator<string> {
    for (const { services } of this.#schedulers.values()) yield* services.keys();
  }
}
