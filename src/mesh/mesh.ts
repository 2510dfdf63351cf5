import { sleep } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { IdentitySource, TaskFacts } from '../core/identity.ts';
import type { Component } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { readMeshLabels } from '../core/mesh-labels.ts';
import type { UpstreamWish } from '../core/mesh-labels.ts';
import type {
  ControlGroup,
  GuardedPort,
  MeshPort,
  MeshTask,
  TaskMesh,
  TaskWiring,
  WiredUpstream,
} from '../core/mesh.ts';
import type { Metrics } from '../core/metrics.ts';
import type { PolicySource } from '../core/policy/types.ts';
import type { Random } from '../core/random.ts';
import type { Unsubscribe } from '../core/subscribers.ts';
import { realCommands } from '../net/index.ts';
import type { RunCommand } from '../net/index.ts';
import type { MeshConfig } from './config.ts';
import { meshErrors } from './errors.ts';
import { meshPlaneInThread } from './link.ts';
import type { MeshLink, StartMeshPlane } from './link.ts';
import { exposeCounts, exposeServices } from './metrics.ts';
import { MeshCounts, countsMemory } from './plane/counts.ts';
import type { EndpointSpec, GuardSpec, MeshOrder, MeshWord, OutletSpec } from './plane/messages.ts';
import { PortRange } from './ports.ts';
import type { IsFree } from './ports.ts';
import { Services } from './services.ts';
import type { FollowServices, KnownServices } from './services.ts';
import { upstreamKey } from './upstreams.ts';
import { VipCalls } from './vips/calls.ts';
import { removalScript } from './vips/rules.ts';

type TaskKey = Pick<TaskFacts, 'frameworkId' | 'taskId'>;

export interface MeshParts {
  readonly config: MeshConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The identity of a task, once it has been provided. */
  readonly sourceOf: (task: TaskKey) => IdentitySource | undefined;
  /** Who may call which service; absent: everybody who has an identity. */
  readonly policy?: PolicySource | undefined;
  /** Name of an nftables table that nobody else uses, for the redirects of calls to VIPs. */
  readonly table: string;
  /** How services get to be known when the first task asks for them; absent: `follow` says what is known, or nothing is. */
  readonly services?: FollowServices | undefined;
  /** For tests; or why there is none. Else where this process may change the rules of the kernel. */
  readonly nft?: RunCommand | string;
  /** For tests; else on a thread. */
  readonly startPlane?: StartMeshPlane;
  readonly isFree?: IsFree;
}

/** Mutual TLS on behalf of tasks: guards before their ports, and local ports at which they reach services. */
export interface Mesh extends Component, TaskMesh {
  /** From now on services are known. Once, and before tasks start that call some. */
  follow(known: KnownServices): void;
}

export function createMesh(parts: MeshParts): Mesh {
  return new TheMesh(parts);
}

/** What is open for a task, told to each plane anew. */
interface Wish {
  readonly guards: readonly GuardSpec[];
  readonly outlets: readonly OutletSpec[];
  readonly upstreams: readonly WiredUpstream[];
  /** Of our range. */
  readonly ports: readonly number[];
}

interface OpenTask extends Wish {
  readonly source: IdentitySource;
  readonly unsubscribe: Unsubscribe;
}

/** Between the end of a plane that died and the start of the next. */
const RESTART_MS = 500;
const keyOf = ({ frameworkId, taskId }: TaskKey): string => `${frameworkId}/${taskId}`;
/** The outlet by which a task calls VIPs comes and goes by itself, and asks by itself for what is known of services. */
const vipKeyOf = (task: TaskKey): string => `${keyOf(task)} vips`;

class TheMesh implements Mesh {
  readonly name = 'mesh';
  readonly #parts: MeshParts;
  readonly #range: PortRange;
  readonly #memory = countsMemory();
  readonly #tasks = new Map<string, OpenTask>();
  /** Ports of our range that tasks have until their end, also those whose listeners could not be opened. */
  readonly #ports = new Map<string, readonly number[]>();
  readonly #waiting = new Map<number, (problem: string | undefined) => void>();
  readonly #services: Services;
  #unfollowPolicy: Unsubscribe | undefined;
  #plane: Promise<MeshLink> | undefined;
  #link: MeshLink | undefined;
  #sequence = 0;
  #stopped = false;

  constructor(parts: MeshParts) {
    this.#parts = parts;
    this.#range = new PortRange(parts.config, parts.random, parts.isFree);
    exposeCounts(parts.metrics, new MeshCounts(this.#memory), () => this.#size);
    const { clock, log, services: follow } = parts;
    this.#services = new Services({
      clock,
      log,
      follow,
      tell: (upstream, endpoints) => this.#send({ kind: 'endpoints', upstream, endpoints }),
      callsOf: (known) => this.#callsOf(known),
    });
    exposeServices(parts.metrics, this.#services);
  }

  async start(): Promise<void> {
    this.#unfollowPolicy = this.#parts.policy?.onChange(() => this.#tellPolicy());
    if (this.#asksForVips) await this.#removeLeft();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unfollowPolicy?.();
    await this.#services.stop();
    for (const { unsubscribe } of this.#tasks.values()) unsubscribe();
    await (await this.#plane?.catch(() => undefined))?.stop();
  }

  follow(known: KnownServices): void {
    this.#services.begin(known);
  }

  #callsOf({ catalog, vips, idOf }: KnownServices): VipCalls | undefined {
    const { clock, log, table, config, nft = nftOf(clock) } = this.#parts;
    if (vips === undefined || config.vips === 'off') return undefined;
    const tell = (upstream: string, endpoints: readonly EndpointSpec[]): void =>
      this.#send({ kind: 'endpoints', upstream, endpoints });
    const openOutlet = (task: MeshTask): Promise<number> => this.#openVips(task);
    return new VipCalls({ catalog, vips, idOf, clock, log, table, nft, tell, openOutlet });
  }

  async plan(task: MeshTask): Promise<TaskWiring | undefined> {
    const wishes = readMeshLabels(task.labels);
    if (typeof wishes === 'string') throw meshErrors.MESH_BAD_LABEL({ problem: wishes });
    const { mode, upstreams: wanted } = wishes;
    const ports = mode === 'off' ? [] : guardable(task.ports);
    if (ports.length === 0 && wanted.length === 0) return undefined;
    const taken: number[] = [];
    const take = async (): Promise<number> => {
      const port = await this.#range.take();
      taken.push(port);
      return port;
    };
    try {
      const guarded: GuardedPort[] = [];
      for (const { number: published } of ports) guarded.push({ published, own: await take() });
      const upstreams: WiredUpstream[] = [];
      for (const wish of wanted) upstreams.push({ ...keyed(wish, task), local: await take() });
      this.#ports.set(keyOf(task), taken);
      return { mode, guarded, upstreams };
    } catch (error) {
      for (const port of taken) this.#range.give(port);
      throw error;
    }
  }

  async open(task: MeshTask, wiring: TaskWiring): Promise<void> {
    const { mode, guarded, upstreams } = wiring;
    const { ip: host, service } = task;
    const ports = [...guarded.map(({ own }) => own), ...upstreams.map(({ local }) => local)];
    for (const port of ports) this.#range.keep(port);
    this.#ports.set(keyOf(task), ports);
    const guards = guarded.flatMap(({ published: port, own }) =>
      mode === 'off' ? [] : [{ host, port, own, mode, service }],
    );
    const outlets = upstreams.map((upstream) => ({ port: upstream.local, upstream: upstreamKey(upstream) }));
    await this.#begin(keyOf(task), task, { guards, outlets, upstreams, ports });
  }

  async enter(task: MeshTask, group: ControlGroup): Promise<void> {
    try {
      if (this.#asksForVips) await (await this.#services.ask(vipKeyOf(task))).first;
      await this.#services.current?.calls?.enter(keyOf(task), task, group);
    } catch (error) {
      const { taskId } = task;
      this.#parts.log.error({ error: errorText(error), taskId }, 'services are not known to a task');
    }
  }

  close(task: TaskKey): void {
    this.#services.current?.calls?.leave(keyOf(task));
    for (const key of [keyOf(task), vipKeyOf(task)]) {
      this.#end(key);
      this.#services.leave(key);
    }
    for (const port of this.#ports.get(keyOf(task)) ?? []) this.#range.give(port);
    this.#ports.delete(keyOf(task));
  }

  /** The port at which a task reaches VIPs. */
  async #openVips(task: MeshTask): Promise<number> {
    const key = vipKeyOf(task);
    this.#end(key);
    const port = await this.#range.take();
    try {
      const outlets = [{ port, upstream: undefined }];
      await this.#begin(key, task, { guards: [], outlets, upstreams: [], ports: [port] });
      return port;
    } catch (error) {
      this.#range.give(port);
      throw error;
    }
  }

  /** Open all that is wished for under this key, in place of what is. */
  async #begin(key: string, task: MeshTask, wish: Wish): Promise<void> {
    const source = this.#parts.sourceOf(task);
    if (source === undefined) throw meshErrors.MESH_NO_IDENTITY();
    const services = wish.upstreams.length > 0 ? await this.#services.ask(key) : undefined;
    await this.#running();
    this.#forget(key);
    const unsubscribe = source.onChange((identity) => this.#send({ kind: 'identity', task: key, identity }));
    const opened = { ...wish, source, unsubscribe };
    this.#tasks.set(key, opened);
    for (const upstream of wish.upstreams) services?.upstreams.want(upstream);
    const problem = await this.#open(key, opened);
    // guards stand by now; a task that starts shall find whom it calls
    if (problem === undefined) return services?.first;
    if (this.#tasks.get(key) === opened) this.#forget(key);
    throw meshErrors.MESH_LISTEN({ problem });
  }

  /** Where services are followed for tasks that ask, those ask that may call VIPs without a label: all in groups, if that is wanted. */
  get #asksForVips(): boolean {
    return this.#parts.services !== undefined && this.#parts.config.vips === 'on';
  }

  /** The redirects of a predecessor that was killed: their ports may become those of other tasks before somebody asks for services. */
  async #removeLeft(): Promise<void> {
    const { clock, table, log, nft = nftOf(clock) } = this.#parts;
    if (typeof nft === 'string') return;
    const { ok, problem } = await nft(['nft', '-f', '-'], removalScript(table));
    if (!ok) log.warn({ problem }, 'redirects that an earlier agent may have left could not be removed');
  }

  #end(key: string): void {
    const opened = this.#tasks.get(key);
    if (!opened) return;
    this.#forget(key);
    this.#send({ kind: 'close', task: key });
    for (const port of opened.ports) this.#range.give(port);
  }

  get #size(): number {
    return new Set([...this.#tasks.values()].map(({ source }) => source)).size;
  }

  #forget(key: string): void {
    const opened = this.#tasks.get(key);
    if (!opened) return;
    this.#tasks.delete(key);
    opened.unsubscribe();
    for (const upstream of opened.upstreams) this.#services.current?.upstreams.leave(upstream);
  }

  /** What could not be opened, in words; undefined: all is open. */
  #open(task: string, { source, guards, outlets }: OpenTask): Promise<string | undefined> {
    const sequence = ++this.#sequence;
    return new Promise((resolve) => {
      this.#waiting.set(sequence, resolve);
      this.#send({ kind: 'open', task, sequence, identity: source.current, guards, outlets });
    });
  }

  #send(order: MeshOrder): void {
    this.#link?.send(order);
  }

  #tellPolicy(): void {
    this.#send({ kind: 'policy', policy: this.#parts.policy?.part('call') });
  }

  /** The first task starts it: who has none pays nothing. */
  #running(): Promise<MeshLink> {
    this.#plane ??= this.#startPlane().catch((error: unknown) => {
      this.#plane = undefined;
      throw error;
    });
    return this.#plane;
  }

  async #startPlane(): Promise<MeshLink> {
    const { config, log, startPlane = meshPlaneInThread(config.engine, log) } = this.#parts;
    new MeshCounts(this.#memory).reset();
    const setup = {
      counts: this.#memory,
      handshakeMs: config.handshakeSeconds * 1000,
      connectMs: config.connectSeconds * 1000,
      idleMs: config.idleSeconds * 1000,
      maxConnections: config.maxConnections,
    };
    const link = await startPlane(
      setup,
      (word) => this.#onWord(word),
      (error) => void this.#died(error),
    );
    this.#link = link;
    this.#tellPolicy();
    this.#services.current?.upstreams.again();
    this.#services.current?.calls?.again();
    return link;
  }

  #onWord({ sequence, problem }: MeshWord): void {
    this.#waiting.get(sequence)?.(problem);
    this.#waiting.delete(sequence);
  }

  /** Tasks go on without us, so there is another plane as soon as may be. */
  async #died(error: Error | undefined): Promise<void> {
    this.#link = undefined;
    this.#plane = undefined;
    for (const resolve of this.#waiting.values()) resolve('what carries connections has ended');
    this.#waiting.clear();
    if (this.#stopped) return;
    const { clock, log } = this.#parts;
    log.error({ error }, 'what carries the connections of tasks has died; starting it again');
    while (!this.#stopped) {
      await sleep(clock, RESTART_MS);
      // A thread that is started now would never be told to end.
      if (this.#stopped) return;
      try {
        await this.#running();
        break;
      } catch (again) {
        log.error({ error: again }, 'what carries the connections of tasks does not start');
      }
    }
    for (const [key, opened] of this.#tasks) {
      const problem = await this.#open(key, opened);
      if (problem !== undefined) log.error({ task: key, problem }, 'a task cannot be reached');
    }
  }
}

/** The ports of a task that carry TCP. */
function guardable(ports: readonly MeshPort[]): readonly MeshPort[] {
  const both = ports.find(({ protocol }) => /udp/.test(protocol) && protocol !== 'udp');
  if (both) throw meshErrors.MESH_UDP({ port: both.number });
  return ports.filter(({ protocol }) => protocol !== 'udp');
}

function keyed({ service, port, variable }: UpstreamWish, task: MeshTask): Omit<WiredUpstream, 'local'> {
  return { service: service.includes('/') ? service : `${task.frameworkName}/${service}`, port, variable };
}

/** Rules of the kernel are changed by nft(8), as root on Linux. */
function nftOf(clock: Clock): RunCommand | string {
  if (process.platform !== 'linux') return 'this is not Linux';
  return process.getuid?.() === 0 ? realCommands(clock, process.env) : 'the agent does not run as root';
}
