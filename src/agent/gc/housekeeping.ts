import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { Layout } from '../checkpoint/layout.ts';
import type { Checkpoints } from '../checkpoint/records.ts';
import type { AgentConfig } from '../config.ts';
import { DiskWatch } from '../disk/disk-watch.ts';
import type { ExecutorView } from '../executors/executor.ts';
import type { Machine } from '../machine.ts';
import type { AgentMetrics } from '../metrics.ts';

const GC_EVERY_MS = 60_000;

export interface HousekeepingParts {
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly machine: Pick<Machine, 'diskUsage' | 'oldSandboxes'>;
  readonly metrics: AgentMetrics;
  readonly live: () => readonly ExecutorView[];
}

/** Keeps the disk of an agent in order: knows what sandboxes take, and removes the old ones. */
export class Housekeeping {
  readonly #parts: HousekeepingParts;
  readonly #watch: DiskWatch | undefined;
  #gc: Timer | undefined;

  constructor(parts: HousekeepingParts) {
    this.#parts = parts;
    const { config, clock, log, live, machine } = parts;
    const everyMs = config.diskWatchIntervalSeconds * 1000;
    const { diskUsage: measure } = machine;
    const watch = { clock, log, everyMs, enforce: config.enforceDiskQuota, live };
    this.#watch = measure && new DiskWatch({ ...watch, measure });
  }

  start(checkpoints: Checkpoints): void {
    this.#watch?.start();
    this.#gc = this.#parts.clock.every(GC_EVERY_MS, () => void this.#collect(checkpoints));
  }

  async stop(): Promise<void> {
    this.#gc?.cancel();
    await this.#watch?.stop();
  }

  /** What the sandbox of a container took when it was last looked at, in bytes. */
  diskUsed(containerId: string): number | undefined {
    return this.#watch?.usedBytes(containerId);
  }

  async #collect(checkpoints: Checkpoints): Promise<void> {
    const { config, clock, machine, metrics, log } = this.#parts;
    const live = new Set(this.#parts.live().map((executor) => executor.place.containerId));
    try {
      const root = new Layout(config.workDir).sandboxes;
      const old = await machine.oldSandboxes(root, clock, config.gcDelaySeconds * 1000, (p) =>
        live.has(p.containerId),
      );
      for (const place of old) {
        await checkpoints.removeSandbox(place);
        metrics.sandboxesCollected++;
      }
    } catch (error) {
      log.warn({ error }, 'old sandboxes were not collected');
    }
  }
}
