import type { Clock, Timer } from '../../core/clock.ts';
import type { Hint } from './events.ts';

export type Look = Exclude<Hint, { readonly look: 'nowhere' }>;

/** Events come in swarms: what they ask for is looked at this long after the first. */
const TOGETHER_MS = 50;
/** With so many apps to look at, all are asked for at once. */
const MANY = 20;
/** Between two looks at everything there is at least this many times what the last one took, and at least a second. */
const REST_FACTOR = 4;
const REST_MS = 1_000;

/** What is to be looked at in a Marathon, and when: each thing once, however often it is asked for. */
export class Todo {
  readonly #clock: Clock;
  readonly #refreshMs: number;
  #everything = true;
  readonly #apps = new Set<string>();
  /** Not before; monotonic milliseconds. */
  #readyAt: number;
  #everythingAt: number;
  #refreshAt: number;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, refreshMs: number) {
    this.#clock = clock;
    this.#refreshMs = refreshMs;
    this.#readyAt = this.#everythingAt = clock.monotonic();
    this.#refreshAt = this.#readyAt + refreshMs;
  }

  add(hint: Hint): void {
    if (hint.look === 'nowhere') return;
    if (!this.#everything && this.#apps.size === 0) this.#readyAt = this.#clock.monotonic() + TOGETHER_MS;
    if (hint.look === 'everywhere') this.#everything = true;
    else this.#apps.add(hint.id);
    if (this.#apps.size > MANY) this.#everything = true;
    this.#wake?.();
  }

  /** The next look, when its time has come; undefined after `signal`. What is asked for from then on is looked at again. */
  async next(signal: AbortSignal): Promise<Look | undefined> {
    while (!signal.aborted) {
      const at = this.#nextAt();
      if (this.#clock.monotonic() >= at) return this.#take();
      await this.#until(at, signal);
    }
    return undefined;
  }

  #nextAt(): number {
    if (this.#everything) return Math.max(this.#readyAt, this.#everythingAt);
    return this.#apps.size > 0 ? this.#readyAt : Math.max(this.#refreshAt, this.#everythingAt);
  }

  #take(): Look {
    const [id] = this.#apps;
    if (this.#everything || id === undefined) {
      this.#everything = false;
      this.#apps.clear();
      return { look: 'everywhere' };
    }
    this.#apps.delete(id);
    return { look: 'app', id };
  }

  /** A look is over. */
  done(look: Look, tookMs: number): void {
    if (look.look !== 'everywhere') return;
    const now = this.#clock.monotonic();
    this.#everythingAt = now + Math.max(REST_MS, tookMs * REST_FACTOR);
    this.#refreshAt = now + this.#refreshMs;
  }

  #until(at: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        timer.cancel();
        this.#wake = undefined;
        signal.removeEventListener('abort', go);
        resolve();
      };
      const timer: Timer = this.#clock.after(Math.max(0, at - this.#clock.monotonic()), go);
      this.#wake = go;
      signal.addEventListener('abort', go, { once: true });
    });
  }
}
