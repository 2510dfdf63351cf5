import { Elections } from './elections.ts';
import { storeErrors } from './errors.ts';
import { checkChanges, checkKey } from './keys.ts';
import type { Batch, Change, Journal } from './operations.ts';
import { Table } from './table.ts';
import type { Entry, Leadership, Store, StoreEvent } from './types.ts';

/** What a request wants to change, given what is there; undefined: nothing. */
type Decide = (current: Entry | undefined) => { readonly value: string | undefined } | undefined;

interface Request {
  readonly key: string;
  readonly decide: Decide;
  /** `changed` is undefined when the request decided to change nothing. */
  readonly resolve: (changed: { readonly revision: number } | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A store owned by one process. Requests that arrive while a batch is being written form the next batch (group
 * commit), so many writers share one sync. The table changes only after the journal has the batch: memory never runs
 * ahead of the disk, and conditions are checked against what is really there.
 */
export class LocalStore implements Store {
  readonly #journal: Journal;
  readonly #table: Table;
  readonly #elections = new Elections();
  #waiting: Request[] = [];
  #writing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(journal: Journal, table = new Table()) {
    this.#journal = journal;
    this.#table = table;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#check(key);
    return this.#table.get(key);
  }

  async put(key: string, value: string): Promise<Entry> {
    const changed = await this.#change(key, () => ({ value }));
    return { key, value, revision: changed?.revision ?? 0 };
  }

  async delete(key: string): Promise<boolean> {
    const changed = await this.#change(key, (current) => (current ? { value: undefined } : undefined));
    return changed !== undefined;
  }

  async write(changes: readonly Change[]): Promise<void> {
    for (const { key } of changes) this.#check(key);
    checkChanges(changes);
    // Asked for in one turn, so they are in one batch, which the journal keeps or does not.
    await Promise.all(
      changes.map(({ key, value }) =>
        this.#change(key, (current) => (value === undefined && !current ? undefined : { value })),
      ),
    );
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    if (this.#closed) throw storeErrors.STORE_CLOSED();
    return this.#table.list(prefix);
  }

  async compareAndSet(key: string, expected: number, value: string): Promise<Entry | undefined> {
    const changed = await this.#change(key, (current) =>
      (current?.revision ?? 0) === expected ? { value } : undefined,
    );
    return changed && { key, value, revision: changed.revision };
  }

  watch(prefix: string, signal: AbortSignal): AsyncIterable<StoreEvent> {
    if (this.#closed) throw storeErrors.STORE_CLOSED();
    return this.#table.watch(prefix, signal);
  }

  elect(election: string, candidate: string, signal: AbortSignal): AsyncIterable<Leadership> {
    if (this.#closed) throw storeErrors.STORE_CLOSED();
    return this.#elections.stand(election, { name: candidate, store: this }, signal);
  }

  /** Why it takes no more writes; undefined as long as it does. */
  problem(): string | undefined {
    return this.#journal.problem();
  }

  /** Writes that were asked for before are finished; watchers and candidates see their sequences end. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#writing;
    this.#table.closeWatchers();
    this.#elections.close();
    await this.#journal.close();
  }

  #check(key: string): void {
    if (this.#closed) throw storeErrors.STORE_CLOSED();
    checkKey(key);
  }

  async #change(key: string, decide: Decide): Promise<{ readonly revision: number } | undefined> {
    this.#check(key);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, decide, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve(); // requests made in the same turn share the first batch
    while (this.#waiting.length > 0) {
      const requests = this.#waiting;
      this.#waiting = [];
      await this.#write(requests);
    }
    this.#writing = undefined;
  }

  async #write(requests: readonly Request[]): Promise<void> {
    const { batch, outcomes } = this.#decideAll(requests);
    try {
      if (batch.changes.length > 0) await this.#journal.append(batch);
    } catch (error) {
      for (const r of requests) r.reject(error);
      return;
    }
    if (batch.changes.length > 0) this.#table.apply(batch);
    for (const [request, revision] of outcomes) {
      request.resolve(revision === undefined ? undefined : { revision });
    }
    await this.#journal.settle(this.#table.values(), this.#table.revision);
  }

  /** Each request decides in view of the requests before it in the same batch. */
  #decideAll(requests: readonly Request[]): { batch: Batch; outcomes: Map<Request, number | undefined> } {
    const firstRevision = this.#table.revision + 1;
    const changes: Change[] = [];
    const outcomes = new Map<Request, number | undefined>();
    const ahead = new Map<string, Entry | undefined>();
    for (const request of requests) {
      const { key } = request;
      const decision = request.decide(ahead.has(key) ? ahead.get(key) : this.#table.get(key));
      if (decision) {
        const revision = firstRevision + changes.length;
        changes.push({ key, value: decision.value });
        ahead.set(key, decision.value === undefined ? undefined : { key, value: decision.value, revision });
        outcomes.set(request, revision);
      } else outcomes.set(request, undefined);
    }
    return { batch: { firstRevision, changes }, outcomes };
  }
}
