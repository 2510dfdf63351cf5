/** An answer of a server, and by which reign (time of leading) it was given. Times from one clock, milliseconds. */
interface Answer {
  readonly reign: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Added extends Answer {
  readonly element: string;
}

export interface Seen extends Answer {
  readonly elements: ReadonlySet<string>;
}

/**
 * What clients saw of a set that only grows, kept by servers of which one leads at a time. `problems` says where that history cannot
 * have come from one set: then something acknowledged was lost, something old was shown, or two servers accepted at a time.
 */
export class SetHistory {
  readonly added: Added[] = [];
  readonly seen: Seen[] = [];

  problems(): string[] {
    return [...this.#lostOrStale(), ...this.#twoAtATime()];
  }

  /** What was known (acknowledged, or shown to somebody) before a question was asked must be in its answer. */
  *#lostOrStale(): Generator<string> {
    const knownMs = new Map<string, number>();
    const know = (element: string, ms: number): void => {
      if ((knownMs.get(element) ?? Number.POSITIVE_INFINITY) > ms) knownMs.set(element, ms);
    };
    for (const { element, toMs } of this.added) know(element, toMs);
    for (const { elements, toMs } of this.seen) for (const element of elements) know(element, toMs);
    for (const { elements, fromMs, reign } of this.seen)
      for (const [element, ms] of knownMs)
        if (ms < fromMs && !elements.has(element))
          yield `${element}, known at ${ms.toFixed()}, was not there at ${fromMs.toFixed()} (${reign})`;
  }

  /** An answer of another reign may not lie wholly between two answers of one. */
  *#twoAtATime(): Generator<string> {
    const answers: readonly Answer[] = [...this.added, ...this.seen];
    const spans = new Map<string, { firstMs: number; lastMs: number }>();
    for (const { reign, fromMs, toMs } of answers) {
      const span = spans.get(reign);
      spans.set(reign, {
        firstMs: Math.min(span?.firstMs ?? toMs, toMs),
        lastMs: Math.max(span?.lastMs ?? fromMs, fromMs),
      });
    }
    for (const { reign, fromMs, toMs } of answers)
      for (const [other, { firstMs, lastMs }] of spans)
        if (other !== reign && firstMs < fromMs && toMs < lastMs)
          yield `${reign} answered at ${fromMs.toFixed()} to ${toMs.toFixed()}, while ${other} did from ${firstMs.toFixed()} to ${lastMs.toFixed()}`;
  }
}
