import { isIp } from '../../core/ip.ts';
import { asBoolean, asList, asNumber, asText, at, member } from './json.ts';
import { readLabelList } from './labels.ts';
import { compactStatus } from './running.ts';
import { compact, NOTHING, sharedText } from './share.ts';
import type { NamedNetwork, RunningStatus } from './types.ts';

/** When a status was made, in milliseconds; 0 when it does not say, or says what can be no time. */
export function statusTimeMs(status: unknown): number {
  const ms = Math.round((asNumber(member(status, 'timestamp')) ?? 0) * 1000);
  return Number.isSafeInteger(ms) ? ms : 0;
}

/** Addresses and health out of one TASK_RUNNING status (mesos-dns.md §6.4 has the places). */
export function readRunningStatus(status: unknown): RunningStatus {
  const labels = readLabelList(member(status, 'labels'), []);
  const networks = asList(at(status, 'container_status', 'network_infos')).map(readNetwork);
  const byLabel = (key: string): readonly string[] =>
    compact(labels.filter((l) => l.key === key && isIp(l.value)).map((l) => l.value));
  return compactStatus({
    timestampMs: statusTimeMs(status),
    healthy: asBoolean(member(status, 'healthy')),
    netinfoIps: networkIps(networks),
    dockerIps: byLabel('Docker.NetworkSettings.IPAddress'),
    mesosIps: byLabel('MesosContainerizer.NetworkSettings.IPAddress'),
    networks: named(networks),
  });
}

/** One of `container_status.network_infos`; the name is empty where it has none. */
function readNetwork(info: unknown): NamedNetwork {
  const list = asList(member(info, 'ip_addresses'));
  // Mesos before 0.26 had one address per network, without a list.
  const texts = list.length > 0 ? list.map((a) => member(a, 'ip_address')) : [member(info, 'ip_address')];
  const ips = texts.filter((text) => typeof text === 'string' && isIp(text)) as string[];
  return { name: sharedText(asText(member(info, 'name')) ?? ''), ips: compact(ips) };
}

function networkIps(networks: readonly NamedNetwork[]): readonly string[] {
  const [only] = networks;
  if (only === undefined) return NOTHING;
  return networks.length === 1 ? only.ips : networks.flatMap((n) => n.ips);
}

function named(networks: readonly NamedNetwork[]): readonly NamedNetwork[] {
  return compact(networks.filter((n) => n.name !== ''));
}

/** What a task's history says: its newest TASK_RUNNING status (of equals the first), and when it first ran. */
export function readHistory(statuses: unknown): {
  readonly running: RunningStatus | undefined;
  readonly startedAtMs: number;
} {
  let newest: unknown;
  let newestMs = 0;
  let firstMs = 0;
  for (const status of asList(statuses)) {
    if (asText(member(status, 'state')) !== 'TASK_RUNNING') continue;
    const ms = statusTimeMs(status);
    if (firstMs === 0 || (ms > 0 && ms < firstMs)) firstMs = ms;
    if (newest === undefined || ms > newestMs) {
      newest = status;
      newestMs = ms;
    }
  }
  return { running: newest === undefined ? undefined : readRunningStatus(newest), startedAtMs: firstMs };
}
