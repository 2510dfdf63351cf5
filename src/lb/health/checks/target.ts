import type { CheckPolicy } from './policy.ts';
import type { ProbeResult } from './probe.ts';

const HISTORY = 20;

/** The verdict on an endpoint changed. */
export interface Transition {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly healthy: boolean;
  readonly reason: string;
}

/** Counts good and bad results of one endpoint until they make a verdict. */
export class Target {
  /** Undefined: there was no result yet. */
  healthy: boolean | undefined;
  /** The last result, and when it came (milliseconds since the epoch). */
  last: (ProbeResult & { readonly at: number }) | undefined;
  readonly history: Transition[] = [];
  /** Results in a row that speak against the verdict. */
  #against = 0;

  /** Take in a result; true when it changes the verdict. */
  result(result: ProbeResult, policy: CheckPolicy, at: number): boolean {
    this.last = { ...result, at };
    if (result.ok === this.healthy) {
      this.#against = 0;
      return false;
    }
    this.#against += 1;
    const needed = this.healthy === undefined ? 1 : result.ok ? policy.rise : policy.fall;
    if (this.#against < needed) return false;
    this.#against = 0;
    this.healthy = result.ok;
    this.history.push({ at, healthy: result.ok, reason: result.reason });
    if (this.history.length > HISTORY) this.history.shift();
    return true;
  }
}
