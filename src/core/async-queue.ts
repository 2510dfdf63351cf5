/** Values pushed on one side, read with `for await` on the other, in order. Ends when closed or aborted. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  #values: T[] = [];
  /** How many of the values have been read. */
  #read = 0;
  #wake: (() => void) | undefined;
  #closed = false;

  push(value: T): void {
    if (this.#closed) return;
    this.#values.push(value);
    this.#wake?.();
  }

  /** End the sequence after what is already queued. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  get size(): number {
    return this.#values.length - this.#read;
  }

  /** For one reader at a time; what one leaves behind waits for the next. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      while (this.#read < this.#values.length) yield this.#values[this.#read++] as T;
      this.#values = [];
      this.#read = 0;
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
