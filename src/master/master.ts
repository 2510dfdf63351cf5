import { mayOf } from '../core/access.ts';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Health } from '../core/health.ts';
import type { Access } from '../core/http/guard.ts';
import { addOperationalRoutes } from '../core/http/operational.ts';
import type { MutualTls } from '../core/http/mutual-tls.ts';
import { subjectOf } from '../core/http/guard.ts';
import type { Api } from '../core/http/server.ts';
import { systemSockets } from '../core/http/sockets.ts';
import type { Sockets } from '../core/http/sockets.ts';
import type { RunningTasks } from '../core/identity.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import type { MasterInfo } from '../mesos/index.ts';
import { LeaderElection } from '../store/index.ts';
import type { LeadsAlong, Standing, Store, Term } from '../store/index.ts';
import { BUILD_INFO } from './build-info.ts';
import { parseMinimum, parseRate } from './config.ts';
import type { MasterConfig } from './config.ts';
import { Engine } from './engine.ts';
import { errors } from './errors.ts';
import { flags } from './flags.ts';
import type { MasterFacts } from './http/facts.ts';
import { addMasterRoutes, masterTable } from './http/routes.ts';
import type { MasterTable } from './http/routes.ts';
import { masterInfo } from './master-info.ts';
import { exposeMetrics, metricsSnapshot } from './metrics.ts';
import { regexCompiler } from './regex.ts';
import { recover } from './recovery.ts';
import { Registry } from './registry.ts';
import { runningTasks } from './running-tasks.ts';
import { newState } from './state/index.ts';
import type { MasterState, Policy } from './state/index.ts';

export interface MasterParts {
  readonly config: MasterConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Called when there is no point in going on. */
  readonly fail?: ((error: Error) => void) | undefined;
  /** Without it the APIs are open. */
  readonly access?: Access | undefined;
  /** What its API stands behind; without it that speaks plain HTTP. */
  readonly tls?: MutualTls | undefined;
  /** What leads whenever this master does, and then alone knows who is who; the address of the leader's is told to those that stand by. */
  readonly along?: LeadsAlong | undefined;
  /** Where it listens; the sockets of the machine unless told otherwise. */
  readonly sockets?: Sockets;
}

/** The master as a part of the program; `address` is where it listens, valid once started. */
export interface Master extends Component {
  readonly address: { readonly host: string; readonly port: number };
  /** What runs where, for those who give tasks an identity. */
  readonly tasks: RunningTasks;
  /** What it believes now; for those who judge it, who must not change it. */
  readonly state: MasterState;
  /** Who leads now. */
  standing(): Standing<LeadingMaster>;
}

/** A leader as the others know it. */
export interface LeadingMaster extends MasterInfo {
  /** Of what leads along with it, on the same host. */
  readonly along_port?: number;
}

/** In Consul, `elections/master/leader` has the leader's MasterInfo as JSON. */
const ELECTION = 'master';
/** So long after an empty registry was found whoever follows keeps what it knew: agents find their master again sooner than that. */
const BEGAN_EMPTY_MS = 60_000;

/**
 * A Mesos-compatible master: scheduler and operator APIs v1, the v0 endpoints, and the link to our agents. `start` listens and
 * stands for election. Whoever is elected reads the registry, then answers; agents and frameworks come to it by themselves.
 */
export function createMaster(parts: MasterParts): Master {
  const { config, clock, log, along, sockets = systemSockets } = parts;
  const api = sockets.createApi();
  const address = { host: config.host, port: config.port };
  const startedMs = clock.now();
  const id = parts.random.uuid();
  const info = (): MasterInfo => masterInfo(config, id, address.port);
  let electedMs = startedMs;
  let emptyUntil = Number.NEGATIVE_INFINITY;
  let listening = false;
  const leadership = new LeaderElection<LeadingMaster>({
    ...parts,
    election: ELECTION,
    name: () => JSON.stringify({ ...info(), ...(along && { along_port: along.port }) }),
    read: (text) => readInfo(text, info()),
    begin: async (term) => {
      // Ids of frameworks and agents begin with that of the master and are counted: each term has its own.
      reign = newReign(term, electedMs === startedMs ? id : parts.random.uuid());
      electedMs = clock.now();
      const { engine } = reign;
      const { state } = engine;
      const knows = await recover(state, engine.registry, clock, config.agentReregisterTimeoutSeconds * 1000);
      emptyUntil = knows ? Number.NEGATIVE_INFINITY : clock.monotonic() + BEGAN_EMPTY_MS;
      if (!term.holds()) return;
      engine.startTimers();
      log.info({ ...address, id: state.id, agents: state.recoveredAgents.size }, 'master leads');
    },
    end: () => {
      void reign.engine.stop();
      reign = newReign();
    },
  });
  const leads = (): boolean => leadership.standing().kind === 'leads';
  const facts = newFacts(parts, address, {
    startedMs,
    electedMs: () => electedMs,
    leader: () => leaderOf(leadership, info),
    metrics: () => metricsSnapshot(reign.engine, startedMs, leads()),
  });
  /** One time of leading, or the time until then, in which nothing is known. */
  const newReign = (term?: Term, engineId = id): Reign => {
    const engine = newEngine(parts, masterInfo(config, engineId, address.port), term);
    return { engine, table: masterTable(engine, facts) };
  };
  let reign = newReign();
  requireHealth(parts.health, leadership, address, () => listening);
  exposeMetrics(parts.metrics, () => reign.engine, leads);
  addOperationalRoutes(api, { metrics: parts.metrics, health: parts.health, skip: ['/health'] });
  addMasterRoutes(api, {
    ...parts,
    table: () => reign.table,
    standing: () => leadership.standing(),
    beganEmpty: () => clock.monotonic() < emptyUntil,
  });
  return {
    name: 'master',
    address,
    tasks: runningTasks(() => reign.engine),
    get state() {
      return reign.engine.state;
    },
    standing: () => leadership.standing(),
    async start() {
      address.port = await listen(parts, api);
      listening = true;
      await leadership.start().catch(async (error: unknown) => {
        await api.close();
        throw error;
      });
    },
    async stop() {
      parts.health.drain();
      // Nobody new first: a scheduler whose stream ends dials again at once, and must not find us half closed.
      api.server.close();
      await reign.engine.stop();
      await leadership.stop();
      await api.close();
      listening = false;
    },
  };
}

function newFacts(
  { config, access }: MasterParts,
  address: { readonly port: number },
  live: Pick<MasterFacts, 'leader' | 'metrics'> & {
    readonly startedMs: number;
    readonly electedMs: () => number;
  },
): MasterFacts {
  return {
    version: BUILD_INFO,
    startTime: live.startedMs / 1000,
    get electedTime() {
      return live.electedMs() / 1000;
    },
    cluster: config.cluster,
    maxOperatorSubscribers: config.maxOperatorSubscribers,
    mayOf: (request) => mayOf(access?.authorizer, subjectOf(request)),
    leader: () => live.leader(),
    flags: () => flags(config, address),
    metrics: () => live.metrics(),
  };
}

async function listen(parts: MasterParts, api: Api): Promise<number> {
  const { config, sockets = systemSockets } = parts;
  const { host, port } = config;
  try {
    return await sockets.listen(api, host, port, undefined, parts);
  } catch (error) {
    throw errors.MASTER_LISTEN_FAILED({ host, port, why: errorText(error) }, error);
  }
}

interface Reign {
  readonly engine: Engine;
  readonly table: MasterTable;
}

function newEngine(parts: MasterParts, info: MasterInfo, term: Term | undefined): Engine {
  const { config } = parts;
  const rate = config.agentRemovalRateLimit;
  return new Engine({
    ...parts,
    state: newState(info, policyOf(config)),
    registry: new Registry(term?.store ?? parts.store),
    removalRate: rate === undefined ? undefined : { everyMs: parseRate(rate) },
    mayTell: () => term?.holds() ?? false,
  });
}

/** Undefined also where that is an earlier life of this master: it leads no more, and nobody is to be sent to it. */
function readInfo(text: string, self: MasterInfo): LeadingMaster | undefined {
  try {
    const leader = JSON.parse(text) as LeadingMaster;
    return leader.pid === self.pid ? undefined : leader;
  } catch {
    return undefined;
  }
}

function leaderOf(leadership: LeaderElection<LeadingMaster>, self: () => MasterInfo): MasterInfo | undefined {
  const standing = leadership.standing();
  return standing.kind === 'stands-by' ? standing.leader : self();
}

function requireHealth(
  health: Health,
  leadership: LeaderElection<LeadingMaster>,
  address: { readonly host: string; readonly port: number },
  listening: () => boolean,
): void {
  health.require('registry', () => {
    const standing = leadership.standing();
    if (standing.kind !== 'stands-by')
      return { ok: standing.kind === 'leads', detail: 'agents read from the store' };
    const { leader } = standing;
    if (leader === undefined) return { ok: false, detail: 'no master leads' };
    return { ok: true, detail: `stands by; ${leader.hostname}:${leader.port} leads` };
  });
  health.require('listening', () => ({ ok: listening(), detail: `${address.host}:${address.port}` }));
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
    filterGpuResources: config.filterGpuResources,
    compileRegex: regexCompiler(config.offerConstraintsMaxProgramSize),
    recoveryRemovalLimitPercent: config.recoveryAgentRemovalLimitPercent,
  };
}
