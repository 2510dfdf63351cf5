import { basicHeaders } from '../../core/config/principal.ts';
import { steadyClock } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { TlsOptions } from '../../core/http/client.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { Sockets } from '../../core/http/sockets.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { FrameworkInfo } from '../../mesos/index.ts';
import type {
  CallOutcome,
  SchedulerCall,
  SchedulerEvent,
  SchedulerHandler,
  Subscription,
} from '../driver/index.ts';
import { SchedulerDriver } from '../driver/index.ts';
import { AppRegistry } from './apps/registry.ts';
import type { MarathonConfig } from './config.ts';
import { Changes } from './deployments/changes.ts';
import { Deployments } from './deployments/deployments.ts';
import { EventBus } from './events/bus.ts';
import { HealthChecks } from './health/health-checks.ts';
import type { Prober } from './health/probe.ts';
import { Instances } from './instances/instances.ts';
import { Kills } from './instances/kills.ts';
import { Reconciliation } from './instances/reconciliation.ts';
import { StatusUpdates } from './instances/status-updates.ts';
import { Launcher } from './offers/launcher.ts';
import { Orchestrator } from './orchestrator.ts';
import { frameworkInfo } from './framework-info.ts';
import { OfferFlow } from './offers/offer-flow.ts';
import { LaunchQueue } from './queue/launch-queue.ts';
import { Records } from './records.ts';
import { ServiceDeclarations } from './services.ts';
import type { Store } from '../../store/index.ts';

export interface SchedulerParts {
  readonly config: MarathonConfig;
  readonly tls?: MutualTls | undefined;
  /** How Consul is spoken to where masters are found there by https (`consuls:`). */
  readonly consulTls?: TlsOptions | undefined;
  /** Towards the master; those of the machine unless told otherwise. */
  readonly sockets?: Sockets | undefined;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly prober: Prober;
  /** URL of our own API, for the master's pages; known once it listens. */
  readonly webUiUrl: () => string;
}

/** The scheduler: what is wanted, what is there, and the connection to the master between them. */
export class Scheduler implements SchedulerHandler {
  readonly #parts: SchedulerParts;
  /** What is measured from one time to another; the machine's own clock dates what people see. */
  readonly #steady: Clock;
  readonly #records: Records;
  readonly registry: AppRegistry;
  readonly instances: Instances;
  readonly queue: LaunchQueue;
  readonly events: EventBus;
  readonly deployments: Deployments;
  readonly health: HealthChecks;
  readonly kills: Kills;
  readonly statuses: StatusUpdates;
  readonly reconciliation: Reconciliation;
  readonly launcher: Launcher;
  readonly changes: Changes;
  readonly driver: SchedulerDriver;
  readonly #services: ServiceDeclarations;
  readonly #orchestrator: Orchestrator;
  readonly #offerFlow: OfferFlow;
  #master: string | undefined;

  constructor(parts: SchedulerParts) {
    const { config, clock: wall, random, log } = parts;
    this.#parts = parts;
    const clock = steadyClock(wall);
    this.#steady = clock;
    const kick = (): void => this.#orchestrator.kick();
    const call = (c: SchedulerCall): void => void this.call(c);
    this.#records = new Records(parts.store, log);
    const records = this.#records;
    this.registry = new AppRegistry(records, config.maxVersionsPerApp);
    this.instances = new Instances(records);
    this.queue = new LaunchQueue(clock);
    this.events = new EventBus(wall, log);
    this.deployments = new Deployments(records, this.events);
    const shared = {
      instances: this.instances,
      queue: this.queue,
      events: this.events,
      clock,
      random,
      log,
      kick,
    };
    this.health = new HealthChecks({
      ...shared,
      prober: parts.prober,
      firstIntervalMs: config.firstHealthCheckIntervalSeconds * 1000,
      kill: (taskId, reason) => {
        this.kills.kill(taskId, reason);
        kick();
      },
    });
    this.kills = new Kills({ ...shared, records, retryMs: config.killRetrySeconds * 1000, call });
    this.reconciliation = new Reconciliation({
      ...shared,
      intervalMs: config.reconciliationIntervalSeconds * 1000,
      unknownGraceMs: config.unknownTaskGraceSeconds * 1000,
      call,
    });
    this.statuses = new StatusUpdates({
      ...shared,
      health: this.health,
      kills: this.kills,
      reconciliation: this.reconciliation,
      call,
    });
    this.#offerFlow = new OfferFlow({ ...shared, call: (c) => this.call(c) });
    this.launcher = this.#createLauncher();
    this.changes = new Changes({
      ...shared,
      clock: wall,
      registry: this.registry,
      deployments: this.deployments,
      maxRunningDeployments: config.maxRunningDeployments,
    });
    this.#services = new ServiceDeclarations({
      registry: this.registry,
      clock,
      unhealthy: () => this.health.foundUnhealthy(this.instances.all()),
      send: () =>
        this.call({ type: 'UPDATE_FRAMEWORK', update_framework: { framework_info: this.frameworkInfo() } }),
    });
    this.events.subscribe(({ eventType }) => {
      if (eventType === 'health_status_changed_event') this.#services.judged();
    });
    this.#orchestrator = new Orchestrator({
      ...shared,
      registry: this.registry,
      deployments: this.deployments,
      health: this.health,
      kills: this.kills,
      launchTimeoutMs: config.taskLaunchTimeoutSeconds * 1000,
      expunge: (i) => this.statuses.giveUp(i, 'TASK_UNREACHABLE', 'its agent has been away for too long'),
      demand: (waiting, rose) => {
        this.#services.check();
        this.#offerFlow.demand(waiting, rose);
      },
    });
    this.driver = this.#createDriver();
  }

  #createLauncher(): Launcher {
    const { config, random, log } = this.#parts;
    return new Launcher({
      ...config,
      queue: this.queue,
      instances: this.instances,
      clock: this.#steady,
      random,
      log,
      call: (c) => this.call(c),
      notLaunched: (instances, message) => {
        for (const i of instances) this.statuses.giveUp(i, 'TASK_DROPPED', message);
      },
      perhapsLaunched: (instances) => this.reconciliation.ask(instances.map((i) => i.taskId)),
    });
  }

  #createDriver(): SchedulerDriver {
    const { config, clock, random, log } = this.#parts;
    const records = this.#records;
    return new SchedulerDriver({
      master: config.master,
      login: basicHeaders(config),
      tls: this.#parts.tls,
      consulTls: this.#parts.consulTls,
      sockets: this.#parts.sockets,
      ids: {
        load: async () => ((await records.get('framework')) as { id: string } | undefined)?.id,
        save: (id) => (id === undefined ? records.delete('framework') : records.put('framework', { id })),
      },
      handler: this,
      clock,
      random,
      log,
    });
  }

  /** Load what was wanted, what ran, and the deployments that were cut off. */
  async load(): Promise<void> {
    await this.registry.load();
    await this.instances.load();
    for (const deployment of await this.deployments.load()) {
      // The deployment was written before the apps it changes; make sure that these say the same.
      for (const [id, app] of Object.entries(deployment.target)) {
        if (app) await this.registry.put(app);
        else await this.registry.remove(id);
      }
    }
  }

  /** Begin to work. Resolves before a master has answered. */
  async connect(): Promise<void> {
    for (const instance of this.instances.all())
      if (instance.state === 'TASK_RUNNING') this.health.watch(instance);
    await this.driver.start();
  }

  /** Leave without a teardown: tasks go on, and the framework comes back with the same id. */
  async stop(): Promise<void> {
    this.#orchestrator.stop();
    this.reconciliation.stop();
    this.statuses.stop();
    this.#services.stop();
    this.#offerFlow.stop();
    this.health.stop();
    await this.driver.stop();
    await this.#records.settled();
  }

  call(call: SchedulerCall): Promise<CallOutcome> {
    return this.driver.call(call);
  }

  nowMs(): number {
    return this.#parts.clock.now();
  }

  get master(): string | undefined {
    return this.#master;
  }

  /** Look at everything anew (the API has changed something). */
  kick(): void {
    this.#orchestrator.kick();
  }

  frameworkInfo(): FrameworkInfo {
    return frameworkInfo(this.#parts.config, this.#parts.webUiUrl(), this.#services.current());
  }

  onSubscribed(subscription: Subscription): void {
    this.#master = subscription.master;
    this.#offerFlow.subscribed();
    this.events.publish(subscription.again ? 'scheduler_reregistered_event' : 'scheduler_registered_event', {
      frameworkId: subscription.frameworkId,
      master: subscription.master,
    });
    this.reconciliation.subscribed();
    for (const i of this.instances.all()) if (i.killing !== undefined) this.kills.send(i);
    this.#services.check();
    this.#orchestrator.start();
  }

  onDisconnected(_reason: string): void {
    this.#master = undefined;
    this.reconciliation.stop();
    this.#orchestrator.stop();
    this.events.publish('scheduler_disconnected_event', {});
  }

  onEvent(event: SchedulerEvent): void {
    try {
      this.#handle(event);
    } catch (error) {
      this.#parts.log.error({ error: errorText(error), event: event.type }, 'an event could not be handled');
    }
  }

  #handle(event: SchedulerEvent): void {
    switch (event.type) {
      case 'OFFERS':
        this.launcher.handle(event.offers.offers);
        this.#orchestrator.kick();
        return;
      case 'UPDATE':
        this.statuses.handle(event.update.status);
        return;
      case 'MESSAGE':
        this.events.publish('framework_message_event', {
          executorId: event.message.executor_id.value,
          slaveId: event.message.agent_id.value,
          message: event.message.data,
        });
        return;
      case 'ERROR':
        this.#parts.log.error({ message: event.error.message }, 'the master reports an error');
        return;
      case 'FAILURE': // the master reports each task of a lost agent by itself
      case 'RESCIND': // offers are never held, so there is nothing to give back
      case 'SUBSCRIBED':
      case 'HEARTBEAT':
        return;
    }
  }
}
