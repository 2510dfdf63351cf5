import { availableParallelism } from 'node:os';
import type { Catalog } from '../cluster/index.ts';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Health } from '../core/health.ts';
import type { IdentitySource } from '../core/identity.ts';
import type { MutualTls } from '../core/http/mutual-tls.ts';
import { listen, stopListening } from '../core/http/server.ts';
import type { Api } from '../core/http/server.ts';
import type { Access } from '../core/http/guard.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { PolicySource } from '../core/policy/types.ts';
import { NO_PREDECESSOR } from '../core/predecessor.ts';
import type { Predecessor } from '../core/predecessor.ts';
import type { Random } from '../core/random.ts';
import { Subscribers } from '../core/subscribers.ts';
import type { Unsubscribe } from '../core/subscribers.ts';
import type { Peer, Reactor } from '../net/index.ts';
import { Acme } from './acme/index.ts';
import { createAdminApi } from './api/admin.ts';
import { certificateViews } from './api/certificates.ts';
import { httpsWanted } from './config.ts';
import type { LbConfig } from './config.ts';
import type { ChangeApplied } from './control/change-trace.ts';
import { CatalogFollower } from './control/follower.ts';
import type { StartPlane } from './control/plane-link.ts';
import { Planes } from './control/planes.ts';
import { planesInThreads } from './control/thread-link.ts';
import { planesFor } from './control/workers.ts';
import type { ListenerSpec } from './plane/messages.ts';
import type { Problem } from './router/index.ts';
import { readConfigured } from './rules/index.ts';
import { lbErrors } from './errors.ts';
import { AccessWriter } from './log/access-writer.ts';
import { openLogFile } from './log/log-file.ts';
import type { OpenLogFile } from './log/log-file.ts';
import { publishAccessMetrics } from './log/metrics.ts';
import { publishMetrics } from './metrics.ts';
import { stateIn } from './successor.ts';
import type { LbState } from './successor.ts';
import { publishTcpMetrics, ServicePorts } from './tcp/index.ts';
import { certificateFiles, CertificateStore, unmetTls, UpstreamTls } from './tls/index.ts';
import type { CertificateFiles } from './tls/index.ts';
import { createVipLayer } from './vip/index.ts';
import type { VipLayer, VipSource } from './vip/index.ts';

export interface LoadBalancerParts {
  readonly config: LbConfig;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Who may use the admin API; absent: everybody. */
  readonly access?: Access | undefined;
  /** What active health checks go through, on this thread; absent: none are made. */
  readonly reactor?: Reactor;
  /** The VIPs of the cluster; absent: none are carried. */
  readonly vips?: VipSource;
  /** Who may call which service; absent: everybody. */
  readonly policy?: PolicySource;
  /** What the admin API stands behind; without it that speaks plain HTTP. */
  readonly tls?: MutualTls | undefined;
  /** Who served here before; nobody unless said. */
  readonly predecessor?: Predecessor;
  /** Who we are towards instances, and whose identities are believed; absent: nobody, and nobody's. */
  readonly identity?: IdentitySource;
  /** How planes are started; on threads of their own unless said. */
  readonly startPlane?: StartPlane;
  /** Where certificates are read from. */
  readonly certificateFiles?: CertificateFiles;
  /** How the file of the access log is opened. */
  readonly openLogFile?: OpenLogFile;
}

export interface LoadBalancer extends Component {
  /** Where it really listens; valid after `start`. */
  readonly addresses: { readonly http: Peer; readonly https?: Peer; readonly admin: Peer };
  /** Called for each change of the catalog once all planes route by it. */
  onApplied(f: (change: ChangeApplied) => void): Unsubscribe;
}

/**
 * The HTTP load balancer: this thread follows the catalog and tells the planes, which carry the traffic on threads of their
 * own and never wait for this one.
 */
export function createLoadBalancer(parts: LoadBalancerParts): LoadBalancer {
  return new EdgeLoadBalancer(parts);
}

/** The keys of the configuration that are followed without a restart. */
const FOLLOWED = ['routes', 'services', 'middlewares'] as const;

class EdgeLoadBalancer implements LoadBalancer {
  readonly name = 'lb';
  readonly addresses: { http: Peer; https?: Peer; admin: Peer };
  readonly #parts: LoadBalancerParts;
  readonly #predecessor: Predecessor;
  readonly #follower: CatalogFollower;
  readonly #planes: Planes;
  readonly #ports: ServicePorts;
  readonly #certificates: CertificateStore;
  readonly #acme: Acme;
  /** TLS of active checks. */
  readonly #checksTls: UpstreamTls | undefined;
  readonly #admin: Api;
  readonly #applied: Subscribers<ChangeApplied>;
  readonly #access: AccessWriter;
  readonly #vips: VipLayer | undefined;
  #config: LbConfig;
  #bound = false;
  #ungoverned: Unsubscribe | undefined;
  #handedOver = false;

  constructor(parts: LoadBalancerParts) {
    const { config, catalog, clock, random, log } = parts;
    this.#parts = parts;
    this.#predecessor = parts.predecessor ?? NO_PREDECESSOR;
    const { ticketKeys, vipTable } = stateIn(this.#predecessor.stateOf('lb'));
    this.#config = config;
    this.addresses = {
      http: { ip: config.http.host, port: config.http.port },
      admin: { ip: config.admin.host, port: config.admin.port },
    };
    this.#applied = new Subscribers((error) => log.error({ error }, 'a listener for changes failed'));
    this.#access = new AccessWriter({
      ...config.accessLog,
      open: parts.openLogFile ?? openLogFile,
      clock,
      log,
    });
    this.#certificates = new CertificateStore({
      ...parts,
      config: config.tls,
      files: parts.certificateFiles ?? certificateFiles,
      onChange: () => this.#certify(),
      earlierTicketKeys: ticketKeys,
    });
    this.#checksTls = parts.reactor && new UpstreamTls({ reactor: parts.reactor, clock });
    const later = (f: () => void): void => void setImmediate(f);
    this.#follower = new CatalogFollower({
      catalog,
      groups: config.groups,
      configured: readConfigured(config),
      servicePorts: config.servicePorts.enabled,
      clock,
      random,
      reactor: parts.reactor,
      tls: this.#checksTls,
      later,
      onUpdate: (update, since) => {
        this.#acme.follow(update.routes);
        this.#planes.update(this.#ports.through(update), since);
      },
    });
    this.#ports = new ServicePorts({
      config: config.servicePorts,
      own: () => this.#ownPorts(),
      onListeners: (listeners) => this.#planes.listenAlso(listeners),
    });
    this.#planes = new Planes({
      config,
      count: planesFor(config.workers, availableParallelism(), process.platform),
      start: parts.startPlane ?? planesInThreads(config.engine, log),
      whole: () => this.#ports.whole(this.#follower.whole()),
      onListening: (plane, word) => this.#ports.onWord(plane, word),
      onAccess: ({ text, lines, dropped }, taken) => this.#access.write(text, lines, dropped, taken),
      onApplied: (change) => this.#applied.emit(change),
      inherited: this.#predecessor.sockets,
      clock,
      random,
      log,
    });
    this.#acme = new Acme({
      ...parts,
      config: config.acme,
      challenges: this.#planes.challenges,
      onCertificate: (name, certificate) => this.#certificates.offer(`acme:${name}`, certificate),
    });
    this.#vips = createVipLayer({
      ...parts,
      later,
      ours: this.#predecessor.replaced,
      leftTable: vipTable,
    });
    this.#admin = this.#makeAdmin();
    this.#publish();
  }

  #makeAdmin(): Api {
    const { access, metrics, health, log } = this.#parts;
    const { book, published, checks } = this.#follower;
    return createAdminApi({
      access,
      checks: () => [...(checks?.views() ?? [])],
      metrics,
      health,
      table: () => book.table,
      problems: () => this.#problems(),
      certificates: () => certificateViews(this.#certificates.views(), this.#acme.views()),
      listeners: () => this.#ports.views(),
      vips: this.#vips,
      spec: (key) => published.spec(key),
      specs: () => published.specs(),
      service: (key) => this.#follower.service(key),
      stats: (key) => this.#planes.totals.service(key),
      tcp: (key) => this.#planes.totals.tcp.bytes(key),
      drains: this.#follower.drains,
      planes: () => ({ version: this.#follower.version, planes: this.#planes.views() }),
      config: () => this.#config,
      pid: process.pid,
      log,
      askOne: (question) => this.#planes.askOne(question),
      askAll: (question) => this.#planes.askAll(question),
    });
  }

  #publish(): void {
    const { metrics, health, catalog } = this.#parts;
    const { published } = this.#follower;
    const { totals } = this.#planes;
    metrics.before(() => this.#planes.collect());
    publishTcpMetrics(metrics, totals.tcp);
    publishAccessMetrics(metrics, this.#access);
    metrics.observed(
      'rimrock_lb_certificate_expiry_seconds',
      'When a certificate for clients ends to be good, seconds since 1970',
      () => this.#certificates.expiries(),
    );
    publishMetrics(metrics, {
      services: () => totals.services(),
      ownAnswers: totals.ownAnswers,
      handshakes: totals.handshakes,
      connections: () => totals.connections,
      http2: (side, what) => totals.http2(side, what),
      routes: () => published.routes,
      rejected: () => this.#problems().length,
      planes: () => this.#planes.listening,
      restarts: () => this.#planes.restarts,
    });
    health.require('lb-listening', () => {
      const { listening, count } = this.#planes;
      const detail = this.#bound ? `${listening} of ${count} planes listen` : 'not bound';
      return { ok: this.#bound && listening > 0, detail };
    });
    health.warn('lb-certificates', () => {
      const ending = this.#certificates.ending();
      const detail = `less than a quarter of the life is left: ${ending.slice(0, 5).join(', ')}`;
      return ending.length === 0 ? { ok: true } : { ok: false, detail };
    });
    health.require('lb-routes', () => {
      const { ready } = this.#follower;
      const detail = ready ? `catalog version ${catalog.current.version}` : 'no word from the cluster yet';
      return { ok: ready, detail };
    });
  }

  #problems(): Problem[] {
    const { book } = this.#follower;
    const sources = [book, this.#ports, this.#certificates, this.#acme];
    const certificates = this.#certificates.views();
    const unmet = unmetTls(book.table.routes(), { ...this.#parts, certificates });
    return [...sources.flatMap((source) => [...source.problems()]), ...unmet];
  }

  /** Routes, services and middlewares are followed; the file of the access log is opened anew, as after a rotation. */
  reload(section: unknown): readonly string[] {
    const next = section as LbConfig;
    this.#access.reopen();
    const changed = FOLLOWED.filter((key) => JSON.stringify(next[key]) !== JSON.stringify(this.#config[key]));
    if (changed.length === 0) return [];
    const { routes, services, middlewares } = next;
    this.#config = { ...this.#config, routes, services, middlewares };
    this.#follower.reconfigure(readConfigured(this.#config));
    return changed;
  }

  onApplied(f: (change: ChangeApplied) => void): Unsubscribe {
    return this.#applied.add(f);
  }

  async start(): Promise<void> {
    const { config, log } = this.#parts;
    await this.#vips?.start();
    await this.#follower.start();
    await this.#predecessor.until(() => this.#follower.ready);
    const { policy } = this.#parts;
    const govern = (): void => this.#planes.govern(policy?.part('call'));
    this.#ungoverned = policy?.onChange(govern);
    govern();
    try {
      const bound = await this.#planes.start(await this.#ownListeners());
      this.addresses.http = bound.get('http') ?? this.addresses.http;
      const https = bound.get('https');
      if (https !== undefined) this.addresses.https = https;
    } catch (error) {
      this.#acme.stop();
      this.#certificates.stop();
      this.#follower.stop();
      await this.#vips?.stop();
      throw error;
    }
    try {
      const port = await listen(
        this.#admin,
        config.admin.host,
        config.admin.port,
        this.#predecessor.sockets,
        this.#parts,
      );
      this.addresses.admin = { ip: config.admin.host, port };
    } catch (error) {
      await this.#planes.stop(0);
      this.#acme.stop();
      this.#certificates.stop();
      this.#follower.stop();
      await this.#vips?.stop();
      throw lbErrors.LB_ADMIN_LISTEN_FAILED({ ...config.admin, reason: errorText(error) }, error);
    }
    this.#bound = true;
    this.#acme.begin();
    log.info(this.addresses, 'load balancer listens');
  }

  /** No service gets these. */
  #ownPorts(): Set<number> {
    const { http, https, admin } = this.addresses;
    const { config } = this.#parts;
    const all = [config.http.port, config.admin.port, http.port, admin.port];
    return new Set(https ? [...all, config.https.port, https.port] : all);
  }

  /** Planes, and checks, are told all there is of certificates and identities. */
  #certify(): void {
    const { order } = this.#certificates;
    this.#checksTls?.set(order);
    this.#planes.certify(order);
  }

  /** Where clients connect, with the certificates that planes need before. */
  async #ownListeners(): Promise<ListenerSpec[]> {
    const { http, https, tls, acme } = this.#parts.config;
    const { host, port } = http;
    await this.#certificates.start();
    await this.#acme.start();
    this.#certify();
    const listeners: ListenerSpec[] = [{ name: 'http', protocol: 'http', host, port }];
    if (httpsWanted(https, tls, acme))
      listeners.push({ name: 'https', protocol: 'https', host: https.host, port: https.port });
    return listeners;
  }

  stateForSuccessor(): LbState {
    return { ticketKeys: this.#certificates.ticketKeys, vipTable: this.#vips?.tableForSuccessor };
  }

  udpPortsForSuccessor(): readonly number[] {
    return this.#vips?.udpPorts() ?? [];
  }

  handOver(): void {
    this.#handedOver = true;
    void this.#vips?.handOver();
    this.#acme.stop();
    stopListening(this.#admin);
  }

  async stop(): Promise<void> {
    const { health, config } = this.#parts;
    const { drainMs } = config.timeouts;
    if (!this.#handedOver) health.drain();
    this.#acme.stop();
    // In haste a connection may be closed just when a request is on its way.
    await Promise.all([
      this.#planes.stop(drainMs, this.#handedOver ? drainMs / 2 : 0),
      this.#vips?.drain(drainMs),
    ]);
    this.#bound = false;
    this.#ungoverned?.();
    this.#certificates.stop();
    this.#checksTls?.close();
    this.#follower.stop();
    await this.#vips?.stop();
    await this.#access.close();
    await this.#admin.close();
  }
}
