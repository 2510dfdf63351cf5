import type { MasterConfig } from './config.ts';

const UNITS = [
  ['weeks', 604_800_000],
  ['days', 86_400_000],
  ['hrs', 3_600_000],
  ['mins', 60_000],
  ['secs', 1000],
] as const;

/** A duration as Mesos writes it: the largest unit that divides it, `15secs`, `10mins`, `250ms`. */
export function durationText(ms: number): string {
  for (const [unit, size] of UNITS) if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  return `${ms}ms`;
}

/** The configuration under the names of Mesos' flags, as /flags shows it. All values are text. */
export function flags(config: MasterConfig, address: { readonly port: number }): Record<string, string> {
  const out: Record<string, string | undefined> = {
    agent_removal_rate_limit: config.agentRemovalRateLimit,
    recovery_agent_removal_limit: `${config.recoveryAgentRemovalLimitPercent}%`,
    agent_ping_timeout: durationText(config.pingIntervalSeconds * 1000),
    agent_reregister_timeout: durationText(config.agentReregisterTimeoutSeconds * 1000),
    allocation_interval: durationText(config.allocationIntervalMs),
    allocator: 'hierarchical',
    advertise_ip: config.advertiseIp,
    authenticate_agents: 'false',
    authenticate_frameworks: 'false',
    authenticate_http_frameworks: 'false',
    authenticate_http_readonly: 'false',
    authenticate_http_readwrite: 'false',
    cluster: config.cluster,
    filter_gpu_resources: String(config.filterGpuResources),
    framework_sorter: 'drf',
    hostname: config.hostname,
    hostname_lookup: 'false',
    ip: config.host,
    max_agent_ping_timeouts: String(config.maxPingTimeouts),
    max_completed_frameworks: String(config.maxCompletedFrameworks),
    max_completed_tasks_per_framework: String(config.maxCompletedTasksPerFramework),
    max_operator_event_stream_subscribers: String(config.maxOperatorSubscribers),
    max_unreachable_tasks_per_framework: String(config.maxUnreachableTasksPerFramework),
    min_allocatable_resources: config.minAllocatableResources,
    offer_constraints_re2_max_program_size: String(config.offerConstraintsMaxProgramSize),
    offer_timeout:
      config.offerTimeoutSeconds === undefined ? undefined : durationText(config.offerTimeoutSeconds * 1000),
    port: String(address.port),
    registry_gc_interval: '15mins',
    registry_max_agent_age: '2weeks',
    role_sorter: 'drf',
    root_submissions: String(config.rootSubmissions),
  };
  return Object.fromEntries(Object.entries(out).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])));
}
