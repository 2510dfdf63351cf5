import type { ModelTask } from '../model/index.ts';
import { sameValue } from '../model/index.ts';
import type { Address, CatalogAgent, CatalogNetwork, CatalogPort, CatalogTask, Instance } from './types.ts';

/**
 * A task with what its agent and framework say about it, and the instance of a service that it is: one object for both,
 * which shows what the model has instead of copying it. There may be 100,000 of them.
 */
export class LiveTask implements CatalogTask, Instance {
  readonly frameworkName: string;
  /** As it was when this was made; what tasks show of it is the same until they are made anew. */
  readonly #agent: CatalogAgent;
  /** What the model says; replaced by `adopt` only. */
  model: ModelTask;

  constructor(model: ModelTask, agent: CatalogAgent, frameworkName: string) {
    this.model = model;
    this.frameworkName = frameworkName;
    this.#agent = agent;
  }

  get agentHostname(): string {
    return this.#agent.hostname;
  }
  get agentIps(): readonly string[] {
    return this.#agent.ips;
  }

  /** Stand for a newer `model` that shows the same. */
  adopt(model: ModelTask): void {
    this.model = model;
  }

  get key(): string {
    return this.model.key;
  }
  get id(): string {
    return this.model.id;
  }
  get name(): string {
    return this.model.name;
  }
  get frameworkId(): string {
    return this.model.frameworkId;
  }
  get agentId(): string {
    return this.model.agentId;
  }
  get state(): CatalogTask['state'] {
    return this.model.state;
  }
  get healthy(): boolean | undefined {
    return this.model.running?.healthy;
  }
  get hasHealthCheck(): boolean {
    return this.model.hasHealthCheck;
  }
  get netinfoIps(): readonly string[] {
    return this.model.running?.netinfoIps ?? NOTHING;
  }
  get dockerIps(): readonly string[] {
    return this.model.running?.dockerIps ?? NOTHING;
  }
  get mesosIps(): readonly string[] {
    return this.model.running?.mesosIps ?? NOTHING;
  }
  get networks(): readonly CatalogNetwork[] {
    return this.model.running?.networks ?? NOTHING;
  }
  get ports(): readonly number[] {
    return this.model.ports;
  }
  get discovery(): CatalogTask['discovery'] {
    return this.model.discovery;
  }
  get labels(): ReadonlyMap<string, string> {
    return this.model.labels;
  }
  get startedAtMs(): number {
    return this.model.startedAtMs;
  }

  get taskKey(): string {
    return this.model.key;
  }
  get taskId(): string {
    return this.model.id;
  }
  get host(): string {
    return this.agentHostname;
  }
  get zone(): string | undefined {
    return this.#agent.zone;
  }
  get phase(): Instance['phase'] {
    if (this.state === 'TASK_RUNNING') return 'up';
    return this.state === 'TASK_KILLING' ? 'draining' : 'waiting';
  }
  get addresses(): readonly (Address | undefined)[] {
    return addressesOf(this);
  }
}

/** A task that its scheduler has a verdict on, from checks of its own. */
export class JudgedTask extends LiveTask {
  readonly #alive: boolean;

  constructor(
    model: ModelTask,
    agent: CatalogAgent,
    framework: { readonly name: string; readonly alive: boolean },
  ) {
    super(model, agent, framework.name);
    this.#alive = framework.alive;
  }

  /** One that says no is enough. */
  override get healthy(): boolean | undefined {
    return super.healthy === false ? false : this.#alive;
  }
}

const NOTHING: readonly never[] = Object.freeze([]);

const SHOWN: readonly (keyof CatalogTask)[] = [
  'name',
  'frameworkName',
  'agentId',
  'agentHostname',
  'state',
  'healthy',
  'hasHealthCheck',
  'agentIps',
  'netinfoIps',
  'dockerIps',
  'mesosIps',
  'networks',
  'ports',
  'discovery',
  'labels',
  'startedAtMs',
];

/** Whether two versions of one task show the same. */
export function sameTask(a: LiveTask, b: LiveTask): boolean {
  return a.zone === b.zone && SHOWN.every((field) => sameValue(a[field], b[field]));
}

const SHOWN_OF_INSTANCE: readonly (keyof LiveTask)[] = [
  'key',
  'agentId',
  'host',
  'phase',
  'healthy',
  'addresses',
  'startedAtMs',
  'labels',
  'zone',
];

export function sameInstance(a: LiveTask, b: LiveTask): boolean {
  return a === b || SHOWN_OF_INSTANCE.every((field) => sameValue(a[field], b[field]));
}

/** The name of the service that a task belongs to. */
export function serviceName(task: CatalogTask): string {
  return task.discovery?.name || task.name;
}

/** The service ports as this task shows them: discovery's, else its port resources without name. */
export function portsOf(task: CatalogTask): readonly CatalogPort[] {
  const discovered = task.discovery?.ports ?? NOTHING;
  if (discovered.length > 0) return discovered;
  return task.ports.map((number) => ({ number, name: '', protocol: '', labels: NO_LABELS }));
}

const NO_LABELS: ReadonlyMap<string, string> = new Map();

function addressesOf(task: CatalogTask): readonly (Address | undefined)[] {
  const agentIp = task.agentIps[0];
  const discovered = task.discovery?.ports ?? NOTHING;
  if (discovered.length === 0) return task.ports.map((port) => address(agentIp, port));
  const ownIp = task.netinfoIps[0];
  const hasOwnPorts = task.ports.length === 0 && ownIp !== undefined;
  return discovered.map((port) => {
    const inContainer = port.labels.get('network-scope') === 'container' || hasOwnPorts;
    return address(inContainer ? ownIp : agentIp, port.number);
  });
}

function address(ip: string | undefined, port: number): Address | undefined {
  return ip !== undefined && port >= 1 && port <= 65_535 ? { ip, port } : undefined;
}
