import type Dockerode from 'dockerode';
import {
  canHold,
  CPU_PERIOD_US,
  cpuQuotaUs,
  cpuShares,
  MIN_MEMORY,
  memoryLimit,
  pidsLimit,
} from '../cgroup/index.ts';
import type { Quantities } from '../launcher.ts';

/** What says "no limit" of memory to an engine that changes a container: it takes no word for that, but any number of whole pages. */
const UNLIMITED_BYTES = 2 ** 53 - 4096;
/** The same for the quota of CPU time. */
const UNLIMITED_QUOTA = -1;

/** What the engine is told of limits when it creates a container. */
export function createdLimits(quantities: Quantities | undefined): Dockerode.HostConfig {
  if (!quantities) return {};
  const { memBytes } = quantities;
  const [memory, quota, pids] = [memoryLimit(quantities), cpuQuotaUs(quantities), pidsLimit(quantities)];
  return {
    CpuShares: cpuShares(quantities),
    ...(quota === undefined ? {} : { CpuPeriod: CPU_PERIOD_US, CpuQuota: quota }),
    // no swap beyond it: the limit is the limit
    ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
    ...((memory ?? Infinity) > memBytes && memBytes >= MIN_MEMORY ? { MemoryReservation: memBytes } : {}),
    ...(pids === undefined ? {} : { PidsLimit: pids }),
  };
}

/** The same when it changes one. What is not said stays as it is, so all of it is said. */
export function changedLimits(quantities: Quantities): Dockerode.HostConfig & { readonly Memory: number } {
  const memory = memoryLimit(quantities) ?? UNLIMITED_BYTES;
  return {
    CpuPeriod: CPU_PERIOD_US,
    CpuQuota: UNLIMITED_QUOTA,
    ...createdLimits(quantities),
    Memory: memory,
    MemorySwap: memory,
    MemoryReservation: Math.min(memory, Math.max(MIN_MEMORY, quantities.memBytes)),
  };
}

/** The limit of memory that a container has; undefined: none. */
export function limitOfMemory({ Memory }: Dockerode.HostConfig): number | undefined {
  return Memory === undefined || Memory === 0 || Memory >= UNLIMITED_BYTES ? undefined : Memory;
}

/** Whether a container can be held to so many bytes, by what the engine measures of it: see `canHold`. */
export function fits(bytes: number, { usage, stats }: Dockerode.MemoryStats): boolean {
  // control groups 1 and 2 name the same thing differently; what has no file is not in these lists
  const details = (stats ?? {}) as unknown as Record<string, number | undefined>;
  const files = (['inactive_file', 'active_file'] as const).map(
    (name) => details[`total_${name}`] ?? details[name] ?? 0,
  );
  return canHold(
    bytes,
    usage ?? 0,
    files.reduce((sum, one) => sum + one, 0),
    0,
  );
}
