import { join } from 'node:path';
import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { scalarOf } from '../../mesos/index.ts';
import type { Resource } from '../../mesos/index.ts';
import { NESTED_FOLDER } from '../checkpoint/layout.ts';
import type { ContainerView, ExecutorView } from '../executors/executor.ts';
import type { diskUsage } from './measure.ts';

const MIB = 1024 * 1024;
/** Of a sandbox with more entries than these only so many count. */
const MAX_ENTRIES = 500_000;
/** A sandbox that takes long to look at is left alone for this many times as long. */
const REST = 9;

export interface DiskWatchParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly everyMs: number;
  /** End what takes more than its disk resource; otherwise it is only told. */
  readonly enforce: boolean;
  readonly measure: typeof diskUsage;
  readonly live: () => readonly ExecutorView[];
}

interface Measured {
  readonly bytes: number;
  /** Not before: monotonic milliseconds. */
  readonly next: number;
}

/** Knows how much of the disk the sandboxes of running containers take. One after the other, and never one look over another. */
export class DiskWatch {
  readonly #parts: DiskWatchParts;
  readonly #measured = new Map<string, Measured>();
  readonly #stopped = new AbortController();
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;

  constructor(parts: DiskWatchParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = this.#parts.clock.every(this.#parts.everyMs, () => void this.look());
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#stopped.abort();
    await this.#round;
  }

  /** As last measured; undefined where that has not been yet. */
  usedBytes(containerId: string): number | undefined {
    return this.#measured.get(containerId)?.bytes;
  }

  /** One round over all containers, or the one that is under way. */
  look(): Promise<void> {
    this.#round ??= this.#lookAtAll().finally(() => (this.#round = undefined));
    return this.#round;
  }

  async #lookAtAll(): Promise<void> {
    const all = this.#parts.live().flatMap(containersOf);
    const ids = new Set(all.map(({ container }) => container.containerId));
    for (const id of this.#measured.keys()) if (!ids.has(id)) this.#measured.delete(id);
    for (const { container, sandbox } of all) await this.#lookAt(container, sandbox);
  }

  async #lookAt(container: ContainerView, sandbox: string): Promise<void> {
    const { clock, log, measure, enforce } = this.#parts;
    const { signal } = this.#stopped;
    const { containerId, resources } = container;
    const began = clock.monotonic();
    if (signal.aborted || began < (this.#measured.get(containerId)?.next ?? 0)) return;
    try {
      const bytes = await measure(sandbox, MAX_ENTRIES, signal);
      const now = clock.monotonic();
      this.#measured.set(containerId, { bytes, next: now + REST * (now - began) });
      const limit = diskLimit(resources);
      if (!enforce || limit === undefined || bytes <= limit) return;
      log.warn({ containerId, bytes, limit }, 'a container takes more of the disk than it has');
      container.endOverLimit?.(overLimit(resources, bytes, limit));
    } catch (error) {
      if (!signal.aborted) log.debug({ containerId, error: errorText(error) }, 'a sandbox was not measured');
    }
  }
}

/** Undefined where none was asked for. */
export function diskLimit(resources: readonly Resource[]): number | undefined {
  const disk = scalarOf(resources, 'disk');
  return disk === 0 ? undefined : Math.round(disk * MIB);
}

function containersOf({
  container,
  nested,
  sandbox,
}: ExecutorView): { container: ContainerView; sandbox: string }[] {
  const inside = nested.map((one) => ({
    container: one,
    sandbox: join(sandbox, NESTED_FOLDER, one.containerId),
  }));
  return container ? [{ container, sandbox }, ...inside] : inside;
}

/** As Mesos tells it. */
function overLimit(resources: readonly Resource[], bytes: number, limit: number) {
  const mb = (n: number): string => `${Math.round((n / MIB) * 100) / 100}MB`;
  const role = resources.find(({ name }) => name === 'disk')?.role;
  const used: Resource = {
    name: 'disk',
    type: 'SCALAR',
    scalar: { value: bytes / MIB },
    ...(role === undefined ? {} : { role }),
  };
  return {
    reason: 'REASON_CONTAINER_LIMITATION_DISK' as const,
    message: `Disk usage (${mb(bytes)}) exceeds quota (${mb(limit)})`,
    resources: [used],
  };
}
