import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { call } from '../../support/http.ts';
import { Site } from '../../support/platform.ts';
import type { Role, Running } from '../../support/platform.ts';
import { processesMarked } from '../../support/processes.ts';
import { Ledger } from './ledger.ts';

type Settings = Readonly<Record<string, string | number | boolean>>;
type StartOptions = Omit<NonNullable<Parameters<Site['start']>[1]>, 'arguments' | 'settings'>;

/** Long forms: `npm run chaos:long`. */
export const LONG = process.env['RIMROCK_CHAOS_LONG'] === '1';

/** What a task runs that lives until it is ended; that it was started is written down outside of its sandbox. */
const FOREVER = 'sleep 86411';

/** A master, agents, and what else a test needs, each a process of its own with a folder of its own, and a framework. */
export class Cell {
  readonly site: Site;
  readonly #ledgers: Ledger[] = [];
  readonly #agentPorts = new Map<string, number>();

  private constructor(site: Site) {
    this.site = site;
    mkdirSync(join(site.data, 'starts'));
  }

  static async make(): Promise<Cell> {
    return new Cell(await Site.make());
  }

  get masterAddress(): string {
    return `127.0.0.1:${this.site.ports.master}`;
  }

  /** Start a role with the settings of the site, those of `more` over them. */
  start(role: Role, more: Settings = {}, options: StartOptions = {}): Promise<Running> {
    const sections: Record<string, readonly string[]> = {
      master: ['master'],
      agent: ['agent'],
      marathon: ['marathon'],
      edge: ['cluster', 'dns', 'lb'],
    };
    const settings = {
      ...this.site.settings(sections[role]),
      data: join(this.site.data, role),
      'auth.enabled': false,
      ...(role === 'agent' ? { 'agent.registrationBackoffMs': 50, 'agent.hostname': 'agent' } : {}),
      ...more,
    };
    const given = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    return this.site.start(role, { arguments: given, ...options });
  }

  master(more: Settings = {}, options: StartOptions = {}): Promise<Running> {
    return this.start('master', { 'master.allocationIntervalMs': 100, ...more }, options);
  }

  /** An agent of this host name, with a port and a folder of its own. */
  async agent(hostname: string, more: Settings = {}, options: StartOptions = {}): Promise<Running> {
    const port = this.#agentPorts.get(hostname) ?? (await freePorts(1))[0] ?? 0;
    this.#agentPorts.set(hostname, port);
    const own = { data: join(this.site.data, hostname), 'agent.hostname': hostname, 'agent.port': port };
    return this.start('agent', { ...own, ...more }, options);
  }

  ledger(master = this.masterAddress): Ledger {
    const ledger = new Ledger(master);
    this.#ledgers.push(ledger);
    return ledger;
  }

  /** A command that writes down that it runs, and lives until it is ended. */
  forever(): string {
    return `echo $$ >>${this.site.data}/starts/$MESOS_TASK_ID; exec ${FOREVER}`;
  }

  /** A command that writes down that it runs, and ends with this status. */
  brief(code: number): string {
    return `echo $$ >>${this.site.data}/starts/$MESOS_TASK_ID; exit ${code}`;
  }

  /** How often a task was started. */
  starts(taskId: string): number {
    const path = join(this.site.data, 'starts', taskId);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
  }

  /** Tasks that were started more than once. */
  twice(): string[] {
    return readdirSync(join(this.site.data, 'starts')).filter((id) => this.starts(id) > 1);
  }

  /** Every process that is the command of a `forever` task, as `task pid`; one that runs twice is there twice. */
  processes(): string[] {
    return this.pids()
      .map(({ task, pid }) => `${task} ${pid}`)
      .sort();
  }

  pids(): { readonly task: string; readonly pid: number }[] {
    return processesMarked(this.site.data)
      .filter((p) => p.command === FOREVER)
      .map((p) => ({ task: /MESOS_TASK_ID=([^\0]+)/.exec(p.environment ?? '')?.[1] ?? '?', pid: p.pid }));
  }

  /** What the master says. */
  async state(): Promise<MasterState> {
    return (await call('GET', `http://${this.masterAddress}/state`)).json as MasterState;
  }

  /** All agents of these names are with the master. */
  async registered(...hostnames: readonly string[]): Promise<void> {
    await eventually(
      `${hostnames.join(', ')} with the master`,
      async () => {
        const { slaves } = await this.state();
        return hostnames.every((h) => slaves.some((s) => s.hostname === h && s.active));
      },
      { timeoutMs: 60_000, everyMs: 50 },
    );
  }

  /** Tasks that the master believes to run. */
  async running(): Promise<string[]> {
    const { frameworks } = await this.state();
    return frameworks
      .flatMap((f) => f.tasks.filter((t) => t.state === 'TASK_RUNNING').map((t) => t.id))
      .sort();
  }

  async close(): Promise<void> {
    for (const ledger of this.#ledgers) ledger.close();
    await this.site.close();
  }
}

export interface MasterState {
  readonly id: string;
  readonly slaves: readonly { readonly id: string; readonly hostname: string; readonly active: boolean }[];
  readonly frameworks: readonly {
    readonly id: string;
    readonly name: string;
    readonly connected: boolean;
    readonly tasks: readonly { readonly id: string; readonly state: string; readonly slave_id: string }[];
  }[];
}
