/** What one condition says about itself. */
export interface Condition {
  readonly ok: boolean;
  /** Why, for a person; and the age or number that matters. */
  readonly detail?: string;
  /** It is for a person to see to in time; the part is ready all the same. */
  readonly warning?: true;
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

  /** As `require`, for what makes nobody less ready now, but would in the end. */
  warn(name: string, read: () => Condition): void {
    this.#conditions.set(name, () => ({ ...read(), warning: true }));
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
      ready &&= c.ok || c.warning === true;
    }
    return { ready, draining: this.#draining, conditions };
  }
}
