import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { Random } from '../core/random.ts';
import { LazyBalancer, LeasingBalancer } from './balancer/index.ts';
import type { Balancer, Endpoint } from './balancer/index.ts';
import type { BackendPolicy } from './balancer/policy.ts';
import type { LbConfig } from './config.ts';
import { RetryBudget } from './forward/index.ts';
import type { Backend } from './forward/index.ts';
import { OutlierDetector } from './health/outlier.ts';
import { ServiceStats } from './metrics.ts';
import type { BackendChange, BackendSpec, PlaneUpdate, ServiceNumbers } from './plane/messages.ts';
import type { UpstreamTls } from './tls/index.ts';
import { SecureConnector, UpstreamPool } from './upstream/index.ts';
import type { Connector, UpstreamConnection } from './upstream/index.ts';

interface BackendParts {
  readonly config: LbConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly reactor: Connector;
  /** For instances that speak HTTP/2. */
  readonly http2: { readonly instances: Connector; retire(endpoint: Endpoint): void };
  /** For instances that speak TLS. */
  readonly tls: UpstreamTls;
}

/** Which backends there is something to do for, so that nobody has to go through all of them. */
interface Busy {
  /** Something was counted since the numbers were last taken. */
  readonly counted: ServiceBackend[];
  /** There are pools. */
  readonly pooled: Set<ServiceBackend>;
}

/** So many pools are always swept together, ... */
const SWEPT_AT_ONCE = 256;
/** ... and however many there are, all of them within so many sweeps, which is about a second. */
const SWEEPS_FOR_ALL = 4;

const PANIC = 'too few instances are usable: requests go to all that are up';

/** A service port with routes to it: its balancer, its health and a pool per endpoint. Lives as long as its routes. */
class ServiceBackend implements Backend {
  readonly key: string;
  readonly serviceKey: string;
  balancer: Balancer;
  hasInstances = false;
  policy: BackendPolicy;
  readonly #parts: BackendParts;
  readonly #busy: Busy;
  // Most services of a large cluster have no requests at a given plane: what counts them is made with the first.
  #stats: ServiceStats | undefined;
  #health: OutlierDetector | undefined;
  #toldEjections = 0;
  #counted = false;
  #budget: RetryBudget | undefined;
  #connector: Connector | undefined;
  readonly #pools = new Map<
    string,
    { readonly endpoint: Endpoint; readonly pool: UpstreamPool<UpstreamConnection> }
  >();

  #sweeping = this.#pools.values();
  /** Instances that leave, with where they are, until what runs there is cut. */
  readonly #leaving = new Map<string, { readonly address: string; readonly timer: Timer }>();

  constructor(spec: BackendSpec, parts: BackendParts, busy: Busy) {
    this.key = spec.key;
    this.serviceKey = spec.serviceKey;
    this.#parts = parts;
    this.#busy = busy;
    this.policy = spec.policy;
    this.balancer = this.#newBalancer();
  }

  /** For who counts something, now. */
  get stats(): ServiceStats {
    if (!this.#counted) {
      this.#counted = true;
      this.#busy.counted.push(this);
    }
    return (this.#stats ??= new ServiceStats());
  }

  takeNumbers(): ServiceNumbers | undefined {
    this.#counted = false;
    const ejections = this.#health?.changes ?? 0;
    if (this.#stats !== undefined) this.#stats.ejections += ejections - this.#toldEjections;
    this.#toldEjections = ejections;
    return this.#stats?.take();
  }

  get connector(): Connector {
    return (this.#connector ??= this.#newConnector());
  }

  #newConnector(): Connector {
    const { reactor, http2 } = this.#parts;
    const over = this.#speaksHttp2 ? http2.instances : reactor;
    return this.#secured(over, this.policy.upstream?.protocol ?? 'http1');
  }

  get byteConnector(): Connector {
    return this.#secured(this.#parts.reactor, 'tcp');
  }

  #secured(over: Connector, protocol: Parameters<UpstreamTls['terms']>[0]): Connector {
    const { tls, clock } = this.#parts;
    const how = this.policy.upstream?.tls;
    return how ? new SecureConnector({ over, clock, terms: () => tls.terms(protocol, how) }) : over;
  }

  get #speaksHttp2(): boolean {
    return this.policy.upstream?.protocol === 'h2';
  }

  get budget(): RetryBudget {
    return (this.#budget ??= new RetryBudget(this.#parts.config.retry));
  }

  #newBalancer(): Balancer {
    const { config, clock, random, log } = this.#parts;
    const { key, policy } = this;
    const make = (): Balancer => {
      const health = new OutlierDetector(config.passiveHealth);
      this.#health = health;
      this.#toldEjections = 0;
      return new LeasingBalancer({
        policy,
        health,
        clock,
        seed: random.int(1 << 20),
        onPanic: (state) => {
          this.stats.panics += state.panicking ? 1 : 0;
          log.warn({ backend: key, ...state }, state.panicking ? PANIC : 'enough instances are usable again');
        },
      });
    };
    return new LazyBalancer(make);
  }

  /** Connections to endpoints that stay where they are stay open, also when they are chosen in another way from now on. */
  update(spec: BackendSpec): void {
    const { endpoints, policy, hasInstances } = spec;
    if (!samePolicy(policy, this.policy)) this.#choose(policy);
    this.hasInstances = hasInstances;
    this.balancer.update(endpoints);
    if (this.#pools.size + this.#leaving.size === 0) return;
    const wanted = new Map(endpoints.map((e) => [e.key, e]));
    for (const key of [...this.#pools.keys(), ...this.#leaving.keys()]) this.#look(key, wanted.get(key));
  }

  /** What it costs depends on what has changed; but another policy means another balancer. */
  change({ policy, hasInstances, ...endpoints }: BackendChange): void {
    this.hasInstances = hasInstances;
    this.balancer.change(endpoints);
    if (policy !== undefined) {
      const all = this.balancer.inspect({ now: this.#parts.clock.monotonic(), tried: [] });
      this.#choose(policy);
      this.balancer.update(all.map(({ endpoint }) => endpoint));
    }
    if (this.#pools.size + this.#leaving.size === 0) return;
    for (const key of endpoints.gone) this.#look(key, undefined);
    for (const endpoint of endpoints.come) this.#look(endpoint.key, endpoint);
  }

  #choose(policy: BackendPolicy): void {
    // Who is spoken to in another way from now on needs other connections.
    if (JSON.stringify(policy.upstream) !== JSON.stringify(this.policy.upstream)) this.#closePools();
    this.policy = policy;
    this.#connector = undefined;
    this.balancer = this.#newBalancer();
    for (const { pool } of this.#pools.values()) pool.limit(policy.breakers);
  }

  /** The pool of this key ends when its endpoint is gone, takes no more requests or is somewhere else. */
  #look(key: string, endpoint: Endpoint | undefined): void {
    const address = endpoint?.phase === 'up' ? addressOf(endpoint) : undefined;
    const leaving = this.#leaving.get(key);
    if (leaving !== undefined && leaving.address === address) this.#stays(key);
    const known = this.#pools.get(key);
    if (known === undefined || addressOf(known.endpoint) === address) return;
    this.#closePool(key, known.endpoint, known.pool);
    this.#leaves(key, known.endpoint, known.pool);
  }

  /** What runs there is cut when its time is over. */
  #leaves(key: string, endpoint: Endpoint, pool: UpstreamPool<UpstreamConnection>): void {
    const { drainMs } = this.policy;
    if (drainMs === undefined || pool.open === 0) return;
    const address = addressOf(endpoint);
    const timer = this.#parts.clock.after(drainMs, () => {
      if (this.#leaving.get(key)?.timer === timer) this.#leaving.delete(key);
      pool.cut();
    });
    this.#leaving.set(key, { address, timer });
  }

  /** It is let in again, or was never to go. */
  #stays(key: string): void {
    this.#leaving.get(key)?.timer.cancel();
    this.#leaving.delete(key);
  }

  #closePool(key: string, endpoint: Endpoint, pool: UpstreamPool<UpstreamConnection>): void {
    this.#pools.delete(key);
    pool.close();
    if (this.#speaksHttp2) this.#parts.http2.retire(endpoint);
  }

  #closePools(): void {
    for (const [key, { endpoint, pool }] of this.#pools) this.#closePool(key, endpoint, pool);
  }

  /** The service is gone. */
  #leaveAll(): void {
    for (const [key, { endpoint, pool }] of this.#pools) {
      this.#closePool(key, endpoint, pool);
      this.#leaves(key, endpoint, pool);
    }
  }

  pool(endpoint: Endpoint): UpstreamPool<UpstreamConnection> {
    const existing = this.#pools.get(endpoint.key);
    if (existing !== undefined) return existing.pool;
    const pool = new UpstreamPool<UpstreamConnection>(
      this.#parts.config.upstream,
      this.policy.breakers,
      (by) => this.stats.waits(by),
    );
    this.#pools.set(endpoint.key, { endpoint, pool });
    this.#busy.pooled.add(this);
    return pool;
  }

  waitingAt(endpointKey: string): number {
    return this.#pools.get(endpointKey)?.pool.waiting ?? 0;
  }

  failure(endpoint: Endpoint): Error | undefined {
    return this.#pools.get(endpoint.key)?.pool.failure;
  }

  /** False when there is nothing to sweep. Of many pools a part each time: to look at all at once takes milliseconds. */
  sweep(now: number): boolean {
    const most = Math.max(SWEPT_AT_ONCE, this.#pools.size / SWEEPS_FOR_ALL);
    for (let i = 0; i < most; i++) {
      const next = this.#sweeping.next();
      if (next.done === true) {
        this.#sweeping = this.#pools.values();
        break;
      }
      next.value.pool.sweep(now);
    }
    return this.#pools.size > 0;
  }

  close(): void {
    this.balancer.update([]);
    this.#leaveAll();
  }
}

const samePolicy = (a: BackendPolicy, b: BackendPolicy): boolean => JSON.stringify(a) === JSON.stringify(b);

const addressOf = (endpoint: Endpoint): string => `${endpoint.ip} ${endpoint.port}`;

/** All backends of a plane that routes lead to; only those that an update names are touched. */
export class Backends {
  readonly #parts: BackendParts;
  readonly #backends = new Map<string, ServiceBackend>();
  readonly #busy: Busy = { counted: [], pooled: new Set() };

  constructor(parts: BackendParts) {
    this.#parts = parts;
  }

  get(key: string): Backend | undefined {
    return this.#backends.get(key);
  }

  /** Throws when something has changed in a backend that is not known. */
  apply({ gone, set, changed = [] }: PlaneUpdate['backends']): void {
    for (const key of gone) {
      this.#backends.get(key)?.close();
      this.#backends.delete(key);
    }
    for (const spec of set) {
      let backend = this.#backends.get(spec.key);
      if (backend === undefined) {
        backend = new ServiceBackend(spec, this.#parts, this.#busy);
        this.#backends.set(spec.key, backend);
      }
      backend.update(spec);
    }
    for (const change of changed) {
      const backend = this.#backends.get(change.key);
      if (backend === undefined) throw new Error(`backend ${change.key} is not known`);
      backend.change(change);
    }
  }

  /** What was counted since the last time, of those where anything was (bounded: published service ports). */
  *takeNumbers(): Generator<readonly [string, ServiceNumbers]> {
    for (const backend of this.#busy.counted.splice(0)) {
      const numbers = backend.takeNumbers();
      if (numbers !== undefined) yield [backend.key, numbers];
    }
  }

  sweep(now: number): void {
    const { pooled } = this.#busy;
    for (const backend of pooled) if (!backend.sweep(now)) pooled.delete(backend);
  }

  close(): void {
    for (const backend of this.#backends.values()) backend.close();
  }
}
