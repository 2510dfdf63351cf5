/** Finds which of many prefixes a text begins with, in one walk over the text and without allocating. */
export class PrefixTrie<T> {
  readonly #root: Node<T> = { text: '', values: undefined, children: undefined };

  /** Add a value under a prefix; several may share one. */
  add(prefix: string, value: T): void {
    let node = this.#root;
    let at = 0;
    while (at < prefix.length) {
      node = step(node, prefix, at);
      at += node.text.length;
    }
    (node.values ??= []).push(value);
  }

  /**
   * The best value by `step`, which sees the values of each prefix of `text`, the shortest prefix first, and the best so
   * far. `step` should be a plain function that is made once; `about` is handed to it.
   */
  best<A>(
    text: string,
    about: A,
    start: T | undefined,
    step: (values: readonly T[], about: A, best: T | undefined) => T | undefined,
  ): T | undefined {
    let best = start;
    let node: Node<T> | undefined = this.#root;
    let at = 0;
    for (;;) {
      if (node.values !== undefined) best = step(node.values, about, best);
      node = node.children?.get(text.charCodeAt(at));
      if (node === undefined || !text.startsWith(node.text, at)) return best;
      at += node.text.length;
    }
  }
}

interface Node<T> {
  /** What leads here from the parent. */
  text: string;
  /** What stands under the prefix that ends here, in the order it was added. */
  values: T[] | undefined;
  /** By their first character. */
  children: Map<number, Node<T>> | undefined;
}

/** The child of `node` on the way to `prefix`, whose part before `at` leads to `node`; made or split off where needed. */
function step<T>(node: Node<T>, prefix: string, at: number): Node<T> {
  const children = (node.children ??= new Map<number, Node<T>>());
  const first = prefix.charCodeAt(at);
  const child = children.get(first);
  if (child === undefined) {
    const leaf: Node<T> = { text: prefix.slice(at), values: undefined, children: undefined };
    children.set(first, leaf);
    return leaf;
  }
  const common = commonLength(prefix, at, child.text);
  if (common === child.text.length) return child;
  const fork: Node<T> = { text: child.text.slice(0, common), values: undefined, children: new Map() };
  child.text = child.text.slice(common);
  fork.children?.set(child.text.charCodeAt(0), child);
  children.set(first, fork);
  return fork;
}

function commonLength(text: string, at: number, other: string): number {
  let n = 0;
  while (n < other.length && at + n < text.length && text.charCodeAt(at + n) === other.charCodeAt(n)) n++;
  return n;
}
