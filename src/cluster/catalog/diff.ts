import { sameValue } from '../model/index.ts';
import type { Writable } from '../model/index.ts';
import type { SetDiff } from './types.ts';

/** How values of one map are compared, and what becomes of one that shows nothing new. */
export interface Likeness<T> {
  readonly same: (before: T, after: T) => boolean;
  /** Consumers keep `before`; let it stand for what `after` stands for. */
  readonly adopt?: (before: T, after: T) => void;
}

/** Writes to one map of the catalog and remembers what changed; a write of a like value is none. */
export class Recorder<T> {
  readonly #map: Writable<T>;
  readonly #likeness: Likeness<T>;
  readonly added: T[] = [];
  readonly changed: { readonly before: T; readonly after: T }[] = [];
  readonly removed: T[] = [];

  constructor(map: Writable<T>, likeness: Likeness<T> = { same: sameValue }) {
    this.#map = map;
    this.#likeness = likeness;
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
    else if (this.#likeness.same(before, after)) {
      this.#likeness.adopt?.(before, after);
      return false;
    } else this.changed.push({ before, after });
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
