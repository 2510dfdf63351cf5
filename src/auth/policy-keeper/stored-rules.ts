import type { Rule } from '../../core/policy/types.ts';
import type { Entry, Store } from '../../store/index.ts';
import { parseRules } from '../policy/index.ts';

const KEY = 'auth/policy/rules';

/** The rules that came over the API. */
export interface Stored {
  /** Of the store, at which they were written; 0: never. */
  readonly revision: number;
  readonly rules: readonly Rule[];
}

const NOTHING: Stored = { revision: 0, rules: [] };

/** The rules that came over the API, in the store. */
export class StoredRules {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async read(): Promise<Stored> {
    return read(await this.#store.get(KEY));
  }

  /** Undefined, and nothing written, when they are not at `revision` any more. */
  async write(rules: readonly Rule[], revision: number): Promise<Stored | undefined> {
    const entry = await this.#store.compareAndSet(KEY, revision, JSON.stringify(rules));
    return entry && { revision: entry.revision, rules };
  }

  /** Every change from now on, whoever makes it. */
  async *changes(signal: AbortSignal): AsyncGenerator<Stored> {
    for await (const event of this.#store.watch(KEY, signal))
      if (event.kind === 'delete') yield NOTHING;
      else if (event.entry.key === KEY) yield read(event.entry);
  }
}

/** Throws where a newer program has written what this one does not understand: to go on with less would be another policy. */
function read(entry: Entry | undefined): Stored {
  if (entry === undefined) return NOTHING;
  const parsed = parseRules(JSON.parse(entry.value));
  if (!parsed.ok)
    throw new Error(parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; '));
  return { revision: entry.revision, rules: parsed.value };
}
