import type { Service } from '../../cluster/index.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Reactor } from '../../net/index.ts';
import { ActiveChecks, grpcProbe, httpProbe, overHttp2, tcpProbe } from '../health/checks/index.ts';
import type { CheckPolicy, CheckView, Probe } from '../health/checks/index.ts';
import type { BackendPolicy } from '../balancer/index.ts';
import type { BackendSpec } from '../plane/messages.ts';
import type { UpstreamTls } from '../tls/index.ts';

/** Verdicts that come this soon after each other are told together. */
const TOGETHER_MS = 20;

export interface ChecksParts {
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  /** For instances that speak TLS. */
  readonly tls?: UpstreamTls | undefined;
  /** Verdicts on instances of these services have changed. */
  readonly onVerdicts: (serviceKeys: readonly string[]) => void;
}

/** The active checks of all backends, and what they say of the endpoints before planes hear of them. */
export class Checks {
  readonly #parts: ChecksParts;
  readonly #active: ActiveChecks;
  /** Service of each backend that is checked. */
  readonly #serviceOf = new Map<string, string>();
  readonly #changed = new Set<string>();
  #telling: Timer | undefined;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
    const { clock, random } = parts;
    this.#active = new ActiveChecks({
      clock,
      random,
      probes: { http: eitherHttp(parts), tcp: tcpProbe(parts), grpc: grpcProbe(parts) },
      onVerdict: (backendKey) => this.#onVerdict(backendKey),
    });
  }

  /** The backend with the verdicts on its endpoints; from now on it is checked as its policy says. */
  judged(spec: BackendSpec, service: Service | undefined): BackendSpec {
    const { key, endpoints, policy, serviceKey } = spec;
    const check = asTraffic(policy);
    if (check === undefined) {
      this.gone(key);
      return spec;
    }
    this.#serviceOf.set(key, serviceKey);
    const { portIndex } = check;
    const ports =
      portIndex === undefined || service === undefined
        ? undefined
        : new Map(service.instances.map((i) => [i.taskKey, i.addresses[portIndex]?.port]));
    this.#active.update(key, check, endpoints, (endpoint) => ports?.get(endpoint.key));
    return { ...spec, endpoints: endpoints.map((endpoint) => this.#active.judged(key, endpoint)) };
  }

  /** The backend is gone, or checked no more. */
  gone(backendKey: string): void {
    if (this.#serviceOf.delete(backendKey)) this.#active.remove(backendKey);
  }

  #onVerdict(backendKey: string): void {
    const service = this.#serviceOf.get(backendKey);
    if (service === undefined) return;
    this.#changed.add(service);
    this.#telling ??= this.#parts.clock.after(TOGETHER_MS, () => {
      this.#telling = undefined;
      const services = [...this.#changed];
      this.#changed.clear();
      this.#parts.onVerdicts(services);
    });
  }

  /** What the checks have found, by backend. */
  *views(): Generator<{ readonly backend: string; readonly endpoints: readonly CheckView[] }> {
    for (const backend of this.#serviceOf.keys()) yield { backend, endpoints: this.#active.view(backend) };
  }

  stop(): void {
    this.#telling?.cancel();
    this.#active.stop();
  }
}

/** Instances that speak HTTP/2 are asked so, too; at another port than that of the requests something else may listen. */
function asTraffic({ check, upstream }: BackendPolicy): CheckPolicy | undefined {
  if (check?.probe.kind !== 'http' || upstream?.protocol !== 'h2') return check;
  if (check.port !== undefined || check.portIndex !== undefined) return check;
  return { ...check, probe: { ...check.probe, http2: true } };
}

function eitherHttp(parts: ChecksParts): Probe {
  const [http1, http2] = [httpProbe(parts), overHttp2(parts, httpProbe)];
  return (to, policy, done) => {
    const { probe } = policy;
    return (probe.kind === 'http' && probe.http2 ? http2 : http1)(to, policy, done);
  };
}
