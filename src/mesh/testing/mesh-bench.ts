import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Catalog, CatalogTask, CatalogVersion, Instance, Service } from '../../cluster/index.ts';
import { task as aTask } from '../../cluster/testing/index.ts';
import { VIPS_DOMAIN, Vips } from '../../cluster/vips/index.ts';
import { systemClock } from '../../core/clock.ts';
import { createLogger } from '../../core/log.ts';
import type { MeshTask, TaskWiring } from '../../core/mesh.ts';
import { Metrics } from '../../core/metrics.ts';
import type { Policy, PolicySource } from '../../core/policy/types.ts';
import { seededRandom } from '../../core/random.ts';
import { Subscribers } from '../../core/subscribers.ts';
import { freePorts } from '../../core/testing/free-ports.ts';
import { meshConfigSchema } from '../config.ts';
import type { MeshConfig } from '../config.ts';
import { createMesh } from '../mesh.ts';
import type { Mesh } from '../mesh.ts';
import type { FollowedServices } from '../services.ts';
import { FakeAuthority, TRUST_DOMAIN } from './fake-identities.ts';
import type { FakeIdentity } from './fake-identities.ts';

const fail = (error: unknown): never => {
  throw error;
};

/** A policy that a test changes. */
class FakePolicy implements PolicySource {
  readonly #listeners = new Subscribers<void>(fail);
  #policy: Policy | undefined;

  part(): Policy | undefined {
    return this.#policy;
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  set(policy: Policy | undefined): void {
    this.#policy = policy;
    this.#listeners.emit();
  }
}

/** A catalog of services whose instances are at ports of this machine. */
class FakeCatalog implements Catalog {
  readonly #listeners = new Subscribers<Parameters<Parameters<Catalog['onChange']>[0]>>(fail);
  readonly #services = new Map<string, Service>();
  readonly #tasks = new Map<string, CatalogTask>();

  get current(): CatalogVersion {
    return { services: this.#services, tasks: this.#tasks } as unknown as CatalogVersion;
  }

  onChange(f: Parameters<Catalog['onChange']>[0]): () => void {
    return this.#listeners.add(([next, diff]) => f(next, diff));
  }

  /** From now on the service is at these ports; the first part of a task's id is its name. `vip`: of all its tasks, which have these labels. */
  set(
    key: string,
    instances: readonly { readonly taskId: string; readonly port: number; readonly up?: boolean }[],
    vip?: string,
    labels: Readonly<Record<string, string>> = {},
  ): void {
    const [frameworkName = '', name = ''] = key.split('/');
    const tasks: { added: CatalogTask[]; changed: object[]; removed: CatalogTask[] } = {
      added: [],
      changed: [],
      removed: [],
    };
    const made = instances.map(({ taskId, port, up = true }) => {
      const taskKey = `fw ${taskId}`;
      const portLabels = new Map(vip === undefined ? [] : [['VIP_0', vip]]);
      const task = aTask(taskKey, {
        id: taskId,
        name,
        frameworkId: 'fw',
        frameworkName,
        agentId: 'a',
        agentIps: ['127.0.0.1'],
        ports: [port],
        discovery: {
          name,
          visibility: 'CLUSTER',
          ports: [{ number: port, name: 'http', protocol: 'tcp', labels: portLabels }],
        },
        labels: new Map(Object.entries(labels)),
      });
      const before = this.#tasks.get(taskKey);
      if (before) tasks.changed.push({ before, after: task });
      else tasks.added.push(task);
      this.#tasks.set(taskKey, task);
      const addresses = [{ ip: '127.0.0.1', port }];
      return { taskKey, taskId, phase: up ? 'up' : 'draining', healthy: undefined, addresses };
    });
    const gone = (this.#services.get(key)?.instances ?? []).map(({ taskKey }) => taskKey);
    for (const taskKey of gone.filter((one) => !made.some((instance) => instance.taskKey === one))) {
      const before = this.#tasks.get(taskKey);
      if (before) tasks.removed.push(before);
      this.#tasks.delete(taskKey);
    }
    const service = {
      key,
      name,
      frameworkName,
      ports: [{ name: 'http' }],
      instances: made as unknown as Instance[],
    };
    this.#services.set(key, service as unknown as Service);
    const services = { added: [], changed: [{ before: service, after: service }], removed: [] };
    this.#listeners.emit([
      this.current,
      { services, tasks } as unknown as Parameters<Parameters<Catalog['onChange']>[0]>[1],
    ]);
  }
}

/** A task that knows nothing of TLS: says its name, then what it hears; `heard` keeps that. */
export interface PlainTask {
  readonly port: number;
  readonly sockets: Set<Socket>;
  heard: string;
}

/** A mesh with its plane on a thread, tasks that speak plain TCP, and clients that speak TLS. */
export class MeshBench {
  readonly authority = new FakeAuthority(systemClock.now());
  readonly policy = new FakePolicy();
  readonly catalog = new FakeCatalog();
  readonly lines: Record<string, unknown>[] = [];
  /** What the kernel was told. */
  readonly scripts: string[] = [];
  readonly vips = new Vips({
    domain: VIPS_DOMAIN,
    ipv4: { first: '11.0.0.0', last: '11.255.255.255' },
    ipv6: undefined,
  });
  readonly metrics = new Metrics();
  readonly services = {
    catalog: this.catalog,
    vips: this.vips,
    idOf: ({ taskName }: { readonly taskName: string }): string =>
      `spiffe://${TRUST_DOMAIN}/task/${taskName}`,
  };
  readonly mesh: Mesh;
  /** How often services began to be followed; undefined: they are known. */
  followed: number | undefined;
  readonly #identities = new Map<string, FakeIdentity>();
  readonly #cleanup: (() => unknown)[] = [];

  /** `follows`: as an agent in a process of its own does, services are followed when a task asks. */
  constructor(engine: MeshConfig['engine'], more: Partial<MeshConfig> = {}, follows = false) {
    if (follows) this.followed = 0;
    const config = { ...meshConfigSchema.parse({ engine, handshakeSeconds: 20 }), ...more };
    const format = (line: string): string => {
      this.lines.push(JSON.parse(line) as Record<string, unknown>);
      return '';
    };
    this.mesh = createMesh({
      config,
      clock: systemClock,
      // Benches that run beside each other shall not try the same ports.
      random: seededRandom(process.pid),
      log: createLogger({ level: 'info', format }),
      metrics: this.metrics,
      policy: this.policy,
      table: 'rimrock_mesh_bench',
      nft: async (command, script = '') => {
        this.scripts.push(`${command[1] === '-c' ? 'check' : ''}${script}`);
        return { ok: true, stdout: '', problem: '' };
      },
      sourceOf: ({ taskId }) => this.#identities.get(taskId),
      services: follows ? () => this.#follow() : undefined,
    });
  }

  async start(): Promise<this> {
    await this.mesh.start();
    this.vips.follow(this.catalog);
    this.catalog.onChange(() => {
      while (this.vips.work());
    });
    if (this.followed === undefined) this.mesh.follow(this.services);
    return this;
  }

  async #follow(): Promise<FollowedServices> {
    this.followed = (this.followed ?? 0) + 1;
    return { ...this.services, first: Promise.resolve(), stop: async () => {} };
  }

  async stop(): Promise<void> {
    for (const f of this.#cleanup.splice(0)) await f();
    await this.mesh.stop();
  }

  identity(name: string, authority = this.authority): FakeIdentity {
    const identity = authority.identity(`task/${name}`);
    this.#identities.set(name, identity);
    return identity;
  }

  /** A server of plain TCP on the port that the wiring has for it. */
  async serve(name: string, port: number): Promise<PlainTask> {
    const task: PlainTask = { port, sockets: new Set(), heard: '' };
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      task.sockets.add(socket);
      socket.on('error', () => {});
      socket.write(`${name}:`);
      socket.on('data', (bytes) => {
        task.heard += bytes.toString();
        socket.write(bytes);
      });
      socket.on('end', () => socket.end());
      socket.on('close', () => task.sockets.delete(socket));
    });
    server.listen({ host: '127.0.0.1', port });
    await once(server, 'listening');
    this.#cleanup.push(() => {
      for (const socket of task.sockets) socket.destroy();
      server.close();
    });
    return task;
  }

  task(
    name: string,
    labels: Readonly<Record<string, string>> = {},
    published: readonly number[] = [],
  ): MeshTask {
    return {
      taskId: name,
      taskName: name,
      frameworkId: 'fw',
      frameworkName: 'marathon',
      agentId: 'a',
      labels: new Map(Object.entries(labels)),
      service: `marathon/${name}`,
      ip: '127.0.0.1',
      ports: published.map((number) => ({ number, protocol: 'tcp' })),
    };
  }

  /** A task with an identity and labels, its listeners open; `port` is the published one. */
  async open(
    name: string,
    labels: Readonly<Record<string, string>>,
    ports = 1,
  ): Promise<{ readonly task: MeshTask; readonly wiring: TaskWiring; readonly published: number }> {
    const published = await freePorts(ports);
    const task = this.task(name, labels, published);
    const wiring = await this.mesh.plan(task);
    if (!wiring) throw new Error('nothing to open');
    await this.mesh.open(task, wiring);
    return { task, wiring, published: published[0] ?? 0 };
  }

  /** Resolves when the plane has taken in all that it was told before. */
  async told(): Promise<void> {
    if (!this.#identities.has('nobody')) this.identity('nobody');
    const nobody = {
      taskId: 'nobody',
      taskName: 'nobody',
      frameworkId: 'fw',
      frameworkName: 'f',
      agentId: 'a',
    };
    const task = { ...nobody, labels: new Map(), service: 'f/nobody', ip: '127.0.0.1', ports: [] };
    await this.mesh.open(task, { mode: 'off', guarded: [], upstreams: [] });
  }

  plain(port: number): Socket {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    this.#cleanup.push(() => socket.destroy());
    return socket;
  }

  /** A client that shows this identity, and believes its bundle. */
  secure(port: number, identity: FakeIdentity | undefined, more: ConnectionOptions = {}): TLSSocket {
    const { svid, bundle } = identity?.current ?? {};
    const shown = svid ? { cert: svid.certificateChain, key: svid.privateKey } : {};
    const socket = tlsConnect({
      port,
      host: '127.0.0.1',
      ca: bundle ? [...bundle.roots] : this.authority.root,
      checkServerIdentity: () => undefined,
      ...shown,
      ...more,
    });
    socket.on('error', () => {});
    this.#cleanup.push(() => socket.destroy());
    return socket;
  }
}

/** All that a socket brings until it is closed, and whether it was cut. */
export async function outcomeOf(
  socket: Socket,
  say = '',
): Promise<{ readonly text: string; readonly cut: boolean }> {
  let text = '';
  let cut = false;
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.on('error', () => (cut = true));
  socket.on('end', () => socket.end());
  if (say !== '') socket.write(say);
  await new Promise((resolve) => socket.once('close', resolve));
  return { text, cut };
}

/** Resolves when the socket has brought so much; rejects when it ends before. */
export function heard(socket: Socket, size: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (bytes: Buffer): void => {
      text += bytes.toString();
      if (text.length < size) return;
      socket.off('data', onData);
      resolve(text);
    };
    socket.on('data', onData);
    socket.once('close', () => reject(new Error(`closed after '${text}'`)));
  });
}
