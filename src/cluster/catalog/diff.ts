import { sameValue } from '../model/index.ts';
import type { SetDiff } from './types.ts';

/** Writes to one map of the catalog and remembers what changed; a write of an equal value is none. */
export class Recorder<T> {
  readonly #map: Map<string, T>;
  readonly added: T[] = [];
  readonly changed: { readonly before: T; readonly after: T }[] = [];
  readonly removed: T[] = [];

  constructor(map: Map<string, T>) {
    this.#map = map;
  }

  /** True when this changed the map. Call at most once for each id. */
  set(id: string, after: T | undefined): boolean {
    const before = this.#map.get(id);
    if (after === undefined) {
      if (before === undefined) return false;
      this.#map.delete(id);
      this.removed.push(before);
      return true;
    }
    if (before === undefined) this.added.push(after);
    else if (sameValue(before, after)) return false;
    else this.changed.push({ before, after });
    this.#map.set(id, after);
    return true;
  }

  get touched(): boolean {
    return this.added.length + this.changed.length + this.removed.length > 0;
  }

  diff(): SetDiff<T> {
    return { added: this.added, changed: this.changed, removed: this.removed };
  }
}
