import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsulServer } from '../consul.ts';
import { eventually } from '../eventually.ts';
import { freePorts, taskPorts } from '../free-ports.ts';
import { killMarked, processesMarked } from '../processes.ts';
import { Relay } from '../relay.ts';
import { Part } from './part.ts';

const PREFIX = 'game';
const DISK = '48m';

/** Whether folders can be put on small disks of their own, which can be filled. */
export const canMount = process.platform === 'linux' && process.getuid?.() === 0 && mounts();

function mounts(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'rimrock', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Settings = Readonly<Record<string, string | number | boolean>>;

interface GameOptions {
  readonly masters: number;
  /** Folder of the program, where it is another version. */
  readonly from?: string;
  /** Settings of the agents, on top. */
  readonly ofAgents?: Settings;
}

/**
 * Every role as processes of their own, which are started again when they end. With several masters these are elected in a real Consul,
 * and everybody finds them there; with one, everybody reaches it over a cable of their own, and data folders are on small disks.
 */
export class GameCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'rimrock-game-'));
  readonly parts: Part[] = [];
  /** By the name of the part at the near end; of several masters to Consul, of the others to the one master. */
  readonly cables = new Map<string, Relay>();
  consul: ConsulServer | undefined;
  ports: Readonly<Record<'marathon' | 'dns' | 'dnsHttp' | 'http' | 'admin', number>> = {
    marathon: 0,
    dns: 0,
    dnsHttp: 0,
    http: 0,
    admin: 0,
  };
  #masterPorts: readonly number[] = [];
  readonly #disks: string[] = [];

  /** Nothing is waited for. */
  static async start(options: GameOptions): Promise<GameCluster> {
    const all = new GameCluster();
    try {
      await all.#start(options);
    } catch (error) {
      await all.close();
      throw error;
    }
    return all;
  }

  part(name: string): Part {
    const found = this.parts.find((p) => p.name === name);
    if (!found) throw new Error(`no part ${name}`);
    return found;
  }

  named(beginning: string): Part[] {
    return this.parts.filter((p) => p.name.startsWith(beginning));
  }

  url(part: 'marathon' | 'dnsHttp' | 'http' | 'admin', path: string): string {
    return `http://127.0.0.1:${this.ports[part]}${path}`;
  }

  /** Number and port of the master that leads, by its own word; undefined when none does now. */
  async leader(): Promise<{ readonly part: Part; readonly port: number } | undefined> {
    for (const [i, port] of this.#masterPorts.entries()) {
      const options = { redirect: 'manual', signal: AbortSignal.timeout(1_000) } as const;
      const answer = await fetch(`http://127.0.0.1:${port}/master/slaves`, options).catch(() => undefined);
      await answer?.text().catch(() => {});
      if (answer?.status === 200) return { part: this.part(`master-${i}`), port };
    }
    return undefined;
  }

  /** Parts whose data folder is on a disk that can be filled. */
  get disks(): readonly string[] {
    return this.#disks;
  }

  /** Take all space that is left on the disk of a part, until the returned function is called. */
  fill(name: string): () => void {
    const file = join(this.folder, name, 'fills-the-disk');
    const block = Buffer.alloc(64 * 1024);
    try {
      for (;;) writeFileSync(file, block, { flag: 'a' });
    } catch {
      // full, which was the aim
    }
    return () => rmSync(file, { force: true });
  }

  /** Task id → pid of every process of a task; one that runs twice is there twice. */
  taskProcesses(): [task: string, pid: number][] {
    return processesMarked(this.folder)
      .filter((p) => !/^(\/bin\/)?sh /.test(p.command) && p.environment?.includes('MESOS_TASK_ID='))
      .map((p): [string, number] => [/MESOS_TASK_ID=([^\0]+)/.exec(p.environment ?? '')?.[1] ?? '?', p.pid])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  async close(): Promise<void> {
    for (const part of this.parts) part.signal('SIGCONT');
    await Promise.all(this.parts.map((part) => part.end('SIGKILL')));
    for (const cable of this.cables.values()) await cable.close();
    await eventually('the processes of the game to be gone', () => {
      killMarked(this.folder);
      return processesMarked(this.folder).length === 0;
    });
    await this.consul?.close();
    for (const name of this.#disks) execFileSync('umount', ['-l', join(this.folder, name)]);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #start({ masters, from, ofAgents = {} }: GameOptions): Promise<void> {
    const [marathon = 0, dns = 0, dnsHttp = 0, http = 0, admin = 0, a0 = 0, a1 = 0, ...rest] =
      await freePorts(7 + masters);
    this.ports = { marathon, dns, dnsHttp, http, admin };
    this.#masterPorts = rest;
    const election = masters > 1 ? await this.#startConsul(rest) : undefined;
    for (const [i, port] of rest.entries()) this.#add(`master-${i}`, 'master', this.#masterSettings(i, port));
    const window = taskPorts();
    for (const [i, port] of [a0, a1].entries())
      this.#add(`agent-${i}`, 'agent', {
        'agent.port': port,
        'agent.hostname': `machine-${i}`,
        'agent.master': election ?? (await this.#cableToMaster(`agent-${i}`)),
        'agent.resources': `cpus:8;mem:8192;disk:8192;ports:[${window + 200 * i}-${window + 200 * i + 99}]`,
        'agent.registrationBackoffMs': 200,
        'agent.statusRetrySeconds': 2,
        'agent.workDir': join(this.folder, `agent-${i}`, 'agent'),
        ...ofAgents,
      });
    this.#add('marathon', 'marathon', {
      'marathon.port': marathon,
      'marathon.master': election ?? (await this.#cableToMaster('marathon')),
      'marathon.waitingOfferSeconds': 1,
      'marathon.declineOfferSeconds': 5,
      'marathon.killRetrySeconds': 3,
    });
    const masterOfEdge: Settings = election
      ? { 'cluster.zk': election }
      : { 'cluster.masters': await this.#cableToMaster('edge') };
    this.#add('edge', 'edge', {
      ...masterOfEdge,
      'dns.port': dns,
      'dns.httpPort': dnsHttp,
      'lb.http.port': http,
      'lb.admin.port': admin,
      'lb.servicePorts.enabled': false,
    });
    for (const part of this.parts) {
      if (from !== undefined) part.folder = from;
      part.start();
    }
  }

  #masterSettings(i: number, port: number): Settings {
    const cable = this.cables.get(`master-${i}`);
    return {
      'master.port': port,
      'auth.enabled': false,
      'master.heartbeatSeconds': 2,
      'master.pingIntervalSeconds': 2,
      // Faults are shorter than what makes an agent unreachable.
      'master.maxPingTimeouts': 30,
      ...(cable
        ? {
            'store.engine': 'consul',
            'store.consul.address': `http://127.0.0.1:${cable.port}`,
            'store.consul.prefix': PREFIX,
          }
        : {}),
    };
  }

  async #startConsul(masterPorts: readonly number[]): Promise<string> {
    this.consul = await ConsulServer.start();
    for (const i of masterPorts.keys()) this.cables.set(`master-${i}`, await Relay.start(this.consul.port));
    return `consul://127.0.0.1:${this.consul.port}/${PREFIX}`;
  }

  async #cableToMaster(name: string): Promise<string> {
    const cable = await Relay.start(this.#masterPorts[0] ?? 0);
    this.cables.set(name, cable);
    return `127.0.0.1:${cable.port}`;
  }

  #add(name: string, role: string, settings: Settings): void {
    const data = join(this.folder, name);
    mkdirSync(data);
    const kept: Settings = role === 'edge' ? {} : { data };
    if (canMount && !this.consul && role !== 'edge') {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK},mode=700`, 'rimrock', data]);
      this.#disks.push(name);
    }
    this.parts.push(new Part(name, role, { ...kept, ...settings }, this.folder));
  }
}
