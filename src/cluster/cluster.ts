import type { Clock, Timer } from '../core/clock.ts';
import type { Health } from '../core/health.ts';
import { createHttpClient } from '../core/http/client.ts';
import type { HttpClient, TlsOptions } from '../core/http/client.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import { Subscribers } from '../core/subscribers.ts';
import { createCatalogBuilder } from './catalog/index.ts';
import type { Catalog, CatalogBuilder, CatalogStep } from './catalog/index.ts';
import { EventBatcher } from './batch.ts';
import type { ClusterConfig } from './config.ts';
import { exposeClusterMetrics } from './metrics.ts';
import type { ClusterCounters } from './metrics.ts';
import { createWatcher } from './watch/index.ts';
import type { ClusterEvent, FollowEnd, WatchObserver, WatchOptions } from './watch/index.ts';

export interface ClusterParts {
  readonly config: ClusterConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Headers that authenticate us to the masters, asked for before each request; else principal and secret are used. */
  readonly credentials?: () => Promise<Readonly<Record<string, string>>>;
}

/** Events that arrive within this time become one catalog version. */
const BATCH_MS = 20;
const TICK_MS = 1_000;

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
  readonly #batcher: EventBatcher;
  readonly #counters: ClusterCounters = { records: 0, resyncs: 0, outages: 0 };
  readonly #abort = new AbortController();
  readonly #startedMs: number;
  #heardMs: number | undefined;
  #running: Promise<void> | undefined;
  #http: HttpClient | undefined;
  #ticker: Timer | undefined;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonic();
    this.#builder = createCatalogBuilder({ emptyServiceMs: parts.config.emptyServiceSeconds * 1000 });
    this.#listeners = new Subscribers((error) => parts.log.error({ error }, 'a catalog listener failed'));
    this.#batcher = new EventBatcher(parts.clock, BATCH_MS, (events) => this.#applyAll(events));
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
    this.#http = createHttpClient({ tls: tlsOf(config) });
    const watcher = createWatcher({
      options: watchOptions(this.#parts),
      clock,
      random,
      http: this.#http,
      observer: this.#observer(),
    });
    this.#running = this.#consume(watcher.events(this.#abort.signal));
    this.#ticker = clock.every(TICK_MS, () => this.#publish(this.#builder.tick(clock.now())));
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#ticker?.cancel();
    this.#batcher.stop();
    await this.#running;
    await this.#http?.close();
  }

  async #consume(events: AsyncIterable<ClusterEvent>): Promise<void> {
    for await (const event of events) this.#batcher.add(event);
  }

  #applyAll(events: readonly ClusterEvent[]): void {
    for (const event of events) {
      if (event.kind === 'snapshot') this.#counters.resyncs++;
      if (event.kind === 'stale') {
        this.#counters.outages++;
        this.#parts.log.warn(
          { reason: event.reason },
          'the master cannot be followed; the last known state stays',
        );
      }
      try {
        this.#publish(this.#builder.apply(event, this.#parts.clock.now()));
      } catch (error) {
        // Decoding is total, so this is a bug of ours; the old version stays and the next snapshot tries again.
        this.#parts.log.error({ error }, 'an event could not be taken into the catalog');
      }
      if (event.kind === 'snapshot') this.#logSnapshot();
    }
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
    health.require('snapshot', () => {
      const { version, stale } = this.#builder.current;
      if (version > 0) return { ok: true, detail: `version ${version}` };
      const why = stale ? `: ${stale.reason}` : '';
      return { ok: false, detail: `no state yet from ${config.masters.join(', ')}${why}` };
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

function logEnd(log: Logger, master: string, end: FollowEnd): void {
  if (end.kind === 'aborted' || end.kind === 'retry-stream') return;
  const detail = end.kind === 'redirect' ? { to: end.to } : { reason: end.reason };
  const level = end.kind === 'lost' ? 'warn' : 'debug';
  log[level]({ master, end: end.kind, ...detail }, 'no longer following a master');
}

function tlsOf(config: ClusterConfig): TlsOptions {
  const { ca, cert, key, verify } = config.tls;
  return {
    verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function watchOptions(parts: ClusterParts): WatchOptions {
  const { config } = parts;
  const basic = config.principal !== '' || config.secret !== '' ? basicCredentials(config) : undefined;
  const credentials = parts.credentials ?? basic;
  return {
    masters: config.masters,
    mode: config.mode,
    https: config.https,
    refreshMs: config.refreshSeconds * 1000,
    stateTimeoutMs: config.stateTimeoutSeconds * 1000,
    heartbeatLossFactor: config.heartbeatLossFactor,
    auditMs: config.auditSeconds * 1000,
    streamRetryMs: config.streamRetrySeconds * 1000,
    ...(credentials ? { credentials } : {}),
  };
}

function basicCredentials(config: ClusterConfig): () => Promise<Record<string, string>> {
  const bytes = new TextEncoder().encode(`${config.principal}:${config.secret}`);
  const authorization = `Basic ${Buffer.from(bytes).toString('base64')}`;
  return async () => ({ authorization });
}
