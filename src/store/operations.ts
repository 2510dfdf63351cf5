/** A change as it goes to the journal; `value` undefined deletes the key. */
export interface Change {
  readonly key: string;
  readonly value: string | undefined;
}

/** Changes that become durable together. The first has `firstRevision`, each next one more. */
export interface Batch {
  readonly firstRevision: number;
  readonly changes: readonly Change[];
}

/** Where batches become durable. */
export interface Journal {
  /**
   * Resolves when the batch is on disk. Rejects with a RimrockError when it is not kept; `STORE_BROKEN` means that
   * later appends are refused too. Never called again before it settled.
   */
  append(batch: Batch): Promise<void>;
  /** Called between two appends, after the batch shows in `entries`: time to tidy up. Never rejects. */
  settle(entries: Iterable<JournalEntry>, revision: number): Promise<void>;
  /** Why appends are refused, once they are. */
  problem(): string | undefined;
  close(): Promise<void>;
}

export interface JournalEntry {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}
