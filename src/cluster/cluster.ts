import type { Clock, Timer } from '../core/clock.ts';
import type { Health } from '../core/health.ts';
import { createHttpClient } from '../core/http/client.ts';
import type { HttpClient, HttpClientOptions, TlsOptions } from '../core/http/client.ts';
import { towardsMaster } from '../core/http/mutual-tls.ts';
import type { MutualTls } from '../core/http/mutual-tls.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import { restEvery } from '../core/slices.ts';
import { Subscribers } from '../core/subscribers.ts';
import { createCatalogBuilder } from './catalog/index.ts';
import type { Catalog, CatalogBuilder, CatalogStep } from './catalog/index.ts';
import { Applier } from './apply.ts';
import type { Applied } from './apply.ts';
import { EventBatcher } from './batch.ts';
import type { ClusterConfig } from './config.ts';
import { diskFiles, StateKeeper } from './keep/index.ts';
import type { KeepFiles } from './keep/index.ts';
import { createCredentials } from './login/index.ts';
import type { Credentials } from './login/index.ts';
import { Masters } from './masters.ts';
import { exposeClusterMetrics } from './metrics.ts';
import type { ClusterCounters } from './metrics.ts';
import { addressesOf, MarathonFollower } from './marathon/index.ts';
import type { MarathonView } from './marathon/index.ts';
import { createWatcher } from './watch/index.ts';
import type { ClusterEvent, FollowEnd, LastKnown, WatchObserver, WatchOptions } from './watch/index.ts';
import type { Dial } from './zookeeper/index.ts';

export interface ClusterParts {
  readonly config: ClusterConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Called when the process should end: no leader was found in time, where the configuration wants that. */
  readonly fail?: (error: Error) => void;
  /** Towards our own masters, where the configuration names no other certificates. */
  readonly tls?: MutualTls | undefined;
  /** How Consul is spoken to where masters are found there by https (`consuls:`). */
  readonly consulTls?: TlsOptions | undefined;
  /** How ZooKeeper is reached. */
  readonly dial?: Dial;
  readonly keepFiles?: KeepFiles;
  /** Runs a function when the event loop has gone round; setImmediate. */
  readonly later?: (f: () => void) => void;
}

/** Events that arrive within this time become one catalog version. */
const BATCH_MS = 5;
const TICK_MS = 1_000;
/** So long at a time a large step of the catalog is worked on. */
const SLICE_MS = 2;

/** The cluster room at work: watch, model and catalog. Starting never waits for a master. */
export function createCluster(parts: ClusterParts): Component & { readonly catalog: Catalog } {
  return new Cluster(parts);
}

class Cluster implements Component {
  readonly name = 'cluster';
  readonly catalog: Catalog;
  readonly #parts: ClusterParts;
  readonly #builder: CatalogBuilder;
  readonly #listeners: Subscribers<CatalogStep>;
  readonly #applier: Applier;
  readonly #batcher: EventBatcher;
  readonly #counters: ClusterCounters = { records: 0, resyncs: 0, outages: 0 };
  readonly #abort = new AbortController();
  readonly #startedMs: number;
  readonly #masters: Masters;
  readonly #keeper: StateKeeper | undefined;
  #marathons: readonly MarathonFollower[] = [];
  #marathonHttp: HttpClient | undefined;
  #heardMs: number | undefined;
  /** Since when (wall clock) the master cannot be followed, to tell an outage from another reason for it. */
  #staleSinceMs: number | undefined;
  /** When the state held that is served, while it is one of an earlier life. */
  #keptAsOfMs: number | undefined;
  #running: Promise<void> | undefined;
  #http: HttpClient | undefined;
  #ticker: Timer | undefined;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonic();
    this.#masters = new Masters({
      ...parts,
      served: () => this.#builder.current.version > 0,
      fail: (error) => parts.fail?.(error),
    });
    this.#keeper = this.#createKeeper();
    this.#builder = createCatalogBuilder({ emptyServiceMs: parts.config.emptyServiceSeconds * 1000 });
    this.#applier = this.#createApplier();
    this.#listeners = new Subscribers((error) => parts.log.error({ error }, 'a catalog listener failed'));
    this.#batcher = new EventBatcher(parts.clock, BATCH_MS, (events) => this.#applier.add(events));
    const builder = this.#builder;
    this.catalog = {
      get current() {
        return builder.current;
      },
      onChange: (f) => this.#listeners.add(({ version, diff }) => f(version, diff)),
    };
    exposeClusterMetrics(parts.metrics, {
      counters: this.#counters,
      current: () => builder.current,
      ageSeconds: () => this.#ageMs() / 1000,
    });
    this.#requireHealth();
  }

  async start(): Promise<void> {
    const { config, clock, random } = this.#parts;
    const http = createHttpClient(this.#towardsMasters());
    this.#http = http;
    const credentials = createCredentials(config, { clock, http });
    this.#masters.start(http, credentials);
    const keeper = this.#keeper;
    const watcher = createWatcher({
      options: watchOptions(config, this.#masters, credentials),
      clock,
      random,
      http,
      observer: this.#observer(),
      ...(this.#parts.later ? { later: this.#parts.later } : {}),
      directory: this.#masters.directory,
      ...(keeper ? { lastKnown: (signal) => this.#lastKnown(keeper, signal) } : {}),
    });
    this.#running = this.#consume(watcher.events(this.#abort.signal));
    this.#followMarathons();
    this.#ticker = clock.every(TICK_MS, () => this.#publish(this.#builder.tick(clock.now())));
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    const marathons = Promise.all(this.#marathons.map((marathon) => marathon.stop()));
    this.#masters.stop();
    this.#ticker?.cancel();
    this.#batcher.stop();
    this.#applier.stop();
    await this.#running;
    await marathons;
    await this.#keeper?.stop();
    await this.#http?.close();
    await this.#marathonHttp?.close();
  }

  /** By our identity, unless the masters are somebody else's. */
  #towardsMasters(): HttpClientOptions {
    const { config, tls } = this.#parts;
    const others = !config.identity || config.tls.ca !== undefined || config.tls.cert !== undefined;
    return tls && !others ? towardsMaster(tls) : { tls: config.tls };
  }

  /** Those that tell more than Mesos knows. Nothing waits for them. */
  #followMarathons(): void {
    const { config, clock, random, log } = this.#parts;
    const { marathon } = config;
    if (marathon.urls.length === 0) return;
    const http = createHttpClient({ tls: marathon.tls });
    this.#marathonHttp = http;
    const credentials = createCredentials(marathon, { clock, http });
    this.#marathons = marathon.urls.map(
      (urls) =>
        new MarathonFollower({
          urls: addressesOf(urls) ?? [],
          refreshMs: marathon.refreshSeconds * 1000,
          silenceMs: marathon.silenceSeconds * 1000,
          clock,
          random,
          http,
          log,
          ...(credentials
            ? { credentials: () => credentials.headers(), renewCredentials: () => credentials.renew() }
            : {}),
          emit: (news) => this.#applier.add([news]),
        }),
    );
    for (const follower of this.#marathons) follower.start();
  }

  #createKeeper(): StateKeeper | undefined {
    const { config, clock, log, keepFiles = diskFiles } = this.#parts;
    if (config.keepFile === '') return undefined;
    return new StateKeeper({
      path: config.keepFile,
      everyMs: config.keepEverySeconds * 1000,
      clock,
      log,
      files: keepFiles,
      state: () => ({
        state: this.#builder.state,
        asOfMs: this.#keptAsOfMs ?? Math.round(clock.now() - this.#ageMs()),
      }),
    });
  }

  async #lastKnown(keeper: StateKeeper, signal: AbortSignal): Promise<LastKnown | undefined> {
    const kept = await keeper.load(signal);
    if (!kept) return undefined;
    const { config, clock, log } = this.#parts;
    const age = ageText(clock.now() - kept.asOfMs);
    log.warn(
      { path: config.keepFile, age, tasks: kept.state.tasks.size },
      'the state of an earlier run is used',
    );
    return { ...kept, reason: `the state is from ${config.keepFile}, ${age} old` };
  }

  async #consume(events: AsyncIterable<ClusterEvent>): Promise<void> {
    const each = events[Symbol.asyncIterator]();
    while (await this.#consumeOne(each));
  }

  /** By itself, so that while it waits for the next event nothing holds the last one: that may be a whole state. */
  async #consumeOne(events: AsyncIterator<ClusterEvent>): Promise<boolean> {
    const { done, value } = await events.next();
    if (done === true) return false;
    this.#batcher.add(value);
    return true;
  }

  #createApplier(): Applier {
    const { clock, log, later = setImmediate } = this.#parts;
    return new Applier({
      builder: this.#builder,
      clock,
      rest: restEvery(SLICE_MS, clock, later),
      begin: (event) => this.#note(event),
      publish: (step) => this.#publish(step),
      // Decoding is total, so this is a bug of ours; the old version stays and the next snapshot tries again.
      failed: (error) => log.error({ error }, 'an event could not be taken into the catalog'),
      end: (event) => {
        if (event.kind === 'snapshot' && event.keptAsOfMs === undefined) this.#logSnapshot();
        if (event.kind !== 'stale' && event.kind !== 'declared' && this.#keptAsOfMs === undefined)
          this.#keeper?.changed();
      },
    });
  }

  /** What an event says about the watch itself. */
  #note(event: Applied): void {
    if (event.kind === 'declared') return;
    if (event.kind === 'snapshot') {
      this.#keptAsOfMs = event.keptAsOfMs;
      if (event.keptAsOfMs === undefined) this.#counters.resyncs++;
    }
    if (event.kind !== 'stale') {
      this.#staleSinceMs = undefined;
      return;
    }
    const { log } = this.#parts;
    if (this.#staleSinceMs === event.since)
      return log.debug({ reason: event.reason }, 'the master still cannot be followed');
    // What was kept brings its own time with it; the outage is the same.
    if (this.#keptAsOfMs === undefined) this.#counters.outages++;
    this.#staleSinceMs = event.since;
    log.warn({ reason: event.reason }, 'the master cannot be followed; the last known state stays');
  }

  #publish(step: CatalogStep | undefined): void {
    if (step) this.#listeners.emit(step);
  }

  #logSnapshot(): void {
    const { agents, frameworks, tasks, services, rejected } = this.#builder.current;
    this.#parts.log.info(
      {
        agents: agents.size,
        frameworks: frameworks.size,
        tasks: tasks.size,
        services: services.size,
        rejected: rejected.size,
      },
      'following the master',
    );
  }

  #observer(): WatchObserver {
    const { log, clock } = this.#parts;
    return {
      onAttempt: (master, mode) => log.debug({ master, mode }, 'asking a master'),
      onEnd: (master, end) => logEnd(log, master, end),
      onEvents: (count) => {
        this.#counters.records += count;
        this.#heardMs = clock.monotonic();
      },
    };
  }

  #ageMs(): number {
    return this.#parts.clock.monotonic() - (this.#heardMs ?? this.#startedMs);
  }

  #requireHealth(): void {
    const { health, config } = this.#parts;
    if (config.zk !== '') health.require('masters', () => this.#masters.condition());
    if (config.marathon.urls.length > 0)
      // What is known of a Marathon stays when it is lost, so it does not make the edge unready.
      health.require('marathons', () => ({
        ok: true,
        detail: this.#marathons.map(({ view }) => wordsOn(view)).join('; '),
      }));
    health.require('snapshot', () => {
      const { version, stale } = this.#builder.current;
      if (version > 0) return { ok: true, detail: `version ${version}` };
      const why = stale ? `: ${stale.reason}` : '';
      const asked = this.#masters.directory.view.candidates.join(', ');
      return { ok: false, detail: `no state yet from ${asked === '' ? 'any master' : asked}${why}` };
    });
    health.require('watch', () => {
      const { stale } = this.#builder.current;
      const age = `${(this.#ageMs() / 1000).toFixed(1)} s`;
      // Serving the last known state is what the edge is for, so a lost master does not make it unready.
      if (stale) return { ok: true, detail: `stale, master last heard ${age} ago: ${stale.reason}` };
      return { ok: true, detail: `fresh, master last heard ${age} ago` };
    });
  }
}

function wordsOn({ urls, apps, problem }: MarathonView): string {
  return `${urls[0]}: ${apps} apps${problem === undefined ? '' : `, not followed now: ${problem}`}`;
}

function logEnd(log: Logger, master: string, end: FollowEnd): void {
  if (end.kind === 'aborted' || end.kind === 'retry-stream') return;
  const detail = end.kind === 'redirect' ? { to: end.to } : { reason: end.reason };
  const level = end.kind === 'lost' ? 'warn' : 'debug';
  log[level]({ master, end: end.kind, ...detail }, 'no longer following a master');
}

function watchOptions(
  config: ClusterConfig,
  masters: Masters,
  credentials: Credentials | undefined,
): WatchOptions {
  return {
    masters: config.masters,
    mode: config.mode,
    https: config.https,
    refreshMs: config.refreshSeconds * 1000,
    stateTimeoutMs: config.stateTimeoutSeconds * 1000,
    heartbeatLossFactor: config.heartbeatLossFactor,
    auditMs: config.auditSeconds * 1000,
    streamRetryMs: config.streamRetrySeconds * 1000,
    ...(credentials
      ? { credentials: (url) => masters.credentialsFor(url), renewCredentials: () => credentials.renew() }
      : {}),
  };
}

/** An age for a person. */
function ageText(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 2) return `${Math.max(0, ms / 1000).toFixed(0)} s`;
  if (minutes < 120) return `${minutes.toFixed(0)} min`;
  return minutes < 48 * 60 ? `${(minutes / 60).toFixed(0)} h` : `${(minutes / 1440).toFixed(0)} days`;
}
