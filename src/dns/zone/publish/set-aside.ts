import type { Rejected } from '../../../cluster/index.ts';

/** Something that is published otherwise than it was meant, and why. `GET /rejected` shows these. */
export interface SetAside {
  /** A `label` of a task (by task key) or service (by service key); a `record`, by name; or a whole `task`. */
  readonly kind: Rejected['kind'] | 'record';
  readonly id: string;
  readonly reason: string;
}

/** What is set aside at the moment, by a key of the caller's. */
export class SetAsides {
  readonly #entries = new Map<string, SetAside>();

  /** Say it, or with undefined take it back. */
  set(key: string, kind: SetAside['kind'], id: string, reason: string | undefined): void {
    if (reason !== undefined) this.#entries.set(key, { kind, id, reason });
    else if (this.#entries.size > 0) this.#entries.delete(key);
  }

  values(): Iterable<SetAside> {
    return this.#entries.values();
  }
}
