import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsulServer } from './consul.ts';
import type { ConsulTls } from './consul.ts';
import { eventually } from './eventually.ts';
import { freePorts, taskPorts } from './free-ports.ts';
import { killMarked, processesMarked } from './processes.ts';
import { Relay } from './relay.ts';
import { root } from './root.ts';

const PREFIX = 'test';

/** One of several masters, which reaches Consul over a cable of its own. */
export interface CabledMaster {
  readonly port: number;
  readonly url: string;
  readonly cable: Relay;
  readonly process: ChildProcess;
}

/** Real processes: Consul, masters that are elected in it, an agent, and Marathon, which both follow the election. */
export class ManyMasters {
  readonly folder = mkdtempSync(join(tmpdir(), 'rimrock-masters-'));
  readonly consul: ConsulServer;
  readonly masters: CabledMaster[] = [];
  readonly #others: ChildProcess[] = [];
  marathonPort = 0;
  readonly #tls: ConsulTls | undefined;
  #output = '';

  private constructor(consul: ConsulServer, tls: ConsulTls | undefined) {
    this.consul = consul;
    this.#tls = tls;
  }

  /** With `tls` Consul is spoken to by https alone. */
  static async start(n: number, tls?: ConsulTls): Promise<ManyMasters> {
    const all = new ManyMasters(await ConsulServer.start([], tls), tls);
    const [agent = 0, marathon = 0, ...ports] = await freePorts(2 + n);
    for (const port of ports) {
      const cable = await Relay.start(all.consul.port);
      all.masters.push({ port, url: `http://127.0.0.1:${port}`, cable, process: all.#launch(port, cable) });
    }
    all.marathonPort = marathon;
    const followed = `${tls ? 'consuls' : 'consul'}://127.0.0.1:${all.consul.port}/${PREFIX}`;
    const tasks = taskPorts();
    all.#others.push(
      all.#spawn('agent', {
        data: join(all.folder, 'agent'),
        'agent.workDir': join(all.folder, 'agent', 'work'),
        'agent.port': agent,
        'agent.master': followed,
        'agent.resources': `cpus:8;mem:1024;disk:1024;ports:[${tasks}-${tasks + 9}]`,
        'agent.hostname': 'worker',
      }),
      all.#spawn('marathon', {
        data: join(all.folder, 'marathon'),
        'marathon.port': marathon,
        'marathon.master': followed,
      }),
    );
    return all;
  }

  /** What all of them have written, for messages. */
  get output(): string {
    return this.#output.slice(-20_000);
  }

  async kill9(master: CabledMaster): Promise<void> {
    const gone = once(master.process, 'exit');
    master.process.kill('SIGKILL');
    await gone;
  }

  /** In the place of one that was killed. */
  launchAgain(master: CabledMaster): void {
    const process = this.#launch(master.port, master.cable);
    this.masters[this.masters.indexOf(master)] = { ...master, process };
  }

  /** The master that leads, by its own word. */
  async leader(timeoutMs = 30_000): Promise<CabledMaster> {
    return eventually(
      'a master to lead',
      async () => {
        for (const master of this.masters) {
          const options = { redirect: 'manual', signal: AbortSignal.timeout(1_000) } as const;
          const answer = await fetch(`${master.url}/master/slaves`, options).catch(() => undefined);
          await answer?.text();
          if (answer?.status === 200) return master;
        }
        return undefined;
      },
      { timeoutMs },
    );
  }

  async close(): Promise<void> {
    for (const { cable } of this.masters) await cable.close();
    for (const child of [...this.#others, ...this.masters.map((m) => m.process)]) child.kill('SIGKILL');
    await eventually('the processes to be gone', () => {
      killMarked(this.folder);
      return processesMarked(this.folder).length === 0;
    });
    await this.consul.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #launch(port: number, cable: Relay): ChildProcess {
    return this.#spawn('master', {
      data: join(this.folder, `master-${port}`),
      'auth.enabled': false,
      'master.port': port,
      // Those whom the test registers as agents answer no pings.
      'master.maxPingTimeouts': 10_000,
      'store.engine': 'consul',
      'store.consul.address': `${this.#tls ? 'https' : 'http'}://127.0.0.1:${cable.port}`,
      'store.consul.prefix': PREFIX,
    });
  }

  #spawn(role: string, settings: Readonly<Record<string, string | number | boolean>>): ChildProcess {
    const shown = Object.entries(this.#tls?.client ?? {});
    const all = { ...settings, ...Object.fromEntries(shown.map(([k, v]) => [`store.consul.tls.${k}`, v])) };
    const set = Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const child = spawn(process.execPath, ['bin/rimrock.mjs', role, ...set], {
      cwd: root,
      env: { ...process.env, RIMROCK_TEST_SITE: this.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => {
        this.#output = (this.#output + piece.toString()).slice(-200_000);
      });
    return child;
  }
}
