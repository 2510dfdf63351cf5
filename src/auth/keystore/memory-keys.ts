import { checkKeyName } from './types.ts';
import type { KeyStore } from './types.ts';

/** Keys that end with the process, for tests. */
export class MemoryKeys implements KeyStore {
  readonly #texts = new Map<string, string>();

  async read(name: string): Promise<string | undefined> {
    return this.#texts.get(checkKeyName(name));
  }

  async write(name: string, text: string): Promise<void> {
    this.#texts.set(checkKeyName(name), text);
  }

  async remove(name: string): Promise<void> {
    this.#texts.delete(checkKeyName(name));
  }

  async names(): Promise<readonly string[]> {
    return [...this.#texts.keys()].sort();
  }
}
