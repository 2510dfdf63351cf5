import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePorts, taskPorts } from './free-ports.ts';
import { killMarked, processesMarked } from './processes.ts';
import { root } from './root.ts';

/** Where the parts of one platform under test listen, all on 127.0.0.1. */
export interface Ports {
  readonly master: number;
  readonly agent: number;
  readonly marathon: number;
  readonly dns: number;
  readonly dnsHttp: number;
  readonly http: number;
  readonly admin: number;
  readonly auth: number;
  /** The first of the ports that the agent offers to tasks. */
  readonly tasks: number;
}

export type Role = 'up' | 'edge' | 'master' | 'agent' | 'marathon';

/** One `rimrock <role>` under test, started as a person would start it: the real entry point under plain node. */
export interface Running {
  readonly pid: number;
  readonly readyMs: number;
  /** What it wrote to stdout and stderr so far. */
  output(): string;
  /** SIGINT, as Ctrl-C does; resolves with the exit status when the process has gone. */
  interrupt(): Promise<number | string>;
  /** SIGKILL: no chance to do anything. */
  kill9(): Promise<void>;
  /** Its exit status, when it has ended by itself. */
  readonly gone: Promise<number | string>;
}

/** A place for one platform: a data folder, a set of ports, and everything that was started there. */
export class Site {
  readonly data: string;
  readonly ports: Ports;
  readonly #children = new Set<ChildProcess>();

  private constructor(data: string, ports: Ports) {
    this.data = data;
    this.ports = ports;
  }

  static async make(): Promise<Site> {
    const [master, agent, marathon, dns, dnsHttp, http, admin, auth] = await freePorts(8);
    const all = { master, agent, marathon, dns, dnsHttp, http, admin, auth } as Record<string, number>;
    // A window of task ports of its own, so that two platforms on one machine do not hand out the same ports.
    const tasks = taskPorts();
    return new Site(mkdtempSync(join(tmpdir(), 'rimrock-site-')), { ...all, tasks } as unknown as Ports);
  }

  /** The settings that move every part (or those of some sections only) away from its default address. */
  settings(sections?: readonly string[]): Record<string, string> {
    const p = this.ports;
    const all: Record<string, string> = {
      data: this.data,
      'master.port': String(p.master),
      'agent.port': String(p.agent),
      'agent.master': `127.0.0.1:${p.master}`,
      'agent.resources': `cpus:64;mem:65536;disk:65536;ports:[${p.tasks}-${p.tasks + 499}]`,
      'marathon.port': String(p.marathon),
      'marathon.master': `127.0.0.1:${p.master}`,
      'cluster.masters': `127.0.0.1:${p.master}`,
      'dns.port': String(p.dns),
      'dns.httpPort': String(p.dnsHttp),
      'lb.http.port': String(p.http),
      'lb.admin.port': String(p.admin),
      'auth.port': String(p.auth),
      // Platforms on one machine would all want the same; who tests them opens them.
      'lb.servicePorts.enabled': 'false',
    };
    if (!sections) return all;
    return Object.fromEntries(
      Object.entries(all).filter(([key]) => sections.includes(key.split('.')[0] ?? '')),
    );
  }

  /** Start a role and wait until it says that it is ready. */
  async start(
    role: Role,
    options: {
      /** Instead of `--set` for every setting. */
      readonly arguments?: readonly string[];
      /** The sections of the settings that this role knows; all by default. */
      readonly settings?: readonly string[];
      readonly readyMs?: number;
      /** `npm`: as `npm start` does, in a process group of its own, as a terminal makes one. */
      readonly via?: 'node' | 'npm';
      /** Words before the command: a program that starts it. */
      readonly through?: readonly string[];
      /** `spawned`: do not wait at all. */
      readonly until?: 'ready' | 'spawned';
    } = {},
  ): Promise<Running> {
    const settings = Object.entries(this.settings(options.settings));
    const given = options.arguments ?? settings.flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const begun = performance.now();
    const npm = options.via === 'npm';
    const own = npm ? ['npm', 'start', '--'] : [process.execPath, 'bin/rimrock.mjs', role];
    const command = [...(options.through ?? []), ...own];
    const [file = '', ...first] = command;
    const child = spawn(file, [...first, ...given], {
      cwd: root,
      env: { ...process.env, RIMROCK_TEST_SITE: this.data },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: npm,
    });
    this.#children.add(child);
    let output = '';
    child.stdout?.on('data', (piece: Buffer) => void (output += piece.toString()));
    child.stderr?.on('data', (piece: Buffer) => void (output += piece.toString()));
    const gone = new Promise<number | string>((resolve) => {
      child.once('exit', (code, signal) => {
        this.#children.delete(child);
        resolve(code ?? signal ?? 'unknown');
      });
    });
    await eventually(
      `rimrock ${role} to be ready`,
      () => {
        if (child.exitCode !== null || child.signalCode !== null) return 'gone';
        return options.until === 'spawned' || (/is ready, after/.test(output) && 'ready');
      },
      { timeoutMs: options.readyMs ?? 30_000, everyMs: 10 },
    ).catch((error: unknown) => {
      throw new Error(`rimrock ${role} did not become ready:\n${output}`, { cause: error });
    });
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`rimrock ${role} ended with ${child.exitCode ?? child.signalCode}:\n${output}`);
    return {
      pid: child.pid ?? 0,
      readyMs: performance.now() - begun,
      output: () => output,
      interrupt: async () => {
        if (npm) process.kill(-(child.pid ?? 0), 'SIGINT');
        else child.kill('SIGINT');
        return gone;
      },
      kill9: async () => {
        child.kill('SIGKILL');
        await gone;
      },
      gone,
    };
  }

  /** Processes that carry this site's mark: the platform, its supervisors, its tasks. */
  leftovers(): string[] {
    return processesMarked(this.data).map((p) => `${p.pid} ${p.command}`);
  }

  /** For afterAll/afterEach: nothing of this site stays behind, also when the test failed halfway. */
  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await eventually('the processes of the site to be gone', () => {
      killMarked(this.data);
      return processesMarked(this.data).length === 0;
    });
    rmSync(this.data, { recursive: true, force: true, maxRetries: 5 });
  }
}
