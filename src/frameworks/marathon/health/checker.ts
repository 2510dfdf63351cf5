import type { Clock, Timer } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import type { HealthCheckDefinition } from '../apps/check-schemas.ts';
import type { Instance } from '../instances/instance.ts';
import type { HealthState, ProbeResult } from './health-state.ts';
import { healthStep } from './health-state.ts';
import type { Prober } from './probe.ts';
import { probedAt } from './probed.ts';

export interface CheckerParts {
  readonly clock: Clock;
  readonly prober: Prober;
  readonly firstIntervalMs: number;
  /** The verdict changed from what it was (undefined: none yet). */
  readonly changed: () => void;
  readonly failed: () => void;
  readonly kill: (cause: string) => void;
}

const FIRST_MS = 100;

/** Runs one health check against one instance until it is stopped. */
export class Checker {
  readonly #parts: CheckerParts;
  readonly #instance: Instance;
  readonly #check: HealthCheckDefinition;
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  #early = 0;
  state: HealthState | undefined;

  constructor(parts: CheckerParts, instance: Instance, check: HealthCheckDefinition) {
    this.#parts = parts;
    this.#instance = instance;
    this.#check = check;
    // Within the grace period a failure costs nothing, so the first probe may come at once.
    this.#schedule(check.gracePeriodSeconds > 0 ? 0 : this.#firstIntervalMs());
  }

  stop(): void {
    this.#stop.abort();
    this.#timer?.cancel();
  }

  #schedule(ms: number): void {
    this.#timer = this.#parts.clock.after(ms, () => void this.#run());
  }

  async #run(): Promise<void> {
    const result = await this.#probe();
    if (this.#stop.signal.aborted) return;
    const before = this.state;
    const { state, kill } = healthStep(this.#check, before, result, {
      nowMs: this.#parts.clock.now(),
      startedAtMs: this.#instance.startedAtMs ?? this.#instance.stagedAtMs,
    });
    this.state = state;
    if (!result.ok && state !== before) this.#parts.failed();
    if (state?.alive !== before?.alive) this.#parts.changed();
    if (kill && !result.ok) this.#parts.kill(result.cause);
    if (this.#stop.signal.aborted) return;
    this.#schedule(state === undefined ? this.#firstIntervalMs() : this.#intervalMs());
  }

  #intervalMs(): number {
    return Math.max(100, this.#check.intervalSeconds * 1000);
  }

  /** A new instance is not left waiting a whole interval for its first verdict: often at first, then less so. */
  #firstIntervalMs(): number {
    const ms = FIRST_MS * 2 ** Math.min(10, this.#early++);
    return Math.min(ms, this.#intervalMs(), this.#parts.firstIntervalMs);
  }

  async #probe(): Promise<ProbeResult> {
    const { protocol, timeoutSeconds, ignoreHttp1xx } = this.#check;
    const { host, port } = probedAt(this.#instance, this.#check.portIndex ?? 0, this.#check.port);
    if (host === undefined || port === undefined)
      return { ok: false, cause: 'the instance has no such port' };
    const timeoutMs = Math.max(1, timeoutSeconds) * 1000;
    const signal = this.#stop.signal;
    if (protocol === 'TCP') return this.#parts.prober.tcp({ host, port, timeoutMs, signal });
    const scheme = protocol === 'HTTPS' ? 'https' : 'http';
    const name = host.includes(':') ? `[${host}]` : host;
    try {
      const url = `${scheme}://${name}:${port}${this.#check.path ?? '/'}`;
      const { status } = await this.#parts.prober.http({ url, timeoutMs, signal });
      if (status >= 200 && status < 400) return { ok: true };
      if (status < 200 && ignoreHttp1xx === true) return { ok: true };
      return { ok: false, cause: `HTTP status ${status}` };
    } catch (error) {
      return { ok: false, cause: errorText(error) };
    }
  }
}
