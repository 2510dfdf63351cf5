import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Health } from '../../core/health.ts';
import type { TlsOptions } from '../../core/http/client.ts';
import { guard } from '../../core/http/guard.ts';
import type { Access } from '../../core/http/guard.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { addOperationalRoutes } from '../../core/http/operational.ts';
import { createApi, listen } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import { shownMaster } from '../../mesos/index.ts';
import { LeaderElection } from '../../store/index.ts';
import type { Standing, Store } from '../../store/index.ts';
import { frameworkErrors } from '../errors.ts';
import type { ApiParts } from './api/context.ts';
import { GUARD } from './api/guard.ts';
import { addRoutes } from './api/routes.ts';
import { AppEditor } from './apps/editor.ts';
import type { MarathonConfig } from './config.ts';
import { EventStreams } from './events/sse.ts';
import { createProber } from './health/probe.ts';
import type { Prober } from './health/probe.ts';
import { registerMetrics } from './metrics.ts';
import { Scheduler } from './scheduler.ts';

export { marathonConfigSchema } from './config.ts';
export type { MarathonConfig } from './config.ts';

export interface MarathonParts {
  readonly config: MarathonConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Without it the API is open. */
  readonly access?: Access | undefined;
  /** Before its API, and towards the master; without it both are plain HTTP. */
  readonly tls?: MutualTls | undefined;
  /** How Consul is spoken to where masters are found there by https (`consuls:`). */
  readonly consulTls?: TlsOptions | undefined;
}

/** In Consul, `elections/marathon/leader` has the `host:port` of the leader. */
const ELECTION = 'marathon';

/**
 * The Marathon-compatible scheduler with its API. It is started when the API answers and it is known who leads; who does has loaded
 * what was stored by then. The connection to the master may come later (`/ready` tells). Stopping it leaves its tasks running.
 */
export function createMarathon(
  parts: MarathonParts,
): Component & { readonly address: { host: string; port: number } } {
  const { config, log, metrics, health } = parts;
  const address = { host: config.host, port: config.port };
  const self = (): string => `${config.hostname === '' ? address.host : config.hostname}:${address.port}`;
  const prober = createProber(parts.clock);
  const newWork = (store: Store): Work => makeWork(parts, store, prober, self);
  let work = newWork(parts.store);
  const leadership = new LeaderElection<string>({
    ...parts,
    election: ELECTION,
    name: self,
    read: (name) => name,
    begin: async (term) => {
      work = newWork(term.store);
      await work.scheduler.load();
      if (term.holds()) await work.scheduler.connect();
    },
    end: () => {
      work.streams.close();
      void work.scheduler.stop();
      work = newWork(parts.store);
    },
  });
  const standing = (): Standing<string> => leadership.standing();
  const api = createApi();
  guard(api, parts.access, GUARD);
  const apiParts: ApiParts = {
    get scheduler() {
      return work.scheduler;
    },
    get editor() {
      return work.editor;
    },
    config,
    self,
    standing,
    authorizer: parts.access?.authorizer,
  };
  addRoutes(api, apiParts, () => work.streams);
  addOperationalRoutes(api, { metrics, health });
  registerMetrics(metrics, () => work);
  requireHealth(parts, standing, () => work.scheduler);
  return {
    name: 'marathon',
    address,
    async start() {
      address.port = await listenAt(api, parts);
      await leadership.start().catch(async (error: unknown) => {
        await api.close();
        throw error;
      });
      log.info({ address: self() }, 'the Marathon API listens');
    },
    async stop() {
      health.drain();
      work.streams.close();
      await api.close();
      await work.scheduler.stop();
      await leadership.stop();
      await prober.close();
    },
  };
}

/** One time of leading, or the time until then, in which nothing is known. */
interface Work {
  readonly scheduler: Scheduler;
  readonly streams: EventStreams;
  readonly editor: AppEditor;
}

function makeWork(parts: MarathonParts, store: Store, prober: Prober, self: () => string): Work {
  const { config, clock } = parts;
  const webUiUrl = (): string => `${parts.tls ? 'https' : 'http'}://${self()}`;
  const scheduler = new Scheduler({ ...parts, store, prober, webUiUrl });
  const streams = new EventStreams(scheduler.events, clock, {
    heartbeatMs: config.eventStreamHeartbeatSeconds * 1000,
    maxBufferedBytes: config.eventStreamMaxBufferedBytes,
  });
  return { scheduler, streams, editor: new AppEditor(scheduler.registry, config) };
}

async function listenAt(api: Api, parts: MarathonParts): Promise<number> {
  const { host, port } = parts.config;
  try {
    return await listen(api, host, port, undefined, parts);
  } catch (error) {
    throw frameworkErrors.MARATHON_ADDRESS_IN_USE({ host, port, reason: errorText(error) }, error);
  }
}

function requireHealth(
  { health, config }: MarathonParts,
  standing: () => Standing<string>,
  scheduler: () => Scheduler,
): void {
  health.require('marathon_subscribed', () => {
    const now = standing();
    if (now.kind === 'stands-by') {
      const { leader } = now;
      return leader === undefined
        ? { ok: false, detail: 'no Marathon leads' }
        : { ok: true, detail: `stands by; ${leader} leads` };
    }
    const { driver, master } = scheduler();
    return driver.connected
      ? { ok: true, detail: `subscribed to ${master ?? 'the master'}` }
      : { ok: false, detail: `not subscribed to the master at ${shownMaster(config.master)}` };
  });
}
