import { Backoff } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { ListenerSpec } from '../plane/messages.ts';

const BACKOFF = { firstMs: 250, maxMs: 30_000, jitter: 0.2 };

export interface PortClaimsParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Rejects when somebody else has the address. */
  readonly claim: (host: string, port: number) => Promise<void>;
  /** All that may be opened now. */
  readonly onClaimed: (listeners: readonly ListenerSpec[]) => void;
  readonly onFailed: (name: string, reason: string) => void;
}

/** Sees to it that ports which come and go are nobody else's before planes open them; those that are, are tried again. */
export class PortClaims {
  readonly #parts: PortClaimsParts;
  readonly #backoff: Backoff;
  #wanted: readonly ListenerSpec[] = [];
  /** By name, with where that was. */
  readonly #claimed = new Map<string, string>();
  #started = false;
  #working = false;
  #again = false;
  #retry: Timer | undefined;

  constructor(parts: PortClaimsParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random, BACKOFF);
  }

  /** The planes listen at their first addresses: from now on they can be told of others. */
  start(): void {
    this.#started = true;
    if (this.#wanted.length > 0) void this.#work();
  }

  want(listeners: readonly ListenerSpec[]): void {
    this.#wanted = listeners;
    this.#backoff.reset();
    if (this.#started) void this.#work();
  }

  stop(): void {
    this.#started = false;
    this.#retry?.cancel();
  }

  async #work(): Promise<void> {
    if (this.#working) {
      this.#again = true;
      return;
    }
    this.#working = true;
    this.#retry?.cancel();
    do {
      this.#again = false;
      const failed = await this.#claim(this.#wanted);
      // What is wanted may be something else meanwhile.
      if (this.#again || !this.#started) continue;
      this.#parts.onClaimed(
        this.#wanted.filter((listener) => this.#claimed.get(listener.name) === where(listener)),
      );
      if (failed) this.#retry = this.#parts.clock.after(this.#backoff.next(), () => void this.#work());
    } while (this.#again && this.#started);
    this.#working = false;
  }

  /** True when one of them could not be had. */
  async #claim(wanted: readonly ListenerSpec[]): Promise<boolean> {
    const names = new Set(wanted.map(({ name }) => name));
    for (const name of this.#claimed.keys()) if (!names.has(name)) this.#claimed.delete(name);
    let failed = false;
    for (const listener of wanted) {
      const { name, host, port } = listener;
      if (this.#claimed.get(name) === where(listener)) continue;
      try {
        await this.#parts.claim(host, port);
        this.#claimed.set(name, where(listener));
      } catch (error) {
        failed = true;
        this.#claimed.delete(name);
        this.#parts.onFailed(name, errorText(error));
      }
    }
    return failed;
  }
}

const where = ({ host, port }: ListenerSpec): string => `${host} ${port}`;
