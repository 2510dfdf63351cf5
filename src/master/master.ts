import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Health } from '../core/health.ts';
import { addOperationalRoutes } from '../core/http/operational.ts';
import { createApi, listen } from '../core/http/server.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import type { Store } from '../store/index.ts';
import { BUILD_INFO } from './build-info.ts';
import { parseMinimum } from './config.ts';
import type { MasterConfig } from './config.ts';
import { Engine } from './engine.ts';
import { errors } from './errors.ts';
import { flags } from './flags.ts';
import type { MasterFacts } from './http/facts.ts';
import { addMasterRoutes } from './http/routes.ts';
import { masterInfo } from './master-info.ts';
import { exposeMetrics, metricsSnapshot } from './metrics.ts';
import { Registry } from './registry.ts';
import { newState } from './state/index.ts';
import type { Policy } from './state/index.ts';

export interface MasterParts {
  readonly config: MasterConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}

/** The master as a part of the program; `address` is where it listens, valid once started. */
export interface Master extends Component {
  readonly address: { readonly host: string; readonly port: number };
}

/**
 * A Mesos-compatible master: scheduler and operator APIs v1, the v0 endpoints, and the link to our agents. `start`
 * reads the registry and listens; agents and frameworks then come back by themselves.
 */
export function createMaster(parts: MasterParts): Master {
  const { config, clock, log } = parts;
  const info = masterInfo(config, parts.random.uuid(), config.port);
  const registry = new Registry(parts.store);
  const state = newState(info, policyOf(config));
  const engine = new Engine({ state, registry, clock, random: parts.random, log });
  const api = createApi();
  const address = { host: config.host, port: config.port };
  const startedMs = clock.now();
  const ready = { recovered: false, listening: false };
  parts.health.require('registry', () => ({ ok: ready.recovered, detail: 'agents read from the store' }));
  parts.health.require('listening', () => ({
    ok: ready.listening,
    detail: `${address.host}:${address.port}`,
  }));
  exposeMetrics(parts.metrics, engine);
  const facts: MasterFacts = {
    version: BUILD_INFO,
    startTime: startedMs / 1000,
    electedTime: startedMs / 1000,
    cluster: config.cluster,
    maxOperatorSubscribers: config.maxOperatorSubscribers,
    flags: () => flags(config, address),
    metrics: () => metricsSnapshot(engine, startedMs),
  };
  addOperationalRoutes(api, { metrics: parts.metrics, health: parts.health, skip: ['/health'] });
  addMasterRoutes(api, engine, facts);
  return {
    name: 'master',
    address,
    async start() {
      await recover(engine, config.agentReregisterTimeoutSeconds * 1000);
      ready.recovered = true;
      try {
        address.port = await listen(api, config.host, config.port);
      } catch (error) {
        throw errors.MASTER_LISTEN_FAILED(
          { host: config.host, port: config.port, why: errorText(error) },
          error,
        );
      }
      state.info = masterInfo(config, state.id, address.port);
      ready.listening = true;
      engine.startTimers();
      log.info({ ...address, id: state.id, agents: state.recoveredAgents.size }, 'master leads');
    },
    async stop() {
      parts.health.drain();
      // Nobody new first: a scheduler whose stream ends dials again at once, and must not find us half closed.
      api.server.close();
      await engine.stop();
      await api.close();
      ready.listening = false;
    },
  };
}

async function recover(engine: Engine, reregisterMs: number): Promise<void> {
  const { state, registry, clock } = engine;
  const known = await registry.recover();
  for (const agent of known.agents) if (agent.id) state.recoveredAgents.set(agent.id.value, agent);
  for (const [id, since] of known.unreachable) state.unreachableAgents.set(id, since);
  for (const [id, since] of known.gone) state.goneAgents.set(id, since);
  state.recoveredUntil = clock.monotonic() + reregisterMs;
}

function policyOf(config: MasterConfig): Policy {
  const timeout = config.offerTimeoutSeconds;
  return {
    heartbeatSeconds: config.heartbeatSeconds,
    pingIntervalSeconds: config.pingIntervalSeconds,
    maxPingTimeouts: config.maxPingTimeouts,
    allocationIntervalMs: config.allocationIntervalMs,
    offerTimeoutMs: timeout === undefined ? undefined : timeout * 1000,
    maxCompletedFrameworks: config.maxCompletedFrameworks,
    maxCompletedTasksPerFramework: config.maxCompletedTasksPerFramework,
    maxUnreachableTasksPerFramework: config.maxUnreachableTasksPerFramework,
    minAllocatable: parseMinimum(config.minAllocatableResources),
    rootSubmissions: config.rootSubmissions,
  };
}
