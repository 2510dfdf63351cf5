import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Store } from '../../store/index.ts';

/** A value of the store with the revision that it was written at. */
export interface Mirrored<T> {
  readonly value: T;
  readonly revision: number;
}

export interface MirrorParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

const AGAIN_AFTER_MS = 1_000;

/**
 * All records under a prefix of the store, in memory: reads cost a look into a map, so that a request never waits for
 * the store. It follows what others write; what was written through it shows at once.
 */
export class Mirror<T> {
  /** Rises with each change, for whoever keeps something that was worked out from the records. */
  version = 0;
  readonly #parts: MirrorParts;
  readonly #prefix: string;
  readonly #entries = new Map<string, Mirrored<T>>();
  /** Of records that are gone: what is late must not bring them back. */
  readonly #gone = new Map<string, number>();
  readonly #stop = new AbortController();
  #following: Promise<void> | undefined;

  /** `prefix` ends with a slash; records are JSON, and what follows the prefix is their id. */
  constructor(parts: MirrorParts, prefix: string) {
    this.#parts = parts;
    this.#prefix = prefix;
  }

  /** Resolves when all records are here. */
  async start(): Promise<void> {
    const events = this.#parts.store.watch(this.#prefix, this.#stop.signal);
    await this.#readAll();
    this.#following = this.#follow(events);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  get(id: string): Mirrored<T> | undefined {
    return this.#entries.get(id);
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): IterableIterator<[string, Mirrored<T>]> {
    return this.#entries.entries();
  }

  /** Write if it is still at `expected` (0: absent); false, and nothing written, when it is not. */
  async put(id: string, expected: number, value: T): Promise<boolean> {
    const { store } = this.#parts;
    const entry = await store.compareAndSet(this.#prefix + id, expected, JSON.stringify(value));
    if (entry !== undefined) this.#take(id, value, entry.revision);
    return entry !== undefined;
  }

  /** False when there was nothing. */
  async delete(id: string): Promise<boolean> {
    // From the first moment: who was let in by it must not get in while the disk is busy.
    const before = this.#entries.get(id);
    this.#drop(id, before?.revision ?? 0);
    try {
      return await this.#parts.store.delete(this.#prefix + id);
    } catch (error) {
      if (before !== undefined) {
        this.#gone.delete(id);
        this.#take(id, before.value, before.revision);
      }
      throw error;
    }
  }

  async #readAll(): Promise<void> {
    const listed = await this.#parts.store.list(this.#prefix);
    const ids = new Set<string>();
    for (const { key, value, revision } of listed) {
      ids.add(this.#idOf(key));
      this.#take(this.#idOf(key), JSON.parse(value) as T, revision);
    }
    for (const [id, { revision }] of this.#entries) if (!ids.has(id)) this.#drop(id, revision);
  }

  async #follow(first: ReturnType<Store['watch']>): Promise<void> {
    const { clock, log, store } = this.#parts;
    const { signal } = this.#stop;
    for (let events = first; ; events = store.watch(this.#prefix, signal)) {
      try {
        if (events !== first) await this.#readAll();
        for await (const event of events) {
          if (event.kind === 'delete') this.#drop(this.#idOf(event.key), event.revision);
          else
            this.#take(this.#idOf(event.entry.key), JSON.parse(event.entry.value) as T, event.entry.revision);
        }
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ error, prefix: this.#prefix }, 'the store is out of sight; looking again');
        await sleep(clock, AGAIN_AFTER_MS, signal);
      }
      if (signal.aborted) return;
    }
  }

  #idOf(key: string): string {
    return key.slice(this.#prefix.length);
  }

  #take(id: string, value: T, revision: number): void {
    if (revision <= (this.#entries.get(id)?.revision ?? this.#gone.get(id) ?? 0)) return;
    this.#gone.delete(id);
    this.#entries.set(id, { value, revision });
    this.version++;
  }

  #drop(id: string, revision: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && entry.revision > revision) return;
    this.#entries.delete(id);
    this.#gone.set(id, Math.max(revision, this.#gone.get(id) ?? 0));
    if (this.#gone.size > GONE_KEPT) this.#gone.delete(this.#gone.keys().next().value ?? '');
    this.version++;
  }
}

/** Events of a record's past are at most as late as the watch; a thousand later ones have overtaken them. */
const GONE_KEPT = 1_000;
