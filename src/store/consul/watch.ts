import { AsyncQueue } from '../../core/async-queue.ts';
import { Backoff } from '../../core/backoff.ts';
import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { StoreEvent } from '../types.ts';
import type { ConsulClient, Item } from './client.ts';

export interface WatchParts {
  readonly client: ConsulClient;
  readonly clock: Clock;
  readonly random: Random;
  /** The prefix as Consul has it. */
  readonly path: string;
  /** The key of the store for one of Consul. */
  readonly keyOf: (path: string) => string;
}

/** A question to Consul waits this long for something new. */
const WAIT_MS = 15_000;

/**
 * What changes below a prefix: each look at it is compared with the look before. So it does not matter what happens to Consul
 * between two looks (a restart, a new leader, an index that begins anew): what differs is told, once.
 */
export class Watch {
  readonly events = new AsyncQueue<StoreEvent>();
  readonly #parts: WatchParts;
  readonly #stop = new AbortController();
  #seen: Map<string, Item> | undefined;
  #index = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** The first look, which tells nothing. Never rejects; a look that failed is made again by `follow`. */
  async begin(): Promise<void> {
    await this.#look(undefined).catch(() => {});
  }

  async follow(): Promise<void> {
    const { clock, random } = this.#parts;
    const { signal } = this.#stop;
    const backoff = new Backoff(random, { firstMs: 100, maxMs: 5_000, jitter: 0.5 });
    while (!signal.aborted) {
      try {
        await this.#look(this.#seen && this.#index);
        backoff.reset();
      } catch {
        await sleep(clock, backoff.next(), signal);
      }
    }
  }

  /** A last look, then the end. */
  async finish(): Promise<void> {
    this.#stop.abort();
    await this.#look(undefined, true).catch(() => {});
    this.events.close();
  }

  end(): void {
    this.#stop.abort();
    this.events.close();
  }

  async #look(after: number | undefined, last = false): Promise<void> {
    const { client, path, keyOf } = this.#parts;
    const options = after === undefined ? {} : { after, waitMs: WAIT_MS, signal: this.#stop.signal };
    const { items, index } = await client.list(path, options);
    if (this.#stop.signal.aborted && !last) return;
    // An index that went back is another one; 0 would not wait.
    this.#index = index < this.#index ? 0 : index;
    const before = this.#seen;
    this.#seen = new Map(items.map((item) => [item.key, item]));
    if (!before) return;
    const changed = items.filter((item) => before.get(item.key)?.index !== item.index);
    for (const { key } of before.values())
      // Consul does not tell when a key went, only that nothing is newer than this look.
      if (!this.#seen.has(key)) this.events.push({ kind: 'delete', key: keyOf(key), revision: index });
    for (const { key, value, index: revision } of changed.sort((a, b) => a.index - b.index))
      this.events.push({ kind: 'put', entry: { key: keyOf(key), value, revision } });
  }
}
