import { RimrockError } from '../../core/errors.ts';
import { storeErrors } from '../errors.ts';
import type { Entry } from '../types.ts';
import type { ConsulClient, Operation } from './client.ts';

/** What must hold for a write to be made: that this session still has the lock of the election. */
export interface Fence {
  readonly election: string;
  readonly check: Operation;
  /** Nobody knows whether a write was made. */
  doubtful(): void;
}

interface Put {
  readonly key: string;
  readonly value: string;
  readonly fence: Fence | undefined;
  readonly resolve: (entry: Entry) => void;
}

interface Waiting {
  /** Only puts share a transaction. */
  readonly put: Put | undefined;
  readonly run: () => Promise<void>;
  readonly reject: (error: unknown) => void;
}

/** Consul takes 64 operations in one transaction, one of which may be the fence. */
const MOST_PUTS = 60;
/** A transaction is JSON of at most 512 KiB with values in base64; the rest is for keys and braces. */
const MOST_BYTES = 380 * 1024;

/**
 * The writes of one process, one transaction after the other, so that they are made in the order in which they were asked for;
 * puts to different keys that wait together go together.
 */
export class Writes {
  readonly #client: ConsulClient;
  readonly #path: (key: string) => string;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  constructor(client: ConsulClient, path: (key: string) => string) {
    this.#client = client;
    this.#path = path;
  }

  put(key: string, value: string, fence: Fence | undefined): Promise<Entry> {
    return new Promise((resolve, reject) => {
      if (!fits(key, value, reject)) return;
      const put: Put = { key, value, fence, resolve };
      this.#add({ put, run: () => this.#putAll([put]), reject });
    });
  }

  compareAndSet(
    key: string,
    expected: number,
    value: string,
    fence: Fence | undefined,
  ): Promise<Entry | undefined> {
    return this.inTurn(async () => {
      await new Promise<void>((resolve, reject) => void (fits(key, value, reject) && resolve()));
      const operation: Operation = { Verb: 'cas', Key: this.#path(key), Value: value, Index: expected };
      const revision = await this.#transact(key, [operation], fence);
      return revision === undefined ? undefined : { key, value, revision: revision[0] ?? 0 };
    });
  }

  /** Whether there was something. */
  delete(key: string, fence: Fence | undefined): Promise<boolean> {
    return this.inTurn(async () => {
      for (;;) {
        const item = await this.#client.get(this.#path(key));
        if (!item) return false;
        const operation: Operation = { Verb: 'delete-cas', Key: item.key, Index: item.index };
        if (await this.#transact(key, [operation], fence)) return true;
      }
    });
  }

  /** Do something between two writes. */
  inTurn<T>(f: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#add({ put: undefined, run: () => f().then(resolve), reject });
    });
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve(); // writes of the same turn share the first transaction
    while (this.#waiting.length > 0) {
      const together = this.#next();
      const puts = together.flatMap(({ put }) => put ?? []);
      try {
        await (puts.length > 1 ? this.#putAll(puts) : together[0]?.run());
      } catch (error) {
        for (const { reject } of together) reject(error);
        // Each of them would wait for Consul in vain, and those who asked for them even longer.
        if (isUnavailable(error)) for (const { reject } of this.#waiting.splice(0)) reject(error);
      }
    }
    this.#writing = undefined;
  }

  /** What goes into the next transaction. */
  #next(): Waiting[] {
    const keys = new Set<string>();
    let bytes = 0;
    let n = 0;
    for (const { put } of this.#waiting) {
      if (!put || put.fence !== this.#waiting[0]?.put?.fence || keys.has(put.key)) break;
      bytes += Buffer.byteLength(put.value) + 2 * put.key.length + 200;
      if (n > 0 && (n >= MOST_PUTS || bytes > MOST_BYTES)) break;
      keys.add(put.key);
      n++;
    }
    return this.#waiting.splice(0, Math.max(1, n));
  }

  async #putAll(puts: readonly Put[]): Promise<void> {
    const [first] = puts;
    if (!first) return;
    const operations = puts.map(({ key, value }): Operation => {
      return { Verb: 'set', Key: this.#path(key), Value: value };
    });
    const revisions = await this.#transact(first.key, operations, first.fence);
    if (!revisions) throw new Error(`Consul refused to set ${first.key}, which has no condition`);
    puts.forEach(({ key, value, resolve }, i) => resolve({ key, value, revision: revisions[i] ?? 0 }));
  }

  /** The revisions of what was written; undefined when a condition of the operations did not hold. */
  async #transact(
    key: string,
    operations: readonly Operation[],
    fence: Fence | undefined,
  ): Promise<readonly number[] | undefined> {
    try {
      const outcome = await this.#client.transact(fence ? [fence.check, ...operations] : operations);
      if (outcome.kind === 'done') return outcome.indexes.slice(-operations.length);
      if (fence && outcome.at === 0) throw storeErrors.STORE_NOT_LEADER({ key, election: fence.election });
      return undefined;
    } catch (error) {
      if (isUnavailable(error)) fence?.doubtful();
      throw error;
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof RimrockError && error.code === 'STORE_CONSUL_UNAVAILABLE';
}

function fits(key: string, value: string, reject: (error: unknown) => void): boolean {
  const bytes = Buffer.byteLength(value);
  if (bytes <= MOST_BYTES) return true;
  reject(storeErrors.STORE_VALUE_TOO_LARGE({ key, bytes, limit: MOST_BYTES }));
  return false;
}
