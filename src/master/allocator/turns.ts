/**
 * The order in which those who compete with one another were served: among equals it is the turn of whoever has waited
 * longest. Who comes to a group, for the first time or again, waits from then on; so nobody has to wait until somebody else
 * has caught up, and nobody gets ahead by leaving and coming back.
 */
export class Turns {
  readonly #groups = new Map<string, Map<string, number>>();
  #last = 0;

  /** These compete in a group now, and nobody else. */
  settle(group: string, names: readonly string[]): void {
    const before = this.#groups.get(group);
    const since = names.toSorted().map((name) => [name, before?.get(name) ?? ++this.#last] as const);
    this.#groups.set(group, new Map(since));
  }

  /** The smaller, the longer it has waited. */
  of(group: string, name: string): number {
    return this.#groups.get(group)?.get(name) ?? 0;
  }

  /** Returns its new place. */
  served(group: string, name: string): number {
    this.#groups.get(group)?.set(name, ++this.#last);
    return this.#last;
  }

  /** Only these groups are there now. */
  keep(groups: ReadonlySet<string>): void {
    for (const group of this.#groups.keys()) if (!groups.has(group)) this.#groups.delete(group);
  }
}
