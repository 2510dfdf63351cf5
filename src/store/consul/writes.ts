import { RimrockError } from '../../core/errors.ts';
import { storeErrors } from '../errors.ts';
import type { Change } from '../operations.ts';
import type { Entry } from '../types.ts';
import type { ConsulClient, Operation } from './client.ts';

/** What must hold for a write to be made: that this session still has the lock of the election. */
export interface Fence {
  readonly election: string;
  readonly check: Operation;
  /** Nobody knows whether a write was made. */
  doubtful(): void;
}

/** Changes that are made without asking what is there. */
interface Write {
  readonly changes: readonly Change[];
  readonly fence: Fence | undefined;
  /** With the revisions of what was set, in the order of the changes. */
  readonly resolve: (revisions: readonly number[]) => void;
}

interface Waiting {
  /** Only these share a transaction. */
  readonly write: Write | undefined;
  readonly run: () => Promise<void>;
  readonly reject: (error: unknown) => void;
}

/** Consul takes 64 operations in one transaction, one of which may be the fence. */
const MOST_OPERATIONS = 60;
/** A transaction is JSON of at most 512 KiB with values in base64; the rest is for keys and braces. */
const MOST_BYTES = 380 * 1024;

/**
 * The writes of one process, one transaction after the other, so that they are made in the order in which they were asked for;
 * what waits together goes together, as far as it is of different keys and asks for nothing that is there.
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

  async put(key: string, value: string, fence: Fence | undefined): Promise<Entry> {
    const [revision = 0] = await this.write([{ key, value }], fence);
    return { key, value, revision };
  }

  /** All of it or nothing. The revisions of what was set. */
  write(changes: readonly Change[], fence: Fence | undefined): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      if (!fits(changes, reject)) return;
      const write: Write = { changes, fence, resolve };
      this.#add({ write, run: () => this.#writeTogether([write]), reject });
    });
  }

  compareAndSet(
    key: string,
    expected: number,
    value: string,
    fence: Fence | undefined,
  ): Promise<Entry | undefined> {
    return this.inTurn(async () => {
      await new Promise<void>((resolve, reject) => void (fits([{ key, value }], reject) && resolve()));
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
      this.#add({ write: undefined, run: () => f().then(resolve), reject });
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
      const writes = together.flatMap(({ write }) => write ?? []);
      try {
        await (writes.length > 1 ? this.#writeTogether(writes) : together[0]?.run());
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
    for (const { write } of this.#waiting) {
      if (!write || write.fence !== this.#waiting[0]?.write?.fence) break;
      if (write.changes.some(({ key }) => keys.has(key))) break;
      bytes += sizeOf(write.changes);
      for (const { key } of write.changes) keys.add(key);
      if (n > 0 && (keys.size > MOST_OPERATIONS || bytes > MOST_BYTES)) break;
      n++;
    }
    return this.#waiting.splice(0, Math.max(1, n));
  }

  async #writeTogether(writes: readonly Write[]): Promise<void> {
    const changes = writes.flatMap((write) => write.changes);
    const [first] = changes;
    if (!first) return;
    const operations = changes.map(({ key, value }): Operation =>
      value === undefined
        ? { Verb: 'delete', Key: this.#path(key) }
        : { Verb: 'set', Key: this.#path(key), Value: value },
    );
    const written = await this.#transact(first.key, operations, writes[0]?.fence);
    if (!written) throw new Error(`Consul refused to write ${first.key}, which has no condition`);
    let at = 0;
    for (const { changes: own, resolve } of writes) {
      const set = own.filter(({ value }) => value !== undefined).length;
      resolve(written.slice(at, at + set));
      at += set;
    }
  }

  /** The revisions of what was written; undefined when a condition of the operations did not hold. */
  async #transact(
    key: string,
    operations: readonly Operation[],
    fence: Fence | undefined,
  ): Promise<readonly number[] | undefined> {
    try {
      const outcome = await this.#client.transact(fence ? [fence.check, ...operations] : operations);
      // Before those of what was written is that of the fence.
      if (outcome.kind === 'done') return outcome.indexes.slice(outcome.indexes.length - revised(operations));
      if (fence && outcome.at === 0) throw storeErrors.STORE_NOT_LEADER({ key, election: fence.election });
      return undefined;
    } catch (error) {
      if (isUnavailable(error)) fence?.doubtful();
      throw error;
    }
  }
}

/** How many of these get a new revision. */
function revised(operations: readonly Operation[]): number {
  return operations.filter(({ Verb }) => Verb === 'set' || Verb === 'cas').length;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof RimrockError && error.code === 'STORE_CONSUL_UNAVAILABLE';
}

function fits(changes: readonly Change[], reject: (error: unknown) => void): boolean {
  const bytes = changes.reduce((sum, { value = '' }) => sum + Buffer.byteLength(value), 0);
  if (bytes <= MOST_BYTES) return true;
  const key = changes.map((change) => change.key).join(', ');
  reject(storeErrors.STORE_VALUE_TOO_LARGE({ key, bytes, limit: MOST_BYTES }));
  return false;
}

/** Bytes in a transaction, before base64. */
function sizeOf(changes: readonly Change[]): number {
  return changes.reduce(
    (sum, { key, value = '' }) => sum + Buffer.byteLength(value) + 2 * key.length + 200,
    0,
  );
}
