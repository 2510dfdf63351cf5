import type Dockerode from 'dockerode';
import type { Usage } from '../launcher.ts';
import { limitOfMemory } from './limits.ts';

const NANO = 1e9;
const SHARES_A_CORE = 1024;

/** What the engine says that a container uses, by the names of Mesos. */
export function usageOf(stats: Dockerode.ContainerStats, host: Dockerode.HostConfig): Usage {
  const { cpu_usage, throttling_data } = stats.cpu_stats;
  const memory = stats.memory_stats;
  // control groups 1 and 2 name the same thing differently
  const details = (memory.stats ?? {}) as unknown as Record<string, number | undefined>;
  const networks = Object.values(stats.networks ?? {});
  const sum = (f: (n: Dockerode.NetworkStats[string]) => number): number | undefined =>
    networks.length === 0 ? undefined : networks.reduce((all, n) => all + f(n), 0);
  const known: Record<string, number | undefined> = {
    cpus_user_time_secs: cpu_usage.usage_in_usermode / NANO,
    cpus_system_time_secs: cpu_usage.usage_in_kernelmode / NANO,
    cpus_limit: host.CpuShares ? host.CpuShares / SHARES_A_CORE : undefined,
    cpus_nr_periods: throttling_data.periods,
    cpus_nr_throttled: throttling_data.throttled_periods,
    cpus_throttled_time_secs: throttling_data.throttled_time / NANO,
    mem_total_bytes: memory.usage,
    mem_rss_bytes: details['total_rss'] ?? details['rss'] ?? details['anon'],
    mem_cache_bytes: details['total_cache'] ?? details['cache'] ?? details['file'],
    mem_limit_bytes: limitOfMemory(host),
    processes: stats.pids_stats?.current,
    net_rx_bytes: sum((n) => n.rx_bytes),
    net_rx_packets: sum((n) => n.rx_packets),
    net_rx_dropped: sum((n) => n.rx_dropped),
    net_tx_bytes: sum((n) => n.tx_bytes),
    net_tx_packets: sum((n) => n.tx_packets),
    net_tx_dropped: sum((n) => n.tx_dropped),
  };
  return Object.fromEntries(Object.entries(known).filter((entry) => entry[1] !== undefined)) as Usage;
}
