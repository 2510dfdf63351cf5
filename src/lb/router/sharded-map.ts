const SHARDS = 512;

/**
 * A map that never changes: `with` gives another one and shares with it all that it does not name. A change of one key in a
 * hundred thousand copies a few hundred entries; a plain map would be copied as a whole, and traffic waits for that.
 */
export class ShardedMap<V> {
  readonly #shards: readonly (ReadonlyMap<string, V> | undefined)[];
  readonly size: number;

  private constructor(shards: readonly (ReadonlyMap<string, V> | undefined)[], size: number) {
    this.#shards = shards;
    this.size = size;
  }

  static empty<V>(): ShardedMap<V> {
    return new ShardedMap<V>(Array.from({ length: SHARDS }), 0);
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }

  /** The map with these entries, and without those whose value is undefined. */
  with(changes: Iterable<readonly [key: string, value: V | undefined]>): ShardedMap<V> {
    const shards = [...this.#shards];
    const copies = new Map<number, Map<string, V>>();
    let { size } = this;
    for (const [key, value] of changes) {
      const at = shardOf(key);
      let shard = copies.get(at);
      if (shard === undefined) copies.set(at, (shard = new Map(shards[at])));
      size -= shard.size;
      if (value === undefined) shard.delete(key);
      else shard.set(key, value);
      size += shard.size;
    }
    for (const [at, shard] of copies) shards[at] = shard.size === 0 ? undefined : shard;
    return new ShardedMap(shards, size);
  }

  *[Symbol.iterator](): Generator<readonly [key: string, value: V]> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard;
  }

  *keys(): Generator<string> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard.keys();
  }

  *values(): Generator<V> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard.values();
  }
}

/** FNV-1a. Whoever finds collisions makes changes a little slower, not answers. */
function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) & (SHARDS - 1);
}
