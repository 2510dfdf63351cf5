import type { Clock, Timer } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import type { Carrier, CarrierCounts } from '../carrier.ts';
import { WantedContent, changeScript, cidrsOf, differences, readTable, wholeScript } from '../plan/index.ts';
import type { Content, Found, TableSettings, VirtualServer } from '../plan/index.ts';
import type { EndUdpFlows, RunCommand } from '../../../net/index.ts';
import { LeftFlows } from './left-flows.ts';
import { removeTable } from './remove.ts';
import { VipRoutes } from './routes.ts';

export interface KernelParts {
  readonly settings: TableSettings;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counts: CarrierCounts;
  readonly reconcileMs: number;
  /** Leave everything in the kernel at the end: traffic goes on while this program is replaced. */
  readonly keep: boolean;
  readonly endUdpFlows: EndUdpFlows;
}

/** After a failure the next try is made this much later, doubled each time. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** Why the kernel cannot carry VIPs here; undefined when it can. */
export async function kernelProblem(run: RunCommand): Promise<string | undefined> {
  for (const command of [
    ['nft', '-j', 'list', 'tables'],
    ['ip', '-j', 'route', 'show', 'table', 'local'],
  ]) {
    const { ok, problem } = await run(command);
    if (!ok) return `${command[0]}: ${problem}`;
  }
  return undefined;
}

/**
 * VIPs in nftables: one table of ours, changed by one transaction for all that has changed, with the chains of other VIPs untouched.
 * What a predecessor has left is taken over as it is, so that nothing is interrupted.
 */
export class KernelVips implements Carrier {
  readonly #parts: KernelParts;
  readonly #wanted = new WantedContent();
  readonly #routes: VipRoutes;
  readonly #flows: LeftFlows;
  /** Keys of items that may differ from the table. */
  readonly #dirty = new Set<string>();
  /** What the table has; undefined: not known, it has to be read. */
  #have: Map<string, string> | undefined;
  #begun = false;
  #stopped = false;
  /** Look at the kernel again, whether or not something has changed. */
  #look = true;
  #running: Promise<void> | undefined;
  #retryMs = RETRY_MS;
  #retry: Timer | undefined;
  #reconciling: Timer | undefined;
  #said = '';

  constructor(parts: KernelParts) {
    this.#parts = parts;
    this.#routes = new VipRoutes(parts.run, parts.settings.ranges.flatMap(cidrsOf));
    this.#flows = new LeftFlows({ ...parts, wake: () => this.#wake() });
  }

  set(key: string, server: VirtualServer | undefined): void {
    for (const item of this.#wanted.set(key, server)) this.#dirty.add(item);
    this.#flows.set(key, server);
    this.#wake();
  }

  begin(): void {
    const { clock, reconcileMs } = this.#parts;
    this.#begun = true;
    this.#reconciling = clock.every(reconcileMs, () => this.#reconcile());
    this.#wake();
  }

  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  takenAt(): undefined {
    return undefined;
  }

  udpPorts(): readonly number[] {
    return [];
  }

  async handOver(): Promise<void> {
    this.#stopped = true;
    this.#reconciling?.cancel();
    this.#retry?.cancel();
    this.#flows.stop();
    await this.settled();
  }

  /** Nobody is connected to this process: what it has told the kernel holds until the end. */
  async drain(): Promise<void> {}

  async stop(): Promise<void> {
    const handedOver = this.#stopped;
    await this.handOver();
    if (!this.#begun || handedOver || this.#parts.keep) return;
    const { run, settings, log } = this.#parts;
    await removeTable(run, settings.table, log);
    await this.#routes.remove();
  }

  #reconcile(): void {
    this.#look = true;
    this.#wake();
  }

  #wake(): void {
    if (!this.#begun || this.#stopped || this.#running || this.#retry) return;
    if (!this.#look && this.#dirty.size === 0 && !this.#flows.due) return;
    this.#running = this.#work().finally(() => {
      this.#running = undefined;
      // What was set in the meantime.
      this.#wake();
    });
  }

  async #work(): Promise<void> {
    const { clock, counts } = this.#parts;
    const began = clock.monotonic();
    const problem = this.#look ? await this.#lookAndRepair() : await this.#change();
    counts.seconds((clock.monotonic() - began) / 1000);
    if (problem === undefined) {
      this.#retryMs = RETRY_MS;
      return this.#flows.end();
    }
    this.#failed(problem);
  }

  /** What has changed of VIPs, told to a table that is as we know it. */
  async #change(): Promise<string | undefined> {
    const have = this.#have as Content;
    const keys = differences(have, this.#wanted, this.#dirty);
    this.#dirty.clear();
    if (keys.length === 0) return undefined;
    const { table } = this.#parts.settings;
    const problem = await this.#apply(changeScript(table, have, this.#wanted, keys), keys);
    if (problem === undefined) return undefined;
    // Somebody has changed the table: the truth is in the kernel.
    this.#look = true;
    this.#parts.log.warn({ table, problem }, 'the table of VIPs is not as it was left: reading it');
    return this.#lookAndRepair();
  }

  /** Read what is there and bring it to what is wanted: at the start, from time to time, and after a failure. */
  async #lookAndRepair(): Promise<string | undefined> {
    const { settings } = this.#parts;
    const first = this.#have === undefined;
    this.#look = false;
    const pending = new Set(this.#dirty);
    this.#dirty.clear();
    const routes = await this.#routes.repair();
    const found = await this.#read();
    const keys = found?.layoutFits ? differences(found.content, this.#wanted) : [...this.#wanted.keys()];
    const drift = keys.filter((key) => !pending.has(key) && !this.#dirty.has(key));
    if (!first) this.#noteDrift(found?.layoutFits ? drift : ['table', ...drift], routes.repaired);
    let problem: string | undefined;
    if (found?.layoutFits) {
      this.#have = new Map(found.content);
      if (keys.length > 0)
        problem = await this.#apply(changeScript(settings.table, found.content, this.#wanted, keys), keys);
    }
    if (!found?.layoutFits || problem !== undefined) {
      this.#have = new Map();
      problem = await this.#apply(wholeScript(settings, this.#wanted), [...this.#wanted.keys()]);
    }
    if (routes.problems.length > 0)
      this.#say(`routes:${routes.problems.join()}`, { ...routes }, 'no route for VIPs');
    else if (keys.length + routes.repaired === 0 && problem === undefined) this.#said = '';
    return problem;
  }

  #noteDrift(keys: readonly string[], routes: number): void {
    this.#parts.counts.repairs += keys.length + routes;
    if (keys.length + routes === 0) return;
    const details = { table: this.#parts.settings.table, items: keys.length, routes, some: keys.slice(0, 5) };
    this.#say('drift', details, 'VIPs in the kernel were not as they were left: repaired');
  }

  /** Once, until all was well again. */
  #say(what: string, details: object, message: string): void {
    if (this.#said === what) return;
    this.#said = what;
    this.#parts.log.warn(details, message);
  }

  async #apply(script: string, keys: readonly string[]): Promise<string | undefined> {
    const told = keys.map((key) => [key, this.#wanted.get(key)?.value] as const);
    const { ok, problem } = await this.#parts.run(['nft', '-f', '-'], script);
    if (!ok) return problem;
    this.#parts.counts.changes++;
    for (const [key, value] of told) {
      if (value === undefined) this.#have?.delete(key);
      else this.#have?.set(key, value);
    }
    return undefined;
  }

  async #read(): Promise<Found | undefined> {
    const { run, settings } = this.#parts;
    const { ok, stdout } = await run(['nft', '-j', 'list', 'table', 'inet', settings.table]);
    if (!ok) return undefined;
    try {
      return readTable(stdout, settings);
    } catch {
      // Not the JSON that we know: made anew it is ours for sure.
      return undefined;
    }
  }

  #failed(problem: string): void {
    const { log, clock, counts, settings } = this.#parts;
    counts.failures++;
    this.#have = undefined;
    this.#say(
      `failed: ${problem}`,
      { table: settings.table, problem },
      'VIPs could not be told to the kernel',
    );
    this.#look = true;
    log.debug({ retryMs: this.#retryMs }, 'telling the kernel again later');
    this.#retry = clock.after(this.#retryMs, () => {
      this.#retry = undefined;
      this.#wake();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}
