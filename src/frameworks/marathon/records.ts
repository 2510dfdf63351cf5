import type { Logger } from '../../core/log.ts';
import type { Store } from '../../store/index.ts';
import { frameworkErrors } from '../errors.ts';
import { errorText } from '../../core/errors.ts';

interface Pending {
  readonly value: string | undefined;
  readonly written: Promise<void>;
}

/**
 * JSON records in the store, below `marathon/`. Writes to one key follow each other, and a value that is overtaken by
 * a newer one before its turn is never written; every writer's promise resolves when its value or a newer one is
 * durable.
 */
export class Records {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #busy = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Pending>();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  put(key: string, value: unknown): Promise<void> {
    return this.#write(key, JSON.stringify(value));
  }

  delete(key: string): Promise<void> {
    return this.#write(key, undefined);
  }

  /** A write whose failure is logged and otherwise nobody's business; the next one of the key tries again. */
  later(write: Promise<void>): void {
    write.catch((error: unknown) =>
      this.#log.error({ error: errorText(error) }, 'the store did not take a record'),
    );
  }

  /** All records below `prefix`, by key. Throws MARATHON_STORE_UNREADABLE. */
  async list(prefix: string): Promise<{ readonly key: string; readonly value: unknown }[]> {
    const entries = await this.#store.list(`marathon/${prefix}/`);
    return entries.map(({ key, value }) => {
      try {
        return { key, value: JSON.parse(value) as unknown };
      } catch (error) {
        throw frameworkErrors.MARATHON_STORE_UNREADABLE({ key, reason: errorText(error) }, error);
      }
    });
  }

  async get(key: string): Promise<unknown> {
    const entry = await this.#store.get(`marathon/${key}`);
    return entry === undefined ? undefined : (JSON.parse(entry.value) as unknown);
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy.values());
  }

  #write(key: string, value: string | undefined): Promise<void> {
    const waiting = this.#next.get(key);
    if (waiting) {
      this.#next.set(key, { value, written: waiting.written });
      return waiting.written;
    }
    const running = this.#busy.get(key);
    if (!running) return this.#begin(key, value);
    const written = running.then(noop, noop).then(() => this.#take(key));
    written.catch(noop);
    this.#next.set(key, { value, written });
    return written;
  }

  #take(key: string): Promise<void> {
    const next = this.#next.get(key);
    this.#next.delete(key);
    return next ? this.#begin(key, next.value) : Promise.resolve();
  }

  #begin(key: string, value: string | undefined): Promise<void> {
    const full = `marathon/${key}`;
    const done = (value === undefined ? this.#store.delete(full) : this.#store.put(full, value)).then(noop);
    const tracked = done.finally(() => {
      if (this.#busy.get(key) === tracked) this.#busy.delete(key);
    });
    tracked.catch(noop);
    this.#busy.set(key, tracked);
    return tracked;
  }
}

function noop(): void {}

/** An app id as one part of a store key. */
export function keyOf(id: string): string {
  return encodeURIComponent(id);
}
