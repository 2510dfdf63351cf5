import type { Records } from '../records.ts';
import { keyOf } from '../records.ts';
import type { App } from './app.ts';

interface Entry {
  current: App;
  /** All kept versions, oldest first; the current one is the last. */
  versions: App[];
}

/** The apps that are wanted, each with its versions, in memory and in the store. */
export class AppRegistry {
  readonly #records: Records;
  readonly #maxVersions: number;
  readonly #apps = new Map<string, Entry>();

  /** Rises with every change. */
  revision = 0;

  constructor(records: Records, maxVersions: number) {
    this.#records = records;
    this.#maxVersions = maxVersions;
  }

  async load(): Promise<void> {
    for (const { value } of await this.#records.list('apps')) {
      const app = value as App;
      this.#apps.set(app.id, { current: app, versions: [] });
    }
    for (const { value } of await this.#records.list('versions')) {
      const app = value as App;
      this.#apps.get(app.id)?.versions.push(app);
    }
    for (const entry of this.#apps.values()) {
      if (!entry.versions.some((v) => v.version === entry.current.version))
        entry.versions.push(entry.current);
      entry.versions.sort((a, b) => (a.version < b.version ? -1 : 1));
    }
  }

  get(id: string): App | undefined {
    return this.#apps.get(id)?.current;
  }

  /** By id. */
  all(): App[] {
    return [...this.#apps.values()].map((e) => e.current).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get size(): number {
    return this.#apps.size;
  }

  /** Newest first. */
  versions(id: string): readonly App[] {
    return this.#apps.get(id)?.versions.toReversed() ?? [];
  }

  version(id: string, version: string): App | undefined {
    return this.#apps.get(id)?.versions.find((v) => v.version === version);
  }

  /** Make `app` the wanted version of its id, once that is on disk; rejects, and it is not, when the disk does not take it. */
  async put(app: App): Promise<void> {
    const entry = this.#apps.get(app.id);
    const isNew = entry?.current.version !== app.version;
    const versions = [...(entry?.versions ?? []), ...(isNew ? [app] : [])];
    const dropped = isNew ? versions.splice(0, Math.max(0, versions.length - this.#maxVersions)) : [];
    await Promise.all([
      ...(isNew ? [this.#records.put(versionKey(app), app)] : []),
      ...dropped.map((v) => this.#records.delete(versionKey(v))),
      this.#records.put(`apps/${keyOf(app.id)}`, app),
    ]);
    if (isNew) this.#apps.set(app.id, { current: app, versions });
    this.revision++;
  }

  /** Forget an app and all its versions, once that is on disk. */
  async remove(id: string): Promise<void> {
    const entry = this.#apps.get(id);
    if (!entry) return;
    await Promise.all([
      this.#records.delete(`apps/${keyOf(id)}`),
      ...entry.versions.map((v) => this.#records.delete(versionKey(v))),
    ]);
    this.#apps.delete(id);
    this.revision++;
  }
}

function versionKey(app: App): string {
  return `versions/${keyOf(app.id)}/${app.version}`;
}
