import type { CatalogDiff, CatalogVersion, Service } from '../cluster/index.ts';
import type { Random } from '../core/random.ts';
import { LeasingBalancer, leastConnections, roundRobin } from './balancer/index.ts';
import type { Balancer, Endpoint } from './balancer/index.ts';
import type { LbConfig } from './config.ts';
import type { Backend } from './forward/index.ts';
import { OutlierDetector } from './health/outlier.ts';
import { ServiceStats } from './metrics.ts';
import type { BalanceMethod, Route, RouteBook } from './router/index.ts';
import { UpstreamPool } from './upstream/index.ts';
import type { UpstreamConnection } from './upstream/index.ts';

/** A service port with routes to it: its balancer, its health and a pool per endpoint. Lives as long as its routes. */
class ServiceBackend implements Backend {
  readonly key: string;
  readonly serviceKey: string;
  readonly balance: BalanceMethod;
  readonly balancer: Balancer;
  readonly stats = new ServiceStats();
  hasInstances = false;
  readonly #config: LbConfig;
  readonly #pools = new Map<
    string,
    { readonly address: string; readonly pool: UpstreamPool<UpstreamConnection> }
  >();

  constructor(route: Route, config: LbConfig, random: Random) {
    this.key = route.backendKey;
    this.serviceKey = route.serviceKey;
    this.balance = route.balance;
    this.#config = config;
    const strategy = route.balance === 'leastconn' ? leastConnections : roundRobin;
    this.balancer = new LeasingBalancer(
      strategy,
      new OutlierDetector(config.passiveHealth),
      random.int(1 << 20),
    );
  }

  update(service: Service, portIndex: number): void {
    const endpoints = endpointsOf(service, portIndex);
    this.hasInstances = service.instances.length > 0;
    this.balancer.update(endpoints);
    const wanted = new Map(endpoints.filter((e) => e.phase === 'up').map((e) => [e.key, addressOf(e)]));
    for (const [key, { address, pool }] of this.#pools) {
      if (wanted.get(key) === address) continue;
      pool.close();
      this.#pools.delete(key);
    }
  }

  pool(endpoint: Endpoint): UpstreamPool<UpstreamConnection> {
    const existing = this.#pools.get(endpoint.key);
    if (existing !== undefined) return existing.pool;
    const pool = new UpstreamPool<UpstreamConnection>(this.#config.upstream);
    this.#pools.set(endpoint.key, { address: addressOf(endpoint), pool });
    return pool;
  }

  sweep(now: number): void {
    for (const { pool } of this.#pools.values()) pool.sweep(now);
  }

  close(): void {
    this.balancer.update([]);
    for (const { pool } of this.#pools.values()) pool.close();
    this.#pools.clear();
  }
}

const addressOf = (endpoint: Endpoint): string => `${endpoint.ip} ${endpoint.port}`;

/** The instances that can be reached on this port. */
function endpointsOf(service: Service, portIndex: number): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const { taskKey, taskId, phase, healthy, addresses } of service.instances) {
    const address = addresses[portIndex];
    if (address === undefined) continue;
    endpoints.push({ key: taskKey, taskId, ip: address.ip, port: address.port, phase, healthy });
  }
  return endpoints;
}

/** All backends that routes lead to, kept up to date from catalog diffs; only those of changed services are touched. */
export class Backends {
  readonly #config: LbConfig;
  readonly #random: Random;
  readonly #backends = new Map<string, ServiceBackend>();

  constructor(config: LbConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  get(key: string): Backend | undefined {
    return this.#backends.get(key);
  }

  /** Numbers of each backend, by its key (bounded: published service ports). */
  *stats(): Generator<readonly [string, ServiceStats]> {
    for (const backend of this.#backends.values()) yield [backend.key, backend.stats];
  }

  /** Follow a change; `book` has taken it in already. */
  apply(next: CatalogVersion, diff: CatalogDiff['services'], book: RouteBook): void {
    for (const { key } of diff.removed) this.#service(key, undefined, book);
    for (const { key } of diff.added) this.#service(key, next.services.get(key), book);
    for (const { after } of diff.changed) this.#service(after.key, next.services.get(after.key), book);
  }

  #service(serviceKey: string, service: Service | undefined, book: RouteBook): void {
    const wanted = new Map(book.routesOf(serviceKey).map((route) => [route.backendKey, route]));
    for (const backend of this.#backends.values()) {
      if (backend.serviceKey !== serviceKey) continue;
      const route = wanted.get(backend.key);
      if (route?.balance === backend.balance) continue;
      backend.close();
      this.#backends.delete(backend.key);
    }
    if (service === undefined) return;
    for (const route of wanted.values()) {
      let backend = this.#backends.get(route.backendKey);
      if (backend === undefined) {
        backend = new ServiceBackend(route, this.#config, this.#random);
        this.#backends.set(backend.key, backend);
      }
      backend.update(service, route.portIndex);
    }
  }

  sweep(now: number): void {
    for (const backend of this.#backends.values()) backend.sweep(now);
  }

  close(): void {
    for (const backend of this.#backends.values()) backend.close();
    this.#backends.clear();
  }
}
