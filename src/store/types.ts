import type { Change } from './operations.ts';

/**
 * A value with the revision at which it was written. Revisions rise over the whole store, starting at 1; writes of different keys that
 * were made together may share one.
 */
export interface Entry {
  readonly key: string;
  /** Any text; the rooms keep JSON in it. */
  readonly value: string;
  readonly revision: number;
}

export type StoreEvent =
  | { readonly kind: 'put'; readonly entry: Entry }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: number };

/** Who leads an election, as one candidate sees it. */
export interface Leadership {
  /** What the leader said of itself (an address, as JSON or text); undefined while there is none. */
  readonly leader: string | undefined;
  readonly isSelf: boolean;
  /** What a leader works with; there exactly while `isSelf`. */
  readonly term?: Term;
}

/** One time of leading, from being elected to losing it. */
export interface Term {
  /**
   * Whether nobody else can be leading now. Asks the clock, so it tells the truth also right after the process stood still
   * for a while; once false it stays false. To be asked before an answer is given.
   */
  holds(): boolean;
  /** The store for this term. A write fails with STORE_NOT_LEADER, and changes nothing, once the term is over. */
  readonly store: Store;
  /** Give up leading, and stand for election again. */
  resign(): void;
}

/**
 * Durable key-value storage. Keys are `/`-separated text without empty parts. What both engines promise (and the
 * contract suite proves): a resolved write is on disk (embedded) or held by a majority (Consul); reads see all writes
 * resolved before them; watchers see what changes after the moment of the call, in order, none twice. Of several quick
 * changes to one key they may be shown the last alone.
 */
export interface Store {
  get(key: string): Promise<Entry | undefined>;
  put(key: string, value: string): Promise<Entry>;
  /** False when there was nothing. */
  delete(key: string): Promise<boolean>;
  /** Make all of these changes or none; each is of another key, and there are at most MOST_CHANGES (keys.ts). */
  write(changes: readonly Change[]): Promise<void>;
  /** All entries whose key starts with `prefix`, by key in code-unit order. */
  list(prefix: string): Promise<readonly Entry[]>;
  /** Write only if the key is still at `expected` (0: absent). Undefined, and nothing written, when it is not. */
  compareAndSet(key: string, expected: number, value: string): Promise<Entry | undefined>;
  watch(prefix: string, signal: AbortSignal): AsyncIterable<StoreEvent>;
  /** Stand for election until `signal` aborts; yields at each change of leader, first at once. */
  elect(election: string, candidate: string, signal: AbortSignal): AsyncIterable<Leadership>;
  close(): Promise<void>;
}
