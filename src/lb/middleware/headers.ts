import type { FieldChanges } from '../router/middleware.ts';

/** Changes to header fields, one after the other, summed up: which fields go, and which lines come. */
export class SummedChanges {
  readonly drop = new Set<string>();
  #lines: (readonly [name: string, value: string])[] = [];

  apply({ remove, set, add }: FieldChanges): void {
    for (const name of [...remove, ...set.map(([name]) => name)]) {
      this.drop.add(name);
      this.#lines = this.#lines.filter(([known]) => known !== name);
    }
    this.#lines.push(...set, ...add);
  }

  /** Header lines, each with CRLF. */
  get lines(): string {
    return this.#lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  }
}
