import type { App } from '../apps/app.ts';
import { configurationStamp } from '../instances/instance.ts';

interface Delay {
  readonly stamp: string;
  readonly ms: number;
  readonly untilMs: number;
}

/**
 * How long an app whose tasks fail has to wait before the next launch (marathon.md §6): the delay grows by a factor
 * with every failure, and is forgotten with a new configuration, on request, or after a quiet time.
 */
export class LaunchDelays {
  readonly #delays = new Map<string, Delay>();

  /** A task of `app` has failed or finished by itself. */
  failed(app: App, nowMs: number): void {
    const before = this.#delays.get(app.id);
    const first = app.backoffSeconds * 1000;
    const max = app.maxLaunchDelaySeconds * 1000;
    const quiet = before !== undefined && nowMs > before.untilMs + before.ms + max;
    const grows = before !== undefined && before.stamp === configurationStamp(app) && !quiet;
    const ms = Math.min(max, grows ? Math.max(first, before.ms * app.backoffFactor) : first);
    this.#delays.set(app.id, { stamp: configurationStamp(app), ms, untilMs: nowMs + ms });
  }

  /** When the next launch of `app` may be (milliseconds since the epoch); 0 when it need not wait. */
  untilMs(app: App): number {
    const delay = this.#delays.get(app.id);
    return delay?.stamp === configurationStamp(app) ? delay.untilMs : 0;
  }

  reset(appId: string): void {
    this.#delays.delete(appId);
  }
}
