import type { Clock, Timer } from '../core/clock.ts';
import { sleep } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Health } from '../core/health.ts';
import { createHttpClient } from '../core/http/client.ts';
import type { HttpClient } from '../core/http/client.ts';
import { listen } from '../core/http/server.ts';
import type { Api } from '../core/http/server.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import { parseAttributes } from '../mesos/index.ts';
import type { AgentCall, AgentEvent, AgentInfo, Resource } from '../mesos/index.ts';
import { createAgentApi } from './api/routes.ts';
import { AGENT_CAPABILITIES, MESOS_VERSION } from './api/view.ts';
import type { AgentView } from './api/view.ts';
import { openFileCheckpoints } from './checkpoint/file-checkpoints.ts';
import { Layout } from './checkpoint/layout.ts';
import type { Checkpoints } from './checkpoint/records.ts';
import { CHECKPOINT_VERSION } from './checkpoint/records.ts';
import type { AgentConfig } from './config.ts';
import { agentErrors } from './errors.ts';
import { createFetcher } from './fetcher/fetcher.ts';
import { oldSandboxes } from './gc/sandbox-gc.ts';
import { advertisedIp } from './host/advertise.ts';
import { agentResources } from './host/detect.ts';
import type { Launcher } from './launcher/launcher.ts';
import { createProcessLauncher } from './launcher/process/index.ts';
import { MasterLink } from './link/master-link.ts';
import { createAgentMetrics } from './metrics.ts';
import type { AgentMetrics } from './metrics.ts';
import { createProbe } from './tasks/probe.ts';
import { Tasks } from './tasks/tasks.ts';

export interface AgentParts {
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** The agent's own environment (`process.env`), of which tasks get PATH, HOME, LANG and TZ. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const RETRY_MAX_MS = 600_000;
const GC_EVERY_MS = 60_000;
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
  readonly #log: Logger;
  readonly #counts: AgentMetrics;
  readonly #http: HttpClient[] = [];
  readonly #startedAt: number;
  /** Where others reach this agent and its tasks. */
  readonly #ip: string;
  #port: number;
  #agentId: string | undefined;
  #resources: readonly Resource[] = [];
  #recovered = false;
  #refused: string | undefined;
  #checkpoints: Checkpoints | undefined;
  #launcher: Launcher | undefined;
  #tasks: Tasks | undefined;
  #link: MasterLink | undefined;
  #api: Api | undefined;
  #gc: Timer | undefined;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#ip = advertisedIp(parts.config.host, parts.config.advertiseIp);
    this.#port = parts.config.port;
    this.#startedAt = parts.clock.now();
    this.#counts = createAgentMetrics(parts.metrics, {
      running: () => this.#tasks?.running ?? 0,
      unacknowledged: () => (this.#tasks?.live.length ?? 0) - (this.#tasks?.running ?? 0),
      registered: () => this.#link?.connected ?? false,
    });
    parts.health.require('agent_recovered', () => ({ ok: this.#recovered }));
    parts.health.require('agent_registered', () => {
      if (this.#refused !== undefined) return { ok: false, detail: `refused: ${this.#refused}` };
      const ok = this.#link?.connected ?? false;
      return ok
        ? { ok }
        : { ok, detail: `no master answers at ${this.#link?.master ?? parts.config.master}` };
    });
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: this.#parts.config.host, port: this.#port };
  }

  async start(): Promise<void> {
    const { config, clock, random } = this.#parts;
    const checkpoints = await openFileCheckpoints(config.workDir, this.#log);
    this.#checkpoints = checkpoints;
    this.#resources = await agentResources(config.resources, config.workDir);
    this.#agentId = (await checkpoints.readAgent())?.agentId;
    const left = await checkpoints.recover();
    await this.#listen();
    this.#tasks = this.#createTasks(checkpoints);
    await this.#tasks.recover(left);
    await this.#endForgotten(new Set(left.map((run) => run.place.containerId)));
    this.#recovered = true;
    this.#log.info(
      { agentId: this.#agentId, tasks: this.#tasks.live.length, ...this.address },
      'agent recovered',
    );
    this.#link = new MasterLink(
      { clock, random, log: this.#log },
      { master: config.master, backoffMs: config.registrationBackoffMs },
      {
        subscribe: () => this.#subscribe(),
        adopt: (subscribed) => this.#adopt(subscribed.agent_id.value),
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
    this.#gc = clock.every(GC_EVERY_MS, () => void this.#collect());
  }

  async stop(): Promise<void> {
    this.#gc?.cancel();
    if (this.#parts.config.onStop === 'kill' && this.#tasks) await this.#leaveForGood(this.#tasks);
    await this.#link?.stop();
    await this.#tasks?.release();
    this.#launcher?.close();
    await this.#api?.close();
    await Promise.allSettled(this.#http.map((client) => client.close()));
  }

  /** What runs without a checkpoint (the work folder was emptied, or a journal is damaged) is reported as lost. */
  async #endForgotten(known: ReadonlySet<string>): Promise<void> {
    const root = new Layout(this.#parts.config.workDir).metaAgents;
    const containerIds = (await this.#launcher?.endForgotten(root, known)) ?? [];
    if (containerIds.length > 0) this.#log.warn({ containerIds }, 'ended tasks whose checkpoints are lost');
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#parts.config;
    this.#api = createAgentApi(this.#view(), this.#parts);
    try {
      this.#port = await listen(this.#api, host, port);
    } catch (error) {
      throw agentErrors.AGENT_LISTEN({ host, port, problem: errorText(error) }, error);
    }
  }

  #createTasks(checkpoints: Checkpoints): Tasks {
    const { config, clock, random, log } = this.#parts;
    const launcher = createProcessLauncher({ clock });
    const downloads = createHttpClient();
    // a health check asks whether the task answers, not who it is
    const probes = createHttpClient({ tls: { verify: false } });
    this.#http.push(downloads, probes);
    this.#launcher = launcher;
    return new Tasks({
      clock,
      random,
      log,
      launcher,
      checkpoints,
      fetcher: createFetcher(downloads),
      probe: createProbe(probes),
      metrics: this.#counts,
      retry: { firstMs: config.statusRetrySeconds * 1000, maxMs: RETRY_MAX_MS },
      killDrainMs: config.killDrainMs,
      killGraceMs: config.killGraceSeconds * 1000,
      advertiseIp: this.#ip,
      address: { host: this.#ip, port: this.#port },
      environment: this.#parts.environment ?? {},
      taskEnvironment: config.taskEnvironment,
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
    const attributes = parseAttributes(this.#parts.config.attributes);
    return {
      ...(this.#agentId === undefined ? {} : { id: { value: this.#agentId } }),
      hostname: this.#parts.config.hostname,
      port: this.#port,
      resources: this.#resources,
      attributes: attributes.ok ? attributes.value : [],
    };
  }

  #subscribe(): AgentCall {
    const { frameworks = [], tasks = [] } = this.#tasks?.report() ?? {};
    return {
      type: 'SUBSCRIBE',
      subscribe: {
        agent_info: this.#info(),
        address: { ip: this.#ip, port: this.#port },
        version: MESOS_VERSION,
        capabilities: AGENT_CAPABILITIES.map((type) => ({ type })),
        frameworks,
        tasks,
      },
    };
  }

  /** A new id is on disk before it is used. */
  async #adopt(agentId: string): Promise<void> {
    if (agentId === this.#agentId) return;
    if (this.#agentId !== undefined)
      this.#log.warn({ was: this.#agentId, agentId }, 'the master gave a new agent id');
    await this.#checkpoints?.writeAgent({ version: CHECKPOINT_VERSION, agentId });
    this.#agentId = agentId;
  }

  #event(event: AgentEvent): void {
    const tasks = this.#tasks;
    const agentId = this.#agentId ?? '';
    if (!tasks) return;
    switch (event.type) {
      case 'RUN_TASK':
        return tasks.run(agentId, event.run_task.framework_info, event.run_task.task);
      case 'KILL_TASK': {
        const { framework_id, task_id, kill_policy } = event.kill_task;
        return tasks.kill(agentId, framework_id.value, task_id.value, kill_policy);
      }
      case 'ACKNOWLEDGE': {
        const { framework_id, task_id, uuid } = event.acknowledge;
        return tasks.ack(framework_id.value, task_id.value, uuid);
      }
      case 'UPDATE_FRAMEWORK':
        return tasks.updateFramework(event.update_framework.framework_info);
      case 'SHUTDOWN_FRAMEWORK':
        return tasks.shutdownFramework(event.shutdown_framework.framework_id.value);
      case 'SHUTDOWN':
        return void this.#shutdown(event.shutdown.message);
      case 'MESSAGE':
        this.#log.debug({ message: event.message }, 'command tasks take no messages; dropped');
        return;
      case 'SUBSCRIBED':
      case 'PING':
        return; // the link's own business
    }
  }

  /** The master refuses this agent for good: end its tasks, forget the id, stay for people to see why. */
  async #shutdown(message: string): Promise<void> {
    this.#refused = message;
    this.#log.error({ message }, 'the master refuses this agent; ending its tasks');
    await this.#link?.stop();
    await this.#tasks?.killAll();
    await this.#tasks?.wipeEnded();
    await this.#checkpoints?.forgetAgent();
  }

  async #leaveForGood(tasks: Tasks): Promise<void> {
    const { clock } = this.#parts;
    await tasks.killAll();
    for (let waited = 0; waited < FLUSH_MS && tasks.live.length > 0; waited += FLUSH_STEP_MS) {
      if (!this.#link?.connected) break;
      await sleep(clock, FLUSH_STEP_MS);
    }
    const goodbye: AgentCall = { type: 'UNREGISTER', agent_id: { value: this.#agentId ?? '' } };
    const heard = (await this.#link?.send(goodbye, UNREGISTER_TIMEOUT_MS)) ?? false;
    if (!heard) return; // the next start tells the ends that nobody heard
    await tasks.wipeEnded();
    await this.#checkpoints?.forgetAgent();
  }

  async #collect(): Promise<void> {
    const { config, clock } = this.#parts;
    const live = new Set(this.#tasks?.live.map((run) => run.place.containerId));
    try {
      const root = new Layout(config.workDir).sandboxes;
      const old = await oldSandboxes(root, clock, config.gcDelaySeconds * 1000, (p) =>
        live.has(p.containerId),
      );
      for (const place of old) {
        await this.#checkpoints?.removeSandbox(place);
        this.#counts.sandboxesCollected++;
      }
    } catch (error) {
      this.#log.warn({ error }, 'old sandboxes were not collected');
    }
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
        return agent.#tasks?.live ?? [];
      },
      get completed() {
        return agent.#tasks?.completed ?? [];
      },
    };
  }
}
