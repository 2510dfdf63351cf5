import type { Metrics, Sample } from '../core/metrics.ts';
import type { ExecutorView } from './executors/executor.ts';
import type { Usage } from './launcher/launcher.ts';

/** Name and help of a metric, and the name that Mesos has for it (mesos-api.md §3.6). */
const METRICS: readonly (readonly [name: string, help: string, key: string])[] = [
  [
    'rimrock_agent_container_cpu_user_seconds',
    'CPU time of a container in user mode.',
    'cpus_user_time_secs',
  ],
  [
    'rimrock_agent_container_cpu_system_seconds',
    'CPU time of a container in the kernel.',
    'cpus_system_time_secs',
  ],
  [
    'rimrock_agent_container_cpu_throttled_seconds',
    'Time that a container was held back for its CPU limit.',
    'cpus_throttled_time_secs',
  ],
  ['rimrock_agent_container_memory_rss_bytes', 'Memory of the processes of a container.', 'mem_rss_bytes'],
  [
    'rimrock_agent_container_memory_bytes',
    'Memory that counts against the limit of a container.',
    'mem_total_bytes',
  ],
  ['rimrock_agent_container_memory_limit_bytes', 'Memory at which a container is ended.', 'mem_limit_bytes'],
  [
    'rimrock_agent_container_disk_bytes',
    'What the sandbox of a container takes of the disk.',
    'disk_used_bytes',
  ],
  ['rimrock_agent_container_processes', 'Processes of a container.', 'processes'],
];

/** What each running container uses, asked for when the metrics are; a container that has ended has no series. */
export function observeUsage(
  metrics: Metrics,
  live: () => readonly ExecutorView[],
  diskUsed: (containerId: string) => number | undefined,
): void {
  let seen: readonly { readonly labels: Record<string, string>; readonly usage: Usage }[] = [];
  metrics.before(async () => {
    const asked = live().map(async ({ place, container }) => ({
      labels: { framework: place.frameworkId, executor: place.executorId },
      usage: { ...withDisk(diskUsed(place.containerId)), ...(await container?.usage()) },
    }));
    seen = await Promise.all(asked);
  });
  for (const [name, help, key] of METRICS) {
    metrics.observed(name, help, () =>
      seen.flatMap(({ labels, usage }): Sample[] => {
        const value = usage[key];
        return value === undefined ? [] : [{ labels, value }];
      }),
    );
  }
}

const withDisk = (bytes: number | undefined): Usage =>
  bytes === undefined ? {} : { disk_used_bytes: bytes };
