import type { Clock, Timer } from '../../../core/clock.ts';
import type { ReadinessCheckDefinition } from '../apps/check-schemas.ts';
import type { JsonObject } from '../apps/json.ts';
import type { Instance } from '../instances/instance.ts';
import type { HttpProbeAnswer, Prober } from './probe.ts';
import { appPorts } from '../apps/ports.ts';
import { probedAt } from './probed.ts';

/** Polls one readiness check of one instance until it is ready for the first time; then never again (marathon.md §3.5). */
export class ReadinessPoll {
  readonly #clock: Clock;
  readonly #prober: Prober;
  readonly #instance: Instance;
  readonly #check: ReadinessCheckDefinition;
  readonly #becameReady: () => void;
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  #last: HttpProbeAnswer | undefined;
  ready = false;

  constructor(
    parts: { readonly clock: Clock; readonly prober: Prober; readonly becameReady: () => void },
    instance: Instance,
    check: ReadinessCheckDefinition,
  ) {
    this.#clock = parts.clock;
    this.#prober = parts.prober;
    this.#becameReady = parts.becameReady;
    this.#instance = instance;
    this.#check = check;
    this.#timer = this.#clock.after(0, () => void this.#run());
  }

  stop(): void {
    this.#stop.abort();
    this.#timer?.cancel();
  }

  result(): JsonObject {
    const last = this.#last;
    return {
      name: this.#check.name,
      taskId: this.#instance.taskId,
      ready: this.ready,
      ...(last === undefined || !this.#check.preserveLastResponse ? {} : { lastResponse: last }),
    };
  }

  async #run(): Promise<void> {
    const check = this.#check;
    const index = appPorts(this.#instance.app).findIndex((p) => p.name === check.portName);
    const { host = '', port } = probedAt(this.#instance, index);
    const name = host.includes(':') ? `[${host}]` : host;
    try {
      this.#last = await this.#prober.http({
        url: `${check.protocol.toLowerCase()}://${name}:${port ?? 0}${check.path}`,
        timeoutMs: check.timeoutSeconds * 1000,
        signal: this.#stop.signal,
      });
      this.ready = check.httpStatusCodesForReady.includes(this.#last.status);
    } catch {
      this.#last = undefined; // no answer is an answer: not ready yet
    }
    if (this.#stop.signal.aborted) return;
    if (this.ready) this.#becameReady();
    else this.#timer = this.#clock.after(check.intervalSeconds * 1000, () => void this.#run());
  }
}
