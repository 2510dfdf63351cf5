import type { Clock } from '../core/clock.ts';
import { sleep } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Health } from '../core/health.ts';
import { basicHeaders } from '../core/config/principal.ts';
import type { HttpClient } from '../core/http/client.ts';
import type { Access } from '../core/http/guard.ts';
import type { Api } from '../core/http/server.ts';
import type { TaskIdentities } from '../core/identity.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { TaskMesh } from '../core/mesh.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import { domainInfo, parseAttributes, shownMaster } from '../mesos/index.ts';
import type { AgentCall, AgentEvent, AgentInfo, Resource } from '../mesos/index.ts';
import type { ExecutorDoor } from './api/executor-route.ts';
import { createAgentApi } from './api/routes.ts';
import { AgentId } from './agent-id.ts';
import { AGENT_CAPABILITIES, MESOS_VERSION } from './api/view.ts';
import type { AgentView } from './api/view.ts';
import { forgetAll } from './checkpoint/forget-all.ts';
import { Layout } from './checkpoint/layout.ts';
import type { Checkpoints } from './checkpoint/records.ts';
import type { AgentConfig } from './config.ts';
import { agentErrors } from './errors.ts';
import type { ExecutorView } from './executors/executor.ts';
import type { Executors } from './executors/executors.ts';
import { createExecutorTokens } from './executors/tokens.ts';
import type { ExecutorTokens } from './executors/tokens.ts';
import { ExecutorTrust } from './executors/trust.ts';
import { containersOfRun } from './executors/executor-journal.ts';
import { Housekeeping } from './gc/housekeeping.ts';
import { createFetcher } from './fetcher/fetcher.ts';
import { advertisedIp } from './host/advertise.ts';
import type { Launchers } from './launcher/launchers.ts';
import { MasterLink } from './link/master-link.ts';
import type { LinkParts } from './link/master-link.ts';
import { launchersOf, realMachine } from './machine.ts';
import type { Machine } from './machine.ts';
import { createAgentMetrics } from './metrics.ts';
import type { AgentMetrics } from './metrics.ts';
import { createSecretStore } from './secrets/store.ts';
import { obey } from './tasks/orders.ts';
import { createProbe } from './tasks/probe.ts';
import { Tasks } from './tasks/tasks.ts';
import { observeUsage } from './usage-metrics.ts';

export interface AgentParts extends Pick<LinkParts, 'tls' | 'consulTls'> {
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** The agent's own environment (`process.env`), of which tasks get PATH, HOME, LANG and TZ. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Without it the API is open. */
  readonly access?: Access | undefined;
  /** Without it tasks have no identity. */
  readonly identities?: TaskIdentities | undefined;
  /** Without it nobody speaks mutual TLS on behalf of tasks. */
  readonly mesh?: TaskMesh | undefined;
  /** The one that it runs on, unless that is a simulated one. */
  readonly machine?: Machine;
}

const RETRY_MAX_MS = 600_000;
/** How long a stopping agent waits for acknowledgements of what it ended. */
const FLUSH_MS = 1_000;
const FLUSH_STEP_MS = 20;
const UNREGISTER_TIMEOUT_MS = 2_000;

/** A Mesos-compatible agent: offers this machine to a master and runs what the master sends. */
export function createAgent(
  parts: AgentParts,
): Component & { readonly address: { readonly host: string; readonly port: number } } {
  return new Agent(parts);
}

class Agent implements Component {
  readonly name = 'agent';
  readonly #parts: AgentParts;
  readonly #machine: Machine;
  readonly #log: Logger;
  readonly #counts: AgentMetrics;
  readonly #http: HttpClient[] = [];
  readonly #startedAt: number;
  readonly #tokens: ExecutorTokens | undefined;
  readonly #trust: ExecutorTrust | undefined;
  /** Where others reach this agent and its tasks. */
  readonly #ip: string;
  #port: number;
  #id: AgentId | undefined;
  #resources: readonly Resource[] = [];
  #recovered = false;
  #refused: string | undefined;
  #checkpoints: Checkpoints | undefined;
  #launcher: Launchers | undefined;
  #tasks: Tasks | undefined;
  #link: MasterLink | undefined;
  #api: Api | undefined;
  readonly #housekeeping: Housekeeping;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#machine = parts.machine ?? realMachine;
    this.#log = parts.log;
    this.#ip = advertisedIp(parts.config.host, parts.config.advertiseIp);
    this.#port = parts.config.port;
    this.#startedAt = parts.clock.now();
    const { executorSecret, workDir } = parts.config;
    this.#tokens = executorSecret === '' ? undefined : createExecutorTokens(executorSecret);
    this.#trust = parts.tls && new ExecutorTrust(parts.tls, workDir, parts.log);
    this.#counts = createAgentMetrics(parts.metrics, {
      running: () => this.#tasks?.running ?? 0,
      unacknowledged: () => (this.#tasks?.all.length ?? 0) - (this.#tasks?.running ?? 0),
      registered: () => this.#link?.connected ?? false,
    });
    const live = (): readonly ExecutorView[] => this.#tasks?.executorViews ?? [];
    observeUsage(parts.metrics, live, (containerId) => this.#housekeeping.diskUsed(containerId));
    const { config, clock, log } = parts;
    const metrics = this.#counts;
    this.#housekeeping = new Housekeeping({ config, clock, log, machine: this.#machine, metrics, live });
    parts.health.require('agent_recovered', () => ({ ok: this.#recovered }));
    parts.health.require('agent_registered', () => {
      if (this.#refused !== undefined) return { ok: false, detail: `refused: ${this.#refused}` };
      const ok = this.#link?.connected ?? false;
      return ok
        ? { ok }
        : { ok, detail: `no master answers at ${shownMaster(this.#link?.master ?? config.master)}` };
    });
  }

  get #agentId(): string | undefined {
    return this.#id?.value;
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: this.#parts.config.host, port: this.#port };
  }

  async start(): Promise<void> {
    const { config } = this.#parts;
    const checkpoints = await this.#machine.openCheckpoints(config.workDir, this.#log);
    this.#checkpoints = checkpoints;
    this.#resources = await this.#machine.resources(config.resources, config.workDir);
    const bootId = this.#machine.bootId?.() ?? '';
    const promised = { declared: this.#info(), policy: config.reconfigurationPolicy, bootId };
    this.#id = await AgentId.recover({ checkpoints, log: this.#log, ...promised });
    const left = this.#agentId === undefined ? await forgetAll(checkpoints) : await checkpoints.recover();
    await this.#trust?.start();
    await this.#listen();
    this.#tasks = this.#createTasks(checkpoints);
    await this.#tasks.recover(left);
    const ofClients = (await this.#tasks.containers?.recover()) ?? [];
    await this.#endForgotten(new Set([...left.flatMap(containersOfRun), ...ofClients]));
    this.#recovered = true;
    this.#log.info(
      { agentId: this.#agentId, tasks: this.#tasks.all.length, ...this.address },
      'agent recovered',
    );
    this.#link = new MasterLink(
      { ...this.#parts, sockets: this.#machine.sockets },
      { master: config.master, backoffMs: config.registrationBackoffMs, login: basicHeaders(config) },
      {
        subscribe: () => this.#subscribe(),
        adopt: async (subscribed) => this.#id?.adopt(subscribed.agent_id.value),
        found: (subscribed) => {
          this.#counts.subscriptions++;
          this.#log.info({ agentId: this.#agentId, master: this.#link?.master }, 'agent registered');
          this.#tasks?.resume();
          this.#tasks?.unknown(subscribed.agent_id.value, subscribed.unknown_tasks);
        },
        lost: () => this.#tasks?.pause(),
        agentId: () => this.#agentId ?? '',
        event: (event) => this.#event(event),
      },
    );
    this.#link.start();
    this.#housekeeping.start(checkpoints);
  }

  async stop(): Promise<void> {
    await this.#housekeeping.stop();
    if (this.#parts.config.onStop === 'kill' && this.#tasks) await this.#leaveForGood(this.#tasks);
    await this.#link?.stop();
    await this.#tasks?.release();
    this.#launcher?.close();
    await Promise.all([this.#api?.close(), this.#trust?.stop()]);
    await Promise.allSettled(this.#http.map((client) => client.close()));
  }

  /** What runs without a checkpoint (the work folder was emptied, or a journal is damaged) is reported as lost. */
  async #endForgotten(known: ReadonlySet<string>): Promise<void> {
    const root = new Layout(this.#parts.config.workDir).meta;
    const containerIds = (await this.#launcher?.endForgotten(root, known)) ?? [];
    if (containerIds.length > 0) this.#log.warn({ containerIds }, 'ended tasks whose checkpoints are lost');
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#parts.config;
    const before = { tls: this.#parts.tls, anonymous: this.#tokens !== undefined };
    this.#api = createAgentApi(this.#view(), this.#parts, this.#machine.sockets, this.#door());
    try {
      this.#port = await this.#machine.sockets.listen(this.#api, host, port, undefined, before);
    } catch (error) {
      throw agentErrors.AGENT_LISTEN({ host, port, problem: errorText(error) }, error);
    }
  }

  #createTasks(checkpoints: Checkpoints): Tasks {
    const { config, clock, random, log } = this.#parts;
    const { sockets } = this.#machine;
    const launcher = launchersOf(this.#machine, this.#parts);
    const downloads = sockets.createClient();
    // a health check asks whether the task answers, not who it is
    const probes = sockets.createClient({ tls: { verify: false } });
    this.#http.push(downloads, probes);
    this.#launcher = launcher;
    return new Tasks({
      clock,
      random,
      log,
      launcher,
      checkpoints,
      fetcher: createFetcher({
        http: downloads,
        clock,
        random,
        config: config.fetcher,
        workDir: config.workDir,
      }),
      secrets: createSecretStore(config.secretsDir),
      containerFiles: this.#machine.createContainerFiles?.(config.workDir, log),
      probe: createProbe(probes),
      metrics: this.#counts,
      retry: { firstMs: config.statusRetrySeconds * 1000, maxMs: RETRY_MAX_MS },
      switchUser: config.switchUser && process.getuid?.() === 0,
      killDrainMs: config.killDrainMs,
      killGraceMs: config.killGraceSeconds * 1000,
      advertiseIp: this.#ip,
      address: { host: this.#ip, port: this.#port },
      environment: this.#parts.environment ?? {},
      taskEnvironment: config.taskEnvironment,
      identities: this.#parts.identities,
      mesh: this.#parts.mesh,
      executors: {
        registrationTimeoutMs: config.executorRegistrationTimeoutSeconds * 1000,
        reregistrationTimeoutMs: config.executorReregistrationTimeoutSeconds * 1000,
        shutdownGraceMs: config.executorShutdownGraceSeconds * 1000,
        tokens: this.#tokens,
        tls: this.#trust?.environment,
        agentInfo: () => this.#info(),
      },
      sendExited: ({ frameworkId, executorId }, status) =>
        void this.#link?.send({
          type: 'EXITED_EXECUTOR',
          agent_id: { value: this.#agentId ?? '' },
          exited_executor: {
            framework_id: { value: frameworkId },
            executor_id: { value: executorId },
            status,
          },
        }),
      send: (frameworkId, status, latest) => {
        this.#counts.updatesSent++;
        void this.#link?.send({
          type: 'UPDATE',
          agent_id: { value: this.#agentId ?? '' },
          update: { framework_id: { value: frameworkId }, status, latest_state: latest },
        });
      },
    });
  }

  #info(): AgentInfo {
    const { hostname, attributes: text, domain } = this.#parts.config;
    const attributes = parseAttributes(text);
    return {
      ...(this.#agentId === undefined ? {} : { id: { value: this.#agentId } }),
      hostname,
      port: this.#port,
      resources: this.#resources,
      attributes: attributes.ok ? attributes.value : [],
      ...(domain && { domain: domainInfo(domain) }),
    };
  }

  #subscribe(): AgentCall {
    const report = this.#tasks?.report() ?? { frameworks: [], tasks: [] };
    return {
      type: 'SUBSCRIBE',
      subscribe: {
        agent_info: this.#info(),
        address: { ip: this.#ip, port: this.#port },
        version: MESOS_VERSION,
        capabilities: AGENT_CAPABILITIES.map((type) => ({ type })),
        ...report,
      },
    };
  }

  #event(event: AgentEvent): Promise<void> | void {
    const tasks = this.#tasks;
    const agentId = this.#agentId ?? '';
    if (!tasks) return;
    if (event.type === 'SHUTDOWN') return void this.#shutdown(event.shutdown.message);
    return obey(tasks, agentId, event);
  }

  /** The master refuses this agent for good: end its tasks, forget the id, stay for people to see why. */
  async #shutdown(message: string): Promise<void> {
    this.#refused = message;
    this.#log.error({ message }, 'the master refuses this agent; ending its tasks');
    await this.#link?.stop();
    await this.#tasks?.killAll();
    try {
      await this.#tasks?.wipeEnded();
      await this.#checkpoints?.forgetAgent();
    } catch (error) {
      this.#log.error({ error: errorText(error) }, 'the id is not forgotten; the next start tries again');
    }
  }

  async #leaveForGood(tasks: Tasks): Promise<void> {
    const { clock } = this.#parts;
    await tasks.killAll();
    for (let waited = 0; waited < FLUSH_MS && tasks.all.length > 0; waited += FLUSH_STEP_MS) {
      if (!this.#link?.connected) break;
      await sleep(clock, FLUSH_STEP_MS);
    }
    const goodbye: AgentCall = { type: 'UNREGISTER', agent_id: { value: this.#agentId ?? '' } };
    const heard = (await this.#link?.send(goodbye, UNREGISTER_TIMEOUT_MS)) ?? false;
    if (!heard) return; // the next start tells the ends that nobody heard
    await tasks.wipeEnded();
    await this.#checkpoints?.forgetAgent();
  }

  #door(): ExecutorDoor {
    const executors = (): Executors | undefined => this.#tasks?.executors;
    return {
      state: () => (this.#recovered ? 'open' : this.#tasks ? 'recovering' : 'closed'),
      tokens: this.#tokens,
      knowsFramework: (id) => this.#tasks?.framework(id) !== undefined,
      find: (frameworkId, executorId) => executors()?.find(frameworkId, executorId),
      sendMessage: ({ place: { frameworkId, executorId } }, data) =>
        void this.#link?.send({
          type: 'MESSAGE',
          agent_id: { value: this.#agentId ?? '' },
          message: { framework_id: { value: frameworkId }, executor_id: { value: executorId }, data },
        }),
    };
  }

  #view(): AgentView {
    // oxlint-disable-next-line typescript/no-this-alias -- getters of a literal need the outer object
    const agent = this;
    const { config, clock } = this.#parts;
    return {
      config,
      startedAt: this.#startedAt,
      metrics: this.#counts,
      now: () => clock.now(),
      diskUsed: (containerId) => this.#housekeeping.diskUsed(containerId),
      get recovered() {
        return agent.#recovered;
      },
      get registered() {
        return agent.#link?.connected ?? false;
      },
      get info() {
        return agent.#info();
      },
      get address() {
        return { host: agent.#ip, port: agent.#port };
      },
      get master() {
        return agent.#link?.master ?? config.master;
      },
      get live() {
        return agent.#tasks?.executorViews ?? [];
      },
      get completed() {
        return agent.#tasks?.completedViews ?? [];
      },
      get draining() {
        return agent.#tasks?.draining;
      },
      get containers() {
        return agent.#tasks?.containers;
      },
      get ofClients() {
        return agent.#tasks?.containers?.all;
      },
    };
  }
}
