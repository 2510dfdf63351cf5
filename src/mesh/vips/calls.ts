import { relative } from 'node:path';
import type { Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { ControlGroup, MeshTask } from '../../core/mesh.ts';
import type { Logger } from '../../core/log.ts';
import type { RunCommand } from '../../net/index.ts';
import { GuardedVips } from './guarded-vips.ts';
import type { GuardedVipsParts } from './guarded-vips.ts';
import { GROUPS, KernelTable } from './kernel-table.ts';
import type { Redirects } from './rules.ts';

export interface VipCallsParts extends Omit<GuardedVipsParts, 'changed'> {
  readonly log: Logger;
  /** Name of the table in the kernel: of this agent alone. */
  readonly table: string;
  /** Runs nft; or why it is not run. */
  readonly nft: RunCommand | string;
  /** Open a port at which the task reaches VIPs; it is that one. Closed by somebody else. */
  readonly openOutlet: (task: MeshTask) => Promise<number>;
}

/** How soon it is tried again to open an outlet. */
const RETRY_MS = 1_000;

interface Caller {
  readonly task: MeshTask;
  readonly group: string;
  readonly level: number;
  port: number | undefined;
  opening: Promise<void> | undefined;
}

/**
 * Tasks in control groups of their own reach VIPs of guarded services by mutual TLS, without a label: the kernel brings what they say there
 * to an outlet of theirs. Until the first such VIP is known nothing is opened.
 */
export class VipCalls {
  readonly #parts: VipCallsParts;
  readonly #vips: GuardedVips;
  readonly #table: KernelTable | undefined;
  readonly #callers = new Map<string, Caller>();
  /** Why nothing is redirected; undefined: it is. */
  readonly #problem: Promise<string | undefined>;
  #said = false;
  #retry: Timer | undefined;
  #stopped = false;

  constructor(parts: VipCallsParts) {
    this.#parts = parts;
    const { nft, log, clock, table } = parts;
    this.#vips = new GuardedVips({ ...parts, changed: () => void this.#changed() });
    if (typeof nft === 'string') this.#problem = Promise.resolve(nft);
    else {
      this.#table = new KernelTable({ table, run: nft, clock, log, wanted: () => this.#wanted() });
      this.#problem = this.#table.begin();
    }
  }

  /** Guarded VIPs, and tasks whose calls go there. */
  get counts(): { readonly vips: number; readonly callers: number; readonly failures: number } {
    const callers = [...this.#callers.values()].filter(({ port }) => port !== undefined).length;
    return { vips: this.#vips.size, callers, failures: this.#table?.failures ?? 0 };
  }

  /** See `TaskMesh.enter`. */
  async enter(key: string, task: MeshTask, { path, level }: ControlGroup): Promise<void> {
    const group = relative(GROUPS, path);
    if (group.startsWith('..')) return;
    this.#callers.set(key, { task, group, level, port: undefined, opening: undefined });
    this.#vips.takeIn();
    if (this.#vips.size > 0) await this.#changed();
  }

  leave(key: string): void {
    const caller = this.#callers.get(key);
    this.#callers.delete(key);
    if (caller?.port !== undefined) void this.#table?.changed();
  }

  again(): void {
    this.#vips.again();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#vips.stop();
    this.#retry?.cancel();
    await this.#problem;
    await this.#table?.stop();
  }

  /** Outlets for all callers, then the rules that lead there. Never rejects. */
  async #changed(): Promise<void> {
    const problem = await this.#problem;
    if (this.#stopped) return;
    if (problem !== undefined) return this.#say(problem);
    if (this.#vips.size > 0)
      await Promise.all([...this.#callers.values()].map((caller) => this.#open(caller)));
    await this.#table?.changed();
  }

  /** Once at a time. Never rejects. */
  #open(caller: Caller): Promise<void> {
    caller.opening ??= this.#openOnce(caller).finally(() => {
      caller.opening = undefined;
    });
    return caller.opening;
  }

  async #openOnce(caller: Caller): Promise<void> {
    try {
      caller.port ??= await this.#parts.openOutlet(caller.task);
    } catch (error) {
      this.#failed(caller, error);
    }
  }

  #failed({ task: { taskId } }: Caller, error: unknown): void {
    const { log, clock } = this.#parts;
    if (this.#stopped) return;
    log.error({ error: errorText(error), taskId }, 'a task cannot reach the VIPs of guarded services');
    this.#retry?.cancel();
    this.#retry = clock.after(RETRY_MS, () => void this.#changed());
  }

  #wanted(): Redirects | undefined {
    if (this.#vips.size === 0) return undefined;
    const callers = [...this.#callers.values()].flatMap(({ group, level, port }) =>
      port === undefined ? [] : [{ group, level, port }],
    );
    return { places: this.#vips.places(), callers };
  }

  #say(problem: string): void {
    if (this.#said || this.#vips.size === 0) return;
    this.#said = true;
    this.#parts.log.warn(
      { problem },
      'tasks here reach guarded services by rimrock.upstreams only, not at their VIPs',
    );
  }
}
