import { itemsOf } from './items.ts';
import type { Item } from './items.ts';
import type { VirtualServer } from './servers.ts';

/** What is in a table besides its layout: values by the keys of items. */
export type Content = ReadonlyMap<string, string>;

/** The items of all servers as they should be. */
export class WantedContent {
  readonly #byServer = new Map<string, readonly Item[]>();
  readonly #items = new Map<string, { readonly item: Item; owners: number }>();

  /** What has come of a server: the keys of items that this may have changed. */
  set(serverKey: string, server: VirtualServer | undefined): Set<string> {
    const touched = new Set<string>();
    const after = server ? itemsOf(server) : [];
    const before = this.#byServer.get(serverKey) ?? [];
    for (const item of after) {
      touched.add(item.key);
      this.#items.set(item.key, { item, owners: (this.#items.get(item.key)?.owners ?? 0) + 1 });
    }
    for (const { key } of before) {
      touched.add(key);
      const known = this.#items.get(key);
      if (known && --known.owners === 0) this.#items.delete(key);
    }
    if (after.length > 0) this.#byServer.set(serverKey, after);
    else this.#byServer.delete(serverKey);
    return touched;
  }

  get(key: string): Item | undefined {
    return this.#items.get(key)?.item;
  }

  keys(): IterableIterator<string> {
    return this.#items.keys();
  }

  /** As it is once all of it is in the table. */
  content(): Map<string, string> {
    return new Map([...this.#items].map(([key, { item }]) => [key, item.value]));
  }
}

/** Where a table differs from what is wanted, by the keys of items; `keys`: only these are looked at. */
export function differences(have: Content, wanted: WantedContent, keys?: Iterable<string>): string[] {
  const all = new Set(keys ?? [...have.keys(), ...wanted.keys()]);
  return [...all].filter((key) => have.get(key) !== wanted.get(key)?.value);
}
