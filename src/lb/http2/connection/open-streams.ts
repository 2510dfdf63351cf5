/** What is found here by its stream's identifier. */
interface Numbered {
  readonly id: number;
}

/**
 * The open streams of a connection. Identifiers only ever grow (RFC 9113 §5.1.1), so a list is in their order by itself. A Map would
 * find them as well, but leaves a table behind whenever it has to make room, and once one of these is old, all that follow grow old
 * with it: garbage that only a full collection takes away.
 */
export class OpenStreams<S extends Numbered> {
  readonly #list: S[] = [];

  get size(): number {
    return this.#list.length;
  }

  /** `stream` has a greater identifier than all before it. */
  add(stream: S): void {
    this.#list.push(stream);
  }

  get(id: number): S | undefined {
    const stream = this.#list[this.#placeOf(id)];
    return stream?.id === id ? stream : undefined;
  }

  /** False: it is not among them. */
  remove(stream: S): boolean {
    const list = this.#list;
    const place = this.#placeOf(stream.id);
    if (list[place] !== stream) return false;
    for (let i = place + 1; i < list.length; i++) list[i - 1] = list[i] as S;
    list.pop();
    return true;
  }

  [Symbol.iterator](): Iterator<S> {
    return this.#list.values();
  }

  /** Of the first with this identifier or a greater one. */
  #placeOf(id: number): number {
    const list = this.#list;
    let from = 0;
    let to = list.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((list[middle] as S).id < id) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
