import { AsyncQueue } from '../core/async-queue.ts';
import type { Batch } from './operations.ts';
import type { Entry, StoreEvent } from './types.ts';

interface Watcher {
  readonly prefix: string;
  readonly queue: AsyncQueue<StoreEvent>;
}

/** What is on disk, in memory, and who watches it. */
export class Table {
  readonly #entries: Map<string, Entry>;
  readonly #watchers = new Set<Watcher>();
  #revision: number;

  constructor(entries: Iterable<Entry> = [], revision = 0) {
    this.#entries = new Map([...entries].map((e) => [e.key, e]));
    this.#revision = revision;
  }

  get revision(): number {
    return this.#revision;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  values(): Iterable<Entry> {
    return this.#entries.values();
  }

  list(prefix: string): Entry[] {
    const found = [...this.#entries.values()].filter((e) => e.key.startsWith(prefix));
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  apply(batch: Batch): void {
    this.#revision = batch.firstRevision - 1;
    for (const { key, value } of batch.changes) {
      const revision = ++this.#revision;
      if (value === undefined) {
        this.#entries.delete(key);
        this.#tell({ kind: 'delete', key, revision }, key);
      } else {
        const entry = { key, value, revision };
        this.#entries.set(key, entry);
        this.#tell({ kind: 'put', entry }, key);
      }
    }
  }

  /** Subscribed when this returns, not at the first read. */
  watch(prefix: string, signal: AbortSignal): AsyncIterable<StoreEvent> {
    const watcher: Watcher = { prefix, queue: new AsyncQueue() };
    const end = (): void => {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', end);
      watcher.queue.close();
    };
    if (signal.aborted) watcher.queue.close();
    else {
      this.#watchers.add(watcher);
      signal.addEventListener('abort', end, { once: true });
    }
    return untilLeft(watcher.queue, end);
  }

  closeWatchers(): void {
    for (const w of this.#watchers) w.queue.close();
    this.#watchers.clear();
  }

  #tell(event: StoreEvent, key: string): void {
    for (const w of this.#watchers) if (key.startsWith(w.prefix)) w.queue.push(event);
  }
}

/** The values of `source`; `end` runs when the reader leaves the loop, however it leaves. */
export async function* untilLeft<T>(source: AsyncIterable<T>, end: () => void): AsyncGenerator<T> {
  try {
    yield* source;
  } finally {
    end();
  }
}
