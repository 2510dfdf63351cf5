import { createAgent } from '../../src/agent/agent.ts';
import { agentConfigSchema } from '../../src/agent/config.ts';
import { createWatcher } from '../../src/cluster/watch/index.ts';
import type { ClusterEvent } from '../../src/cluster/watch/types.ts';
import { ClusterModel } from '../../src/cluster/model/index.ts';
import { errorText } from '../../src/core/errors.ts';
import { Health } from '../../src/core/health.ts';
import type { Sockets } from '../../src/core/http/sockets.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { AppEditor } from '../../src/frameworks/marathon/apps/editor.ts';
import { marathonConfigSchema } from '../../src/frameworks/marathon/index.ts';
import { Scheduler } from '../../src/frameworks/marathon/scheduler.ts';
import { createMaster } from '../../src/master/index.ts';
import { masterConfigSchema } from '../../src/master/config.ts';
import { MemoryCheckpoints } from '../../src/agent/testing/memory-checkpoints.ts';
import { parseResources } from '../../src/mesos/index.ts';
import { SimClient } from './client.ts';
import type { SimConsul } from './consul.ts';
import { Disk } from './disk.ts';
import type { Host } from './host.ts';
import type { Judge } from './judge.ts';
import type { Network } from './network.ts';
import { EPOCH_MS, SimProcess } from './process.ts';
import { SimApi } from './server.ts';
import type { MasterView } from './sums.ts';

/** How long a service manager waits. */
const STOP_MS = 15_000;
const NEVER_ANSWERS = new Promise<never>(() => {});

interface Surroundings {
  readonly network: Network;
  readonly judge: Judge;
  readonly masters: Masters;
}

/** How masters are found. */
export interface Masters {
  readonly names: readonly string[];
  /** As one writes it into a configuration. */
  readonly text: string;
  /** Where they are elected, if they are. */
  readonly consul: SimConsul | undefined;
}

/** A program on a machine: it can be started, killed and started again; its disk stays. */
export abstract class Node {
  readonly name: string;
  readonly disk: Disk;
  protected readonly around: Surroundings;
  process: SimProcess | undefined;
  /** Steps of its machine's clock, in sum. */
  #skewMs = 0;
  #lives = 0;
  /** How to end in an orderly way, once it runs. */
  protected stopper: (() => Promise<void>) | undefined;

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.around = around;
    this.disk = new Disk(around.network.world);
  }

  get skewMs(): number {
    return this.#skewMs;
  }

  /**
   * Its machine's clock is set. Not while the machine sleeps: with the monotonic clock standing still as well, nobody can know that
   * time has passed.
   */
  stepClock(ms: number): void {
    if (this.process?.asleep) return;
    this.around.network.world.say(this.name, `clock steps by ${(ms / 1000).toFixed(0)} s`);
    this.#skewMs += ms;
  }

  get up(): boolean {
    return this.process?.alive === true;
  }

  /** One that does not come up is tried again, as a service manager does. */
  start(): void {
    if (this.up) return;
    const { world } = this.around.network;
    const process = new SimProcess(world, this.name, this.name, () => this.skewMs);
    this.process = process;
    this.stopper = undefined;
    world.say(this.name, `starts (life ${++this.#lives})`);
    this.launch(process).catch((error: unknown) => {
      world.say(this.name, `does not come up: ${errorText(error)}`);
      process.die();
      world.after(1_000, () => this.start());
    });
  }

  /** kill -9 */
  crash(): void {
    if (!this.up) return;
    this.around.network.world.say(this.name, 'is killed');
    this.process?.die();
  }

  /** SIGTERM; SIGKILL for one that takes too long, as a service manager does. */
  stop(): void {
    const { process, stopper } = this;
    if (!process?.alive || !stopper) return this.crash();
    const { world } = this.around.network;
    world.say(this.name, 'is told to stop');
    this.stopper = undefined;
    const over = (how: string): void => {
      if (process.alive) world.say(this.name, how);
      process.die();
    };
    process.run(() => {
      stopper().then(
        () => over('has stopped'),
        (error: unknown) => world.violated(`${this.name} does not stop: ${errorText(error)}`),
      );
    });
    world.after(STOP_MS, () => over('takes too long to stop'));
  }

  /** Once whatever runs now is over. */
  restart(): void {
    if (this.process?.alive && this.stopper === undefined) this.process.atDeath(() => this.start());
    else this.start();
  }

  /** Whether a process of it may say anything but that others are to be asked. */
  protected mayAnswer(_process: SimProcess): boolean {
    return true;
  }

  protected abstract launch(process: SimProcess): Promise<void>;

  protected sockets(process: SimProcess): Sockets {
    const { network } = this.around;
    return {
      createClient: (options) => new SimClient(network, process, options),
      createApi: () => new SimApi().asApi(),
      listen: async (api, _host, port) => {
        const mayAnswer = (): boolean => this.mayAnswer(process);
        network.listen(`${this.name}:${port}`, { process, api: api as unknown as SimApi, mayAnswer });
        return port;
      },
    };
  }
}

export class MasterNode extends Node {
  readonly #ip: string;
  readonly #consul: SimConsul | undefined;
  #master: ReturnType<typeof createMaster> | undefined;

  constructor(name: string, ip: string, around: Surroundings) {
    super(name, around);
    this.#ip = ip;
    this.#consul = around.masters.consul;
    around.network.name(ip, name);
  }

  /** It is the one that was elected, if there was anything to elect. */
  get leads(): boolean {
    return this.up && (!this.#consul || this.#consul.leader === this.process);
  }

  protected override mayAnswer(process: SimProcess): boolean {
    return this.#consul?.mayAnswer(process) ?? true;
  }

  /** How many streams it has open. */
  get streams(): number {
    return this.around.network.listenerAt(`${this.name}:5050`)?.api.streams.size ?? 0;
  }

  /** What it would find if it were to begin anew. */
  get stored(): ReadonlyMap<string, string> {
    return (this.#consul ?? this.disk).stored;
  }

  /** What the master that runs believes. */
  get state(): MasterView | undefined {
    return this.up ? this.#master?.state : undefined;
  }

  protected async launch(process: SimProcess): Promise<void> {
    const { clock, random, log } = process;
    const consul = this.#consul;
    if (!consul) this.around.judge.newMaster();
    const store = consul ? consul.open(process, consul.client(process)) : this.disk.openStore(process);
    const master = createMaster({
      config: masterConfigSchema.parse({ advertiseIp: this.#ip, hostname: this.name }),
      store,
      clock,
      random,
      log,
      metrics: new Metrics(),
      health: new Health(),
      sockets: this.sockets(process),
    });
    this.#master = master;
    await master.start();
    this.stopper = async () => {
      await master.stop();
      await store.close();
    };
  }
}

export class AgentNode extends Node {
  readonly host: Host;
  readonly #ip: string;

  constructor(name: string, ip: string, host: Host, around: Surroundings) {
    super(name, around);
    this.host = host;
    this.#ip = ip;
  }

  /** As its operators call the machine. */
  get machine(): { readonly hostname: string; readonly ip: string } {
    return { hostname: this.name, ip: this.#ip };
  }

  /** What its clock says. */
  get nowMs(): number {
    return EPOCH_MS + this.around.network.world.now + this.skewMs;
  }

  protected async launch(process: SimProcess): Promise<void> {
    const { clock, random, log } = process;
    const { judge } = this.around;
    const agent = createAgent({
      config: agentConfigSchema.parse({
        workDir: '/',
        master: this.around.masters.text,
        hostname: this.name,
        advertiseIp: this.#ip,
      }),
      clock,
      random,
      log,
      metrics: new Metrics(),
      health: new Health(),
      machine: {
        sockets: this.sockets(process),
        openCheckpoints: async () =>
          new MemoryCheckpoints(
            this.disk,
            (change) => this.disk.write(process, change),
            (place, record) => judge.written(place, record),
          ),
        resources: async () => {
          const parsed = parseResources('cpus:4;mem:2048;disk:1000;ports:[31000-31019]');
          return parsed.ok ? parsed.value : [];
        },
        createLauncher: () => this.host.launcher(process),
        oldSandboxes: async () => [],
      },
    });
    await agent.start();
    this.stopper = () => agent.stop();
  }
}

export class MarathonNode extends Node {
  #scheduler: { readonly scheduler: Scheduler; readonly editor: AppEditor } | undefined;

  get marathon(): { readonly scheduler: Scheduler; readonly editor: AppEditor } | undefined {
    return this.up ? this.#scheduler : undefined;
  }

  protected async launch(process: SimProcess): Promise<void> {
    this.#scheduler = undefined;
    const { clock, random, log } = process;
    const config = marathonConfigSchema.parse({ master: this.around.masters.text });
    const scheduler = new Scheduler({
      config,
      store: this.disk.openStore(process),
      sockets: this.sockets(process),
      clock,
      random,
      log,
      prober: { http: () => NEVER_ANSWERS, tcp: () => NEVER_ANSWERS, close: async () => {} },
      webUiUrl: () => 'http://marathon:8080',
    });
    const handle = scheduler.onEvent.bind(scheduler);
    scheduler.onEvent = (event) => {
      if (event.type === 'UPDATE')
        this.around.judge.heard(scheduler.driver.frameworkId ?? '', event.update.status);
      handle(event);
    };
    await scheduler.load();
    await scheduler.connect();
    this.stopper = () => scheduler.stop();
    this.#scheduler = { scheduler, editor: new AppEditor(scheduler.registry, config) };
  }
}

/** Who follows the cluster, as the edge does. */
export class WatchNode extends Node {
  model = new ClusterModel();
  stale = true;

  protected async launch(process: SimProcess): Promise<void> {
    const { clock, random } = process;
    this.model = new ClusterModel();
    this.stale = true;
    const watcher = createWatcher({
      options: {
        masters: this.around.masters.names.map((name) => `${name}:5050`),
        mode: 'stream',
        https: false,
        refreshMs: 30_000,
        stateTimeoutMs: 30_000,
        heartbeatLossFactor: 2,
        auditMs: 30_000,
        streamRetryMs: 60_000,
      },
      clock,
      random,
      http: this.sockets(process).createClient(),
      observer: {
        onAttempt() {},
        onEvents() {},
        onEnd: (master, end) => process.log.info({ master, end }, 'watch ended'),
      },
      later: (f) => void clock.after(1, f),
    });
    void this.#follow(watcher.events(new AbortController().signal));
  }

  async #follow(events: AsyncIterable<ClusterEvent>): Promise<void> {
    for await (const event of events) {
      this.stale = event.kind === 'stale';
      if (event.kind === 'snapshot') this.model = ClusterModel.of(event.state);
      if (event.kind === 'delta') for (const change of event.changes) this.model.apply(change);
    }
  }
}
