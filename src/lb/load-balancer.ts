import type { Catalog } from '../cluster/index.ts';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Health } from '../core/health.ts';
import { listen } from '../core/http/server.ts';
import type { Api } from '../core/http/server.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import type { Unsubscribe } from '../core/subscribers.ts';
import type { Peer, Reactor } from '../net/index.ts';
import { createAdminApi } from './api/admin.ts';
import { Backends } from './backends.ts';
import type { LbConfig } from './config.ts';
import { lbErrors } from './errors.ts';
import { Admission, FieldFilter, RetryBudget, trustedPeers } from './forward/index.ts';
import type { Admitted, ForwardContext } from './forward/index.ts';
import { HeadWriter, RequestParser, ResponseParser } from './http1/index.ts';
import { publishMetrics } from './metrics.ts';
import type { ReasonCode } from './reasons.ts';
import { RouteBook } from './router/index.ts';
import type { Edge, Routed } from './server/edge.ts';
import { HttpServer } from './server/http-server.ts';

export interface LoadBalancerParts {
  readonly config: LbConfig;
  readonly catalog: Catalog;
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}

export interface LoadBalancer extends Component {
  /** Where it really listens; valid after `start`. */
  readonly addresses: { readonly http: Peer; readonly admin: Peer };
}

/** The HTTP load balancer: routes and endpoints from the catalog, traffic through the reactor. */
export function createLoadBalancer(parts: LoadBalancerParts): LoadBalancer {
  return new EdgeLoadBalancer(parts);
}

class EdgeLoadBalancer implements LoadBalancer, Edge {
  readonly name = 'lb';
  readonly config: LbConfig;
  readonly forward: ForwardContext;
  readonly admission: Admission;
  readonly requests: RequestParser;
  readonly isTrusted: (ip: string) => boolean;
  readonly addresses: { http: Peer; admin: Peer };
  readonly #parts: LoadBalancerParts;
  readonly #book: RouteBook;
  readonly #backends: Backends;
  readonly #server: HttpServer;
  readonly #admin: Api;
  readonly #ownAnswers = new Map<ReasonCode, number>();
  #unsubscribe: Unsubscribe | undefined;
  #bound = false;

  constructor(parts: LoadBalancerParts) {
    const { config } = parts;
    const headLimits = { ...config.limits, fields: config.limits.headers };
    this.#parts = parts;
    this.config = config;
    this.addresses = {
      http: { ip: config.http.host, port: config.http.port },
      admin: { ip: config.admin.host, port: config.admin.port },
    };
    this.requests = new RequestParser(headLimits);
    this.admission = new Admission(config.limits.bodyBytes);
    this.isTrusted = trustedPeers(config.trustedProxies);
    this.forward = {
      config,
      clock: parts.clock,
      log: parts.log,
      reactor: parts.reactor,
      responses: new ResponseParser(headLimits),
      writer: new HeadWriter(),
      filter: new FieldFilter(config.limits.headers),
      budget: new RetryBudget(config.retry),
      waiting: 0,
      draining: false,
    };
    this.#book = new RouteBook(config.groups);
    this.#backends = new Backends(config, parts.random);
    this.#server = new HttpServer(this, parts.clock, (now) => this.#backends.sweep(now));
    this.#admin = createAdminApi({
      metrics: parts.metrics,
      health: parts.health,
      table: () => this.#book.table,
      problems: () => this.#book.problems(),
      backend: (key) => this.#backends.get(key),
      now: () => this.now(),
      explain: () => ({
        limits: headLimits,
        admission: this.admission,
        table: this.#book.table,
        backend: (key) => this.#backends.get(key),
        ready: this.#ready,
        now: this.now(),
      }),
    });
    this.#publish();
  }

  /** Routes are known: before that a missing route says nothing about the cluster. */
  get #ready(): boolean {
    return this.#parts.catalog.current.version > 0;
  }

  #publish(): void {
    const { metrics, health, catalog } = this.#parts;
    publishMetrics(metrics, {
      services: () => this.#backends.stats(),
      ownAnswers: this.#ownAnswers,
      connections: () => this.#server.connections,
      routes: () => [...this.#book.table.routes()].length,
      rejected: () => this.#book.problems().length,
    });
    health.require('lb-listening', () => ({ ok: this.#bound, detail: this.#bound ? 'bound' : 'not bound' }));
    health.require('lb-routes', () => ({
      ok: this.#ready,
      detail: this.#ready ? `catalog version ${catalog.current.version}` : 'no word from the cluster yet',
    }));
  }

  async start(): Promise<void> {
    const { catalog, reactor, config, log } = this.#parts;
    const { current } = catalog;
    this.#apply(current, { added: [...current.services.values()], changed: [], removed: [] });
    this.#unsubscribe = catalog.onChange((next, diff) => this.#apply(next, diff.services));
    this.addresses.http = await this.#server.listen(reactor, config.http);
    try {
      const port = await listen(this.#admin, config.admin.host, config.admin.port);
      this.addresses.admin = { ip: config.admin.host, port };
    } catch (error) {
      await this.#server.drain(0);
      this.#unsubscribe();
      throw lbErrors.LB_ADMIN_LISTEN_FAILED({ ...config.admin, reason: errorText(error) }, error);
    }
    this.#bound = true;
    log.info({ http: this.addresses.http, admin: this.addresses.admin }, 'load balancer listens');
  }

  #apply(next: Catalog['current'], diff: Parameters<RouteBook['apply']>[0]): void {
    this.#book.apply(diff);
    this.#backends.apply(next, diff, this.#book);
  }

  async stop(): Promise<void> {
    this.#parts.health.drain();
    this.forward.draining = true;
    await this.#server.drain(this.config.timeouts.drainMs);
    this.#bound = false;
    this.#unsubscribe?.();
    this.#backends.close();
    await this.#admin.close();
  }

  now(): number {
    return this.#parts.clock.monotonic();
  }

  route(request: Admitted): Routed {
    const match = this.#book.table.match(request);
    if (match.kind === 'no-match') {
      if (!this.#ready) return { reason: 'not-ready', detail: undefined };
      const detail = match.hostKnown
        ? `host ${request.host} is known, but none of its paths fits; GET /explain on the admin port tells more`
        : `host ${request.host}; GET /routes on the admin port lists what is published`;
      return { reason: 'no-route', detail };
    }
    const backend = this.#backends.get(match.backendKey);
    return backend === undefined ? { reason: 'no-endpoints', detail: match.serviceKey } : { backend };
  }

  countOwnAnswer(reason: ReasonCode, client: string): void {
    this.#ownAnswers.set(reason, (this.#ownAnswers.get(reason) ?? 0) + 1);
    this.#parts.log.debug({ reason, client }, 'own answer');
  }
}
