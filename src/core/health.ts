/** What one condition says about itself. */
export interface Condition {
  readonly ok: boolean;
  /** Why, for a person; and the age or number that matters. */
  readonly detail?: string;
}

/**
 * The truth about one part: named conditions, each read at the moment of the question. A part is ready when all of
 * them hold and it is not draining; it is alive as long as it can answer.
 */
export class Health {
  readonly #conditions = new Map<string, () => Condition>();
  #draining = false;

  /** Add a condition; it is evaluated at each question and must be cheap. */
  require(name: string, read: () => Condition): void {
    this.#conditions.set(name, read);
  }

  /** Readiness flips first, before sockets close. */
  drain(): void {
    this.#draining = true;
  }

  report(): {
    readonly ready: boolean;
    readonly draining: boolean;
    readonly conditions: Record<string, Condition>;
  } {
    const conditions: Record<string, Condition> = {};
    let ready = !this.#draining;
    for (const [name, read] of this.#conditions) {
      const c = read();
      conditions[name] = c;
      ready &&= c.ok;
    }
    return { ready, draining: this.#draining, conditions };
  }
}
