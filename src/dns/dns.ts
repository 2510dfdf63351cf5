import { lookup } from 'node:dns/promises';
import type { PreviewingAuthorizer } from '../core/access.ts';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Health } from '../core/health.ts';
import type { Access } from '../core/http/guard.ts';
import type { MutualTls } from '../core/http/mutual-tls.ts';
import { listen, stopListening } from '../core/http/server.ts';
import type { Api } from '../core/http/server.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { NO_PREDECESSOR } from '../core/predecessor.ts';
import type { Predecessor } from '../core/predecessor.ts';
import type { Random } from '../core/random.ts';
import type { Unsubscribe } from '../core/subscribers.ts';
import type { Catalog, CatalogDiff, CatalogVersion } from '../cluster/index.ts';
import type { Vips } from '../cluster/vips/index.ts';
import { preferHugePages } from '../net/index.ts';
import type { Peer, Reactor } from '../net/index.ts';
import { createDnsApi } from './api/api.ts';
import { Answering } from './answering.ts';
import { createAcl } from './acl/acl.ts';
import type { DnsConfig } from './config.ts';
import type { Dcos } from './dcos/dcos.ts';
import { exposeVipMetrics } from './dcos/metrics.ts';
import { NamesView } from './dcos/names-view.ts';
import { DcosRest } from './dcos/rest.ts';
import { dnsErrors } from './errors.ts';
import { createExplainer } from './explaining.ts';
import { FrameworkHosts } from './framework-hosts.ts';
import { exposeResolverMetrics } from './forward/metrics.ts';
import { DnsCounters, exposeDnsMetrics } from './metrics.ts';
import { answerSettings, clusterHead, dcosOf, namesOf, namingSettings, ownDomains } from './served.ts';
import { exposeUdpMetrics, workersCondition } from './server/metrics.ts';
import { DnsServer } from './server/server.ts';
import { reserve } from './table/index.ts';
import { NOTHING_CHANGED, Zone } from './zone/index.ts';
import type { Names, Publisher, SetAside, ZoneHead } from './zone/index.ts';

export interface DnsParts {
  readonly config: DnsConfig;
  readonly catalog: Catalog;
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Who may use the HTTP APIs; absent: everybody. */
  readonly access?: Access | undefined;
  /** Who gets names outside, and whole zones; absent: whoever `dns.acl` lets. */
  readonly policy?: PreviewingAuthorizer | undefined;
  /** What the HTTP APIs stand behind; without it they speak plain HTTP. */
  readonly tls?: MutualTls | undefined;
  /** Who served here before; nobody unless said. */
  readonly predecessor?: Predecessor;
  /** Following the catalog already; made here when absent. */
  readonly vips?: Vips;
  /** How work goes on that would keep the thread for too long; by default after whatever else waits. */
  readonly later?: (work: () => void) => void;
}

export interface Dns extends Component {
  /** Takes over `records` and `answerLimits` while it runs. */
  reload(config: DnsConfig): readonly string[];
  /** Real addresses once started (useful with port 0); before that, and for what is switched off, as configured. */
  readonly addresses: {
    readonly udp: Peer;
    readonly tcp: Peer;
    readonly http: Peer | undefined;
    readonly dcosHttp: Peer | undefined;
  };
}

/** The DNS room: follows the catalog, answers over UDP, TCP and the Mesos-DNS HTTP API. */
export function createDns(parts: DnsParts): Dns {
  return new DnsComponent(parts);
}

class DnsComponent implements Dns {
  readonly name = 'dns';
  readonly #parts: DnsParts;
  readonly #predecessor: Predecessor;
  readonly #names: Names;
  readonly #dcos: Dcos | undefined;
  readonly #dcosRest: DcosRest | undefined;
  readonly #zone: Zone;
  readonly #frameworkHosts: FrameworkHosts;
  readonly #answering: Answering;
  readonly #server: DnsServer;
  readonly #api: Api;
  /** What the config says of single names, as it is in effect. */
  #configured: Pick<DnsConfig, 'records' | 'answerLimits'>;
  #httpPort: number | undefined;
  #running = false;
  /** The zone has been given a state of the cluster. */
  #loaded = false;
  #stopTending = (): void => {};
  #unsubscribe: Unsubscribe = () => {};

  constructor(parts: DnsParts) {
    const { config, catalog, clock, log } = parts;
    const counters = new DnsCounters(config.workers);
    this.#parts = parts;
    this.#predecessor = parts.predecessor ?? NO_PREDECESSOR;
    this.#names = namesOf(config);
    this.#configured = config;
    this.#dcos = dcosOf(config, catalog, parts.vips);
    const heads = [clusterHead(config), ...(this.#dcos?.heads ?? [])];
    const publishers = [...this.#names.publishers, ...(this.#dcos?.publishers ?? [])];
    this.#zone = makeZone(parts, heads, publishers);
    this.#frameworkHosts = new FrameworkHosts({
      lookup: async (host) => (await lookup(host, { all: true })).map((a) => a.address),
      clock,
      log,
      onChange: (changed) => {
        const frameworks = { added: [], changed, removed: [] };
        this.#zone.apply(catalog.current, { ...NOTHING_CHANGED, frameworks });
      },
    });
    const apexes = ownDomains(heads, this.#dcos);
    const answering = new Answering({
      ...parts,
      settings: answerSettings(config, heads, this.#dcos),
      zone: this.#zone,
      apexes,
      counters,
    });
    this.#answering = answering;
    this.#server = new DnsServer({
      ...parts,
      responder: answering.responder,
      cold: answering.cold,
      limits: config.tcp,
      workers: config.workers,
      engine: config.engine,
      gatherUs: config.gatherMicroseconds,
      maxColdWaiting: config.maxColdWaiting,
      handlerOf: (worker) => answering.handlerOf(worker),
      onSample: (sample) => answering.logSample(sample),
      onGone: (worker) => this.#zone.forgetReader(worker + 1),
    });
    const [names, dcos] = [this.#names, this.#dcos];
    const setAside = function* (): Generator<SetAside> {
      yield* names.setAside();
      if (dcos) yield* dcos.setAside();
    };
    const explainer = createExplainer({
      ...parts,
      zone: this.#zone,
      names: this.#names,
      dcos: this.#dcos,
      apexes,
      answering,
      setAside,
      later: parts.later ?? setImmediate,
    });
    this.#api = createDnsApi({
      ...parts,
      zone: this.#zone,
      settings: namingSettings(config),
      setAside,
      serial: () => this.#zone.serial,
      explainer,
    });
    this.#dcosRest = makeDcosRest(parts, this.#dcos, this.#zone);
    if (this.#dcos) exposeVipMetrics(parts.metrics, this.#dcos.vips);
    exposeDnsMetrics(parts.metrics, counters, {
      zoneRecords: () => this.#zone.size,
      zoneRevision: () => this.#zone.revision,
      tcpConnections: () => this.#server.tcpConnections,
      forwardsUnderWay: () => answering.resolver.underWay,
      tableBytes: () => this.#zone.tableBytes,
      leftOut: () => this.#zone.leftOut,
      stepsBehind: () => this.#zone.behind,
    });
    exposeUdpMetrics(parts.metrics, this.#server.udp);
    exposeResolverMetrics(parts.metrics, answering.resolver);
    this.#addHealth();
  }

  get addresses(): Dns['addresses'] {
    const { config } = this.#parts;
    const configured = { ip: config.host, port: config.port };
    const dns = this.#server.address ?? configured;
    const http = config.httpOn ? { ip: config.httpHost, port: this.#httpPort ?? config.httpPort } : undefined;
    return { udp: dns, tcp: dns, http, dcosHttp: this.#dcosRest?.address };
  }

  async start(): Promise<void> {
    const { config, catalog, clock, log } = this.#parts;
    await preferHugePages(this.#zone.memory);
    this.#frameworkHosts.start();
    this.#zone.refresh(catalog.current);
    if (catalog.current.version > 0) this.#load(catalog.current);
    this.#unsubscribe = catalog.onChange((next, diff) => {
      if (this.#loaded) this.#apply(next, diff);
      else if (next.version > 0) this.#load(next);
    });
    // Who serves here now knows all names: to answer before we do would be worse than to wait.
    await this.#predecessor.until(() => this.#zone.ready);
    await this.#predecessor.until(() => catalog.current.stale === undefined, FRESH_WITHIN_MS);
    try {
      if (config.dnsOn) await this.#server.start(config.host, config.port);
      if (config.httpOn) await this.#startHttp();
      await this.#dcosRest?.start();
    } catch (error) {
      await this.#api.close();
      this.#unsubscribe();
      this.#frameworkHosts.stop();
      await this.#server.stop(0);
      throw error;
    }
    const ticking = clock.every(TICK_MS, () => this.#zone.tick());
    const tended = this.#answering.tend();
    this.#stopTending = () => {
      ticking.cancel();
      tended();
    };
    this.#running = true;
    log.info({ ...this.addresses, domain: config.domain }, 'DNS answers');
  }

  stateForSuccessor(): unknown {
    return this.#answering.stateForSuccessor();
  }

  handOver(): void {
    stopListening(this.#api);
    this.#dcosRest?.handOver();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#stopTending();
    await this.#server.stop(this.#parts.config.drainMs, () => this.#answering.resolver.close());
    this.#unsubscribe();
    this.#frameworkHosts.stop();
    await this.#api.close();
    await this.#dcosRest?.stop();
  }

  /** Records and limits of the config; but not in another domain, whose names would be outside the zone that runs. */
  reload(config: DnsConfig): readonly string[] {
    const running = this.#configured;
    if (config.domain !== this.#parts.config.domain) return [];
    const changed = (['records', 'answerLimits'] as const).filter(
      (key) => !isSame(running[key], config[key]),
    );
    if (changed.length === 0) return [];
    this.#configured = { records: config.records, answerLimits: config.answerLimits };
    this.#names.replace(this.#configured);
    this.#zone.refresh(this.#parts.catalog.current);
    return changed;
  }

  #load(version: CatalogVersion): void {
    this.#loaded = true;
    this.#zone.setStale(version.stale !== undefined);
    this.#frameworkHosts.follow({ ...NOTHING_CHANGED.frameworks, added: [...version.frameworks.values()] });
    this.#zone.load({ ...version, frameworks: this.#frameworkHosts.published });
  }

  #apply(next: CatalogVersion, diff: CatalogDiff): void {
    if (diff.staleChanged) this.#zone.setStale(next.stale !== undefined);
    this.#zone.apply(next, { ...diff, frameworks: this.#frameworkHosts.follow(diff.frameworks) });
  }

  async #startHttp(): Promise<void> {
    const { httpHost: host, httpPort: port } = this.#parts.config;
    try {
      this.#httpPort = await listen(this.#api, host, port, this.#predecessor.sockets, this.#parts);
    } catch (error) {
      throw dnsErrors.DNS_HTTP_BIND_FAILED({ host, port, reason: errorText(error) }, error);
    }
  }

  #addHealth(): void {
    const { config, catalog, clock, health } = this.#parts;
    if (config.dnsOn) health.require('dns_workers', () => workersCondition(this.#server.udp));
    health.require('dns', () =>
      this.#running ? { ok: true } : { ok: false, detail: 'DNS is not started, or stops' },
    );
    health.require('dns_zone', () => {
      if (!this.#zone.ready) return { ok: false, detail: 'no state of the cluster was read yet' };
      const { stale } = catalog.current;
      if (!stale) return { ok: true, detail: `${this.#zone.size} records` };
      const age = Math.max(0, Math.round((clock.now() - stale.sinceMs) / 1000));
      // The last known state is still the best answer there is: stale, said so, and in service.
      return { ok: true, detail: `stale for ${age} s: ${stale.reason}` };
    });
  }
}

/** How long the state of the cluster that was kept on disk is too old to take over with, while a master may tell a new one. */
const FRESH_WITHIN_MS = 5_000;
/** Serial numbers are seconds. */
const TICK_MS = 500;
/** Both as the schema made them: keys in its order. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** How long the thread may be kept from everything else, milliseconds. */
const SLICE_MS = 4;

function makeZone(parts: DnsParts, heads: readonly ZoneHead[], publishers: readonly Publisher[]): Zone {
  const { config, clock, random, later = setImmediate } = parts;
  return new Zone({
    heads,
    publishers,
    ttlSeconds: config.ttlSeconds,
    srvWeight: config.srvWeight,
    memory: reserve(config.maxTableMiB),
    seed: random.int(0x7fffffff),
    nowSeconds: () => Math.floor(clock.now() / 1000),
    slices: { ms: SLICE_MS, nowMs: () => clock.monotonic(), later },
  });
}

function makeDcosRest(parts: DnsParts, dcos: Dcos | undefined, zone: Zone): DcosRest | undefined {
  const { dcos: settings, acl } = parts.config;
  if (!dcos || !settings.http.enabled) return undefined;
  const apexes = dcos.heads.map((head) => head.apex);
  return new DcosRest({
    ...parts,
    names: new NamesView(zone, apexes, dcos.aliases),
    zones: apexes,
    vips: dcos.vips,
    acl: createAcl(acl.api),
    host: settings.http.host,
    port: settings.http.port,
  });
}
