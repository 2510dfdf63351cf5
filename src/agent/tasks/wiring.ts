import type { Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { readMeshLabels } from '../../core/mesh-labels.ts';
import type { ControlGroup, MeshTask, TaskWiring } from '../../core/mesh.ts';
import { taskFacts } from '../../mesos/index.ts';
import type { CheckInfo, FrameworkInfo, HealthCheck, TaskInfo } from '../../mesos/index.ts';
import type { JournalRecord, TaskPlace } from '../checkpoint/records.ts';
import { agentErrors } from '../errors.ts';
import type { TaskContext } from './context.ts';

/** How soon it is tried again to open the listeners of a task that runs. */
const RETRY_MS = 1_000;
/** Variables that tell a task its ports: those of Marathon. */
const PORT_VARIABLE = /^PORT(S|\d+|_.+)?$/;
/** Tasks that have a guard listen where nobody else comes. */
const OWN_HOST = '127.0.0.1';

/** The listeners by which mutual TLS is spoken on behalf of one task, where its labels ask for it. */
export class Wiring {
  readonly #context: TaskContext;
  readonly #task: MeshTask;
  /** Of its container. */
  readonly #network: string;
  #wiring: TaskWiring | undefined;
  #group: ControlGroup | undefined;
  #retry: Timer | undefined;
  #over = false;

  constructor(context: TaskContext, place: TaskPlace, framework: FrameworkInfo, task: TaskInfo) {
    this.#context = context;
    this.#network = task.container?.docker?.network ?? 'HOST';
    this.#task = {
      ...taskFacts(place.agentId, framework, task),
      service: `${framework.name}/${task.discovery?.name ?? task.name}`,
      ip: context.advertiseIp,
      ports: portsOf(task),
    };
  }

  /**
   * Open what the labels ask for, once it is on disk what that is. Rejects when it cannot be had: a task that is to be guarded does not run
   * without.
   */
  async begin(persist: (wiring: TaskWiring) => Promise<void>): Promise<void> {
    const { mesh } = this.#context;
    const wiring = mesh ? await mesh.plan(this.#task) : nothingAskedOf(this.#task);
    if (!mesh || !wiring) return;
    this.#wiring = wiring;
    try {
      // the engine would publish the ports of the task itself, and its 127.0.0.1 is not that of its listeners
      if (this.#network !== 'HOST') throw agentErrors.AGENT_MTLS_NETWORK({ network: this.#network });
      await persist(wiring);
      await mesh.open(this.#task, wiring);
    } finally {
      if (this.#over) mesh.close(this.#task);
    }
  }

  /** The container is there and waits for its start: what it will say to VIPs of guarded services goes by mutual TLS. */
  async enter(group: ControlGroup | undefined): Promise<void> {
    const { mesh } = this.#context;
    this.#group = group;
    if (mesh && group && !this.#over) await mesh.enter(this.#task, group);
    if (this.#over) mesh?.close(this.#task);
  }

  /** What an earlier agent process had opened; it knows the ports from now on. */
  recall(records: readonly JournalRecord[]): void {
    this.#wiring = records.find((r) => r.type === 'WIRED')?.wiring;
    this.#group = records.find((r) => r.type === 'FORKED')?.checkpoint.group;
  }

  /** Open it again, however long that takes: the task runs on meanwhile. */
  async reopen(): Promise<void> {
    const [{ mesh, log, clock }, wiring] = [this.#context, this.#wiring];
    if (!mesh || this.#over) return;
    try {
      if (wiring) await mesh.open(this.#task, wiring);
      await this.enter(this.#group);
    } catch (error) {
      log.error({ error: errorText(error), taskId: this.#task.taskId }, 'a task that runs cannot be reached');
      this.#retry = clock.after(RETRY_MS, () => void this.reopen());
    }
  }

  /** The task has ended. */
  close(): void {
    this.release();
    this.#context.mesh?.close(this.#task);
  }

  /** Try no more. */
  release(): void {
    this.#over = true;
    this.#retry?.cancel();
  }

  /** The environment of the task, with its own ports in place of those that are guarded, and where it reaches others. */
  environment(environment: Record<string, string>): Record<string, string> {
    const { guarded, upstreams } = this.#wiring ?? { guarded: [], upstreams: [] };
    const own = new Map(guarded.map((port) => [String(port.published), String(port.own)]));
    const told = Object.entries(environment).map(([name, value]) =>
      PORT_VARIABLE.test(name)
        ? [
            name,
            value
              .split(',')
              .map((port) => own.get(port) ?? port)
              .join(),
          ]
        : [name, value],
    );
    return {
      ...(Object.fromEntries(told) as Record<string, string>),
      ...(guarded.length > 0 && 'HOST' in environment ? { HOST: OWN_HOST } : {}),
      ...Object.fromEntries(upstreams.map(({ variable, local }) => [variable, `${OWN_HOST}:${local}`])),
    };
  }

  /** A check, at the port where the task itself listens. */
  check<C extends Pick<HealthCheck, 'http' | 'tcp'> | CheckInfo>(check: C | undefined): C | undefined {
    const own = (port: number): number =>
      this.#wiring?.guarded.find(({ published }) => published === port)?.own ?? port;
    if (check?.http) return { ...check, http: { ...check.http, port: own(check.http.port) } };
    return check?.tcp ? { ...check, tcp: { ...check.tcp, port: own(check.tcp.port) } } : check;
  }
}

/** Throws where the labels ask for something, which nobody here can give. */
function nothingAskedOf({ labels }: MeshTask): undefined {
  if (asksForMtls(labels)) throw agentErrors.AGENT_NO_MTLS();
}

/** Why a task that the agent does not start itself cannot have what its labels ask for; undefined when they ask for nothing. */
export function mtlsProblem(task: TaskInfo): string | undefined {
  const labels = new Map((task.labels?.labels ?? []).map(({ key, value }) => [key, value ?? '']));
  return asksForMtls(labels) ? agentErrors.AGENT_NO_MTLS().message : undefined;
}

function asksForMtls(labels: MeshTask['labels']): boolean {
  const wishes = readMeshLabels(labels);
  return typeof wishes === 'string' || wishes.mode !== 'off' || wishes.upstreams.length > 0;
}

function portsOf({ resources, discovery }: TaskInfo): MeshTask['ports'] {
  const protocols = new Map(discovery?.ports?.ports?.map((port) => [port.number, port.protocol ?? '']));
  return resources
    .filter(({ name }) => name === 'ports')
    .flatMap(({ ranges }) => ranges?.range ?? [])
    .flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i))
    .map((number) => ({ number, protocol: protocols.get(number) ?? '' }));
}
