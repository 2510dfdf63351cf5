import type { Records } from '../records.ts';
import { keyOf } from '../records.ts';
import type { Instance } from './instance.ts';

const PREFIX = 'instances';

/** All instances there are, in memory and in the store. */
export class Instances {
  readonly #records: Records;
  readonly #byTask = new Map<string, Instance>();
  readonly #byApp = new Map<string, Set<string>>();
  /** What is known of these is not on disk, since a write failed. */
  readonly #unwritten = new Set<string>();

  constructor(records: Records) {
    this.#records = records;
  }

  async load(): Promise<void> {
    for (const { value } of await this.#records.list(PREFIX)) this.#set(value as Instance);
  }

  get(taskId: string): Instance | undefined {
    return this.#byTask.get(taskId);
  }

  all(): IterableIterator<Instance> {
    return this.#byTask.values();
  }

  get size(): number {
    return this.#byTask.size;
  }

  ofApp(appId: string): Instance[] {
    return [...(this.#byApp.get(appId) ?? [])].flatMap((taskId) => this.#byTask.get(taskId) ?? []);
  }

  appIds(): IterableIterator<string> {
    return this.#byApp.keys();
  }

  /** Count an instance in, before it is on disk (it is not launched yet). */
  hold(instance: Instance): void {
    this.#set(instance);
  }

  /** Keep (or replace) an instance; resolves when it is on disk. */
  put(instance: Instance): Promise<void> {
    this.#set(instance);
    return this.#written(instance.taskId, this.#records.put(`${PREFIX}/${keyOf(instance.taskId)}`, instance));
  }

  /** Whether what is known of it is on disk, or on its way there. */
  isKept(taskId: string): boolean {
    return !this.#unwritten.has(taskId);
  }

  /** Forget an instance, also one that only the disk remembers; resolves when that is on disk. */
  remove(taskId: string): Promise<void> {
    const instance = this.#byTask.get(taskId);
    if (instance) {
      this.#byTask.delete(taskId);
      const ofApp = this.#byApp.get(instance.app.id);
      ofApp?.delete(taskId);
      if (ofApp?.size === 0) this.#byApp.delete(instance.app.id);
    } else if (this.isKept(taskId)) return Promise.resolve();
    return this.#written(taskId, this.#records.delete(`${PREFIX}/${keyOf(taskId)}`));
  }

  async #written(taskId: string, write: Promise<void>): Promise<void> {
    try {
      await write;
      this.#unwritten.delete(taskId);
    } catch (error) {
      this.#unwritten.add(taskId);
      throw error;
    }
  }

  #set(instance: Instance): void {
    this.#byTask.set(instance.taskId, instance);
    const ofApp = this.#byApp.get(instance.app.id);
    if (ofApp) ofApp.add(instance.taskId);
    else this.#byApp.set(instance.app.id, new Set([instance.taskId]));
  }
}
