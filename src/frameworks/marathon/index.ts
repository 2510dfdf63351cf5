import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Health } from '../../core/health.ts';
import { addOperationalRoutes } from '../../core/http/operational.ts';
import { createApi, listen } from '../../core/http/server.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import type { Store } from '../../store/index.ts';
import { frameworkErrors } from '../errors.ts';
import { addRoutes } from './api/routes.ts';
import { AppEditor } from './apps/editor.ts';
import type { MarathonConfig } from './config.ts';
import { EventStreams } from './events/sse.ts';
import { createProber } from './health/probe.ts';
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
}

/**
 * The Marathon-compatible scheduler with its API. It is started when the API answers and what was stored is loaded; the
 * connection to the master may come later (`/ready` tells). Stopping it leaves its tasks running.
 */
export function createMarathon(
  parts: MarathonParts,
): Component & { readonly address: { host: string; port: number } } {
  const { config, clock, random, log, metrics, health } = parts;
  const address = { host: config.host, port: config.port };
  const self = (): string => `${config.hostname === '' ? address.host : config.hostname}:${address.port}`;
  const prober = createProber(clock);
  const scheduler = new Scheduler({
    config,
    store: parts.store,
    clock,
    random,
    log,
    prober,
    webUiUrl: () => `http://${self()}`,
  });
  const streams = new EventStreams(scheduler.events, clock, {
    heartbeatMs: config.eventStreamHeartbeatSeconds * 1000,
    maxBufferedBytes: config.eventStreamMaxBufferedBytes,
  });
  const api = createApi();
  addRoutes(api, { scheduler, editor: new AppEditor(scheduler.registry, config), config, self }, streams);
  addOperationalRoutes(api, { metrics, health });
  registerMetrics(metrics, scheduler, streams);
  health.require('marathon_subscribed', () =>
    scheduler.driver.connected
      ? { ok: true, detail: `subscribed to ${scheduler.master ?? 'the master'}` }
      : { ok: false, detail: `not subscribed to the master at ${config.master}` },
  );
  return {
    name: 'marathon',
    address,
    async start() {
      await scheduler.load();
      try {
        address.port = await listen(api, config.host, config.port);
      } catch (error) {
        const reason = errorText(error);
        throw frameworkErrors.MARATHON_ADDRESS_IN_USE(
          { host: config.host, port: config.port, reason },
          error,
        );
      }
      await scheduler.connect();
      log.info({ address: self() }, 'the Marathon API listens');
    },
    async stop() {
      health.drain();
      streams.close();
      await api.close();
      await scheduler.stop();
      await prober.close();
    },
  };
}
