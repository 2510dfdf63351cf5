import { isIp } from '../../core/ip.ts';
import { asBoolean, asList, asNumber, asText, at, member } from './json.ts';
import { readLabelList } from './labels.ts';
import type { RunningStatus } from './types.ts';

/** When a status was made, in milliseconds; 0 when it does not say. */
export function statusTimeMs(status: unknown): number {
  return Math.round((asNumber(member(status, 'timestamp')) ?? 0) * 1000);
}

/** Addresses and health out of one TASK_RUNNING status (mesos-dns.md §6.4 has the places). */
export function readRunningStatus(status: unknown): RunningStatus {
  const labels = readLabelList(member(status, 'labels'), []);
  const byLabel = (key: string): string[] =>
    labels.filter((l) => l.key === key && isIp(l.value)).map((l) => l.value);
  return {
    timestampMs: statusTimeMs(status),
    healthy: asBoolean(member(status, 'healthy')),
    netinfoIps: networkIps(status),
    dockerIps: byLabel('Docker.NetworkSettings.IPAddress'),
    mesosIps: byLabel('MesosContainerizer.NetworkSettings.IPAddress'),
  };
}

function networkIps(status: unknown): string[] {
  const ips: string[] = [];
  for (const info of asList(at(status, 'container_status', 'network_infos'))) {
    const list = asList(member(info, 'ip_addresses'));
    // Mesos before 0.26 had one address per network, without a list.
    const texts = list.length > 0 ? list.map((a) => member(a, 'ip_address')) : [member(info, 'ip_address')];
    for (const text of texts) if (typeof text === 'string' && isIp(text)) ips.push(text);
  }
  return ips;
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
