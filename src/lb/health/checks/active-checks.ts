import type { Clock, Timer } from '../../../core/clock.ts';
import type { Random } from '../../../core/random.ts';
import type { Endpoint } from '../../balancer/index.ts';
import type { CheckPolicy } from './policy.ts';
import type { Probes, ProbeResult } from './probe.ts';
import { Target } from './target.ts';
import type { Transition } from './target.ts';

/** The time between checks differs by up to this part either way, so that many do not come in step. */
const JITTER = 0.1;
/** Most checks that run at a time. */
const CONCURRENT = 64;

export interface ActiveCheckParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly probes: Probes;
  /** The verdict on an endpoint of this backend changed: what `judged` says of it is different now. */
  readonly onVerdict: (backendKey: string) => void;
  readonly concurrent?: number;
}

/** An endpoint's checks as people see them. */
export interface CheckView {
  readonly key: string;
  readonly healthy: boolean | undefined;
  readonly last: (ProbeResult & { readonly at: number }) | undefined;
  /** The latest transitions, oldest first. */
  readonly history: readonly Transition[];
}

/** One endpoint under check. */
class Checked {
  readonly target = new Target();
  readonly backend: CheckedBackend;
  readonly endpoint: Endpoint;
  /** The one to ask. */
  readonly port: number;
  timer: Timer | undefined;
  cancel: (() => void) | undefined;

  constructor(backend: CheckedBackend, endpoint: Endpoint, port: number) {
    this.backend = backend;
    this.endpoint = endpoint;
    this.port = port;
  }
}

interface CheckedBackend {
  readonly key: string;
  policy: CheckPolicy;
  readonly checked: Map<string, Checked>;
}

/**
 * Asks endpoints whether they are well, each at its interval, a limited number at a time. Runs once, on the main thread;
 * verdicts reach the planes as part of the endpoints (`judged`).
 */
export class ActiveChecks {
  readonly #parts: ActiveCheckParts;
  readonly #backends = new Map<string, CheckedBackend>();
  /** Those whose time has come and that wait for another check to end. */
  readonly #due = new Set<Checked>();
  #running = 0;

  constructor(parts: ActiveCheckParts) {
    this.#parts = parts;
  }

  /** Checks that run now. */
  get running(): number {
    return this.#running;
  }

  /**
   * The endpoints of a backend as they are now and how they are checked; without a policy they are not. `portOf` gives the
   * port that the policy's `portIndex` means; who has none is asked at the port that takes the requests.
   */
  update(
    backendKey: string,
    policy: CheckPolicy | undefined,
    endpoints: readonly Endpoint[],
    portOf: (endpoint: Endpoint) => number | undefined = () => undefined,
  ): void {
    if (policy === undefined || this.#parts.probes[policy.probe.kind] === undefined)
      return this.remove(backendKey);
    let backend = this.#backends.get(backendKey);
    if (backend !== undefined && !asksTheSame(backend.policy, policy)) {
      this.remove(backendKey);
      backend = undefined;
    }
    backend ??= { key: backendKey, policy, checked: new Map() };
    backend.policy = policy;
    this.#backends.set(backendKey, backend);
    const asked = (endpoint: Endpoint): number => policy.port ?? portOf(endpoint) ?? endpoint.port;
    const up = new Map(endpoints.filter((e) => e.phase === 'up').map((e) => [e.key, e]));
    for (const [key, checked] of backend.checked) {
      const now = up.get(key);
      if (now?.ip === checked.endpoint.ip && asked(now) === checked.port) up.delete(key);
      else {
        this.#stop(checked);
        backend.checked.delete(key);
      }
    }
    for (const [key, endpoint] of up) {
      const checked = new Checked(backend, endpoint, asked(endpoint));
      backend.checked.set(key, checked);
      this.#ask(checked);
    }
  }

  remove(backendKey: string): void {
    const backend = this.#backends.get(backendKey);
    this.#backends.delete(backendKey);
    for (const checked of backend?.checked.values() ?? []) this.#stop(checked);
  }

  stop(): void {
    for (const key of this.#backends.keys()) this.remove(key);
  }

  /**
   * The endpoint with the verdict on it. Either the cluster's or ours makes it unhealthy; without a result yet it is
   * `unproven`, which is not unhealthy.
   */
  judged(backendKey: string, endpoint: Endpoint): Endpoint {
    const checked = this.#backends.get(backendKey)?.checked.get(endpoint.key);
    if (checked === undefined) return endpoint;
    const { healthy } = checked.target;
    if (healthy === undefined) return { ...endpoint, unproven: true };
    return { ...endpoint, healthy: endpoint.healthy !== false && healthy };
  }

  view(backendKey: string): readonly CheckView[] {
    return [...(this.#backends.get(backendKey)?.checked ?? [])].map(([key, { target }]) => ({
      key,
      healthy: target.healthy,
      last: target.last,
      history: [...target.history],
    }));
  }

  #ask(checked: Checked): void {
    checked.timer = undefined;
    if (this.#running >= (this.#parts.concurrent ?? CONCURRENT)) this.#due.add(checked);
    else this.#begin(checked);
  }

  #begin(checked: Checked): void {
    const { clock, probes, random } = this.#parts;
    const { endpoint, backend } = checked;
    const { policy } = backend;
    this.#running += 1;
    const next = clock.monotonic() + policy.intervalMs * (1 - JITTER + 2 * JITTER * random.next());
    const to = { ip: endpoint.ip, port: checked.port };
    checked.cancel = probes[policy.probe.kind]?.(to, policy, (result) => {
      checked.cancel = undefined;
      this.#running -= 1;
      checked.timer = clock.after(Math.max(0, next - clock.monotonic()), () => this.#ask(checked));
      const changed = checked.target.result(result, backend.policy, clock.now());
      this.#nextDue();
      if (changed) this.#parts.onVerdict(backend.key);
    });
  }

  #nextDue(): void {
    for (const checked of this.#due) {
      this.#due.delete(checked);
      return this.#begin(checked);
    }
  }

  #stop(checked: Checked): void {
    checked.timer?.cancel();
    checked.timer = undefined;
    this.#due.delete(checked);
    if (checked.cancel === undefined) return;
    checked.cancel();
    checked.cancel = undefined;
    this.#running -= 1;
    this.#nextDue();
  }
}

/** Results of the one say something about the other. */
function asksTheSame(a: CheckPolicy, b: CheckPolicy): boolean {
  return a.port === b.port && JSON.stringify(a.probe) === JSON.stringify(b.probe);
}
