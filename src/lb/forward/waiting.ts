import type { Timer } from '../../core/clock.ts';
import type { Backend, ForwardContext } from './context.ts';

const FIRST_MS = 50;
const LONGEST_MS = 400;

/** Whether a request that came so many milliseconds ago may wait. */
export function mayWait({ config, waiting, draining }: ForwardContext, ms: number): boolean {
  return ms < config.timeouts.connectMs && waiting < config.limits.waitingRequests && !draining;
}

/** A request waits for an instance that is just starting, a little longer each time. */
export class Waiting {
  readonly #ctx: ForwardContext;
  readonly #backend: Pick<Backend, 'stats'>;
  #timer: Timer | undefined;
  #ms = FIRST_MS;

  constructor(ctx: ForwardContext, backend: Pick<Backend, 'stats'>) {
    this.#ctx = ctx;
    this.#backend = backend;
  }

  begin(then: () => void): void {
    this.#ctx.waiting += 1;
    this.#backend.stats.waits(1);
    this.#timer = this.#ctx.clock.after(this.#ms, () => {
      this.stop();
      then();
    });
    this.#ms = Math.min(this.#ms * 2, LONGEST_MS);
  }

  stop(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#ctx.waiting -= 1;
    this.#backend.stats.waits(-1);
  }
}
