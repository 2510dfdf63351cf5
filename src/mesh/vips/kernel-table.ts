import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { RunCommand } from '../../net/index.ts';
import { digestIn, removalScript, tableScript } from './rules.ts';
import type { Redirects } from './rules.ts';

/** Where nft(8) looks for groups of version 2, whatever is mounted where. */
export const GROUPS = '/sys/fs/cgroup';
/** After a failure the next try is made this much later. */
const RETRY_MS = 1_000;
/** The kernel is compared with what is wanted, and repaired, this often. */
const RECONCILE_MS = 10_000;

export interface KernelTableParts {
  readonly table: string;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is wanted now; undefined: nothing. */
  readonly wanted: () => Redirects | undefined;
  /** For tests. */
  readonly exists?: (path: string) => boolean;
}

/** Brings a table of ours in the kernel to what is wanted: as a whole, which with a thousand tasks takes 20 ms. */
export class KernelTable {
  readonly #parts: KernelTableParts;
  readonly #exists: (path: string) => boolean;
  /** The digest of what the kernel has; undefined: no table. */
  #have: string | undefined;
  #dirty = false;
  #running: Promise<void> | undefined;
  #retry: Timer | undefined;
  #reconciling: Timer | undefined;
  #stopped = false;
  #said = '';
  failures = 0;

  constructor(parts: KernelTableParts) {
    this.#parts = parts;
    this.#exists = parts.exists ?? existsSync;
  }

  /** Why this cannot be had here; undefined: it can. What a predecessor has left is gone then. */
  async begin(): Promise<string | undefined> {
    const { run, table, clock } = this.#parts;
    const sample = { places: new Map<string, string>(), callers: [{ group: '.', level: 1, port: 1 }] };
    const checked = await run(['nft', '-c', '-f', '-'], tableScript(table, sample));
    if (!checked.ok) return `nft: ${checked.problem}`;
    const removed = await run(['nft', '-f', '-'], removalScript(table));
    if (!removed.ok) return `nft: ${removed.problem}`;
    this.#reconciling = clock.every(RECONCILE_MS, () => void this.#reconcile());
    return undefined;
  }

  /** What is wanted is different. Resolves when that is in effect, or has failed and is tried again later. */
  changed(): Promise<void> {
    this.#dirty = true;
    return (this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    }));
  }

  /** Nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#reconciling?.cancel();
    this.#retry?.cancel();
    await this.#running;
    const { run, table, log } = this.#parts;
    if (this.#have === undefined) return;
    const { ok, problem } = await run(['nft', '-f', '-'], removalScript(table));
    if (!ok) log.warn({ table, problem }, 'the redirects of calls to VIPs could not be removed');
  }

  async #work(): Promise<void> {
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false;
      const { run, table, log, clock } = this.#parts;
      const script = this.#script();
      const digest = script && digestIn(script);
      if (digest === this.#have) continue;
      const { ok, problem } = await run(['nft', '-f', '-'], script ?? removalScript(table));
      if (ok) {
        this.#have = digest;
        this.#said = '';
        continue;
      }
      // A group that has gone in this moment: without it, at once.
      if (this.#script() !== script) {
        this.#dirty = true;
        continue;
      }
      this.failures++;
      if (this.#said !== problem) log.warn({ table, problem }, 'calls to VIPs could not be redirected');
      this.#said = problem;
      this.#retry?.cancel();
      this.#retry = clock.after(RETRY_MS, () => void this.changed());
    }
  }

  #script(): string | undefined {
    const wanted = this.#parts.wanted();
    if (!wanted) return undefined;
    // One that is not there would have all of them refused.
    const callers = wanted.callers.filter(({ group }) => this.#exists(join(GROUPS, group)));
    return tableScript(this.#parts.table, { ...wanted, callers });
  }

  /** Somebody may have flushed all rules of the machine. */
  async #reconcile(): Promise<void> {
    await this.#running;
    if (this.#have === undefined || this.#stopped) return;
    const { run, table, log } = this.#parts;
    const had = this.#have;
    // Without the elements: nft would look for the folder of every group.
    const { ok, stdout } = await run(['nft', '-j', '-t', 'list', 'table', 'inet', table]);
    if (this.#running || this.#have !== had || (ok && digestIn(stdout) === had)) return;
    log.warn({ table }, 'the redirects of calls to VIPs were not as they were left: repaired');
    this.#have = '';
    await this.changed();
  }
}
