import type { Metrics } from '../../core/metrics.ts';
import type { CarrierCounts } from './carrier.ts';
import type { VirtualServer } from './plan/index.ts';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Shows what carries VIPs, and gives the numbers that the carrier counts in. */
export function exposeVipCarrier(
  metrics: Metrics,
  read: { readonly mode: () => string; readonly servers: () => Iterable<VirtualServer> },
): CarrierCounts {
  const seconds = metrics.histogram(
    'rimrock_lb_vip_apply_seconds',
    'How long it took to bring VIPs into effect, or to look whether they are.',
    BUCKETS,
  );
  const counts = { changes: 0, repairs: 0, failures: 0, seconds: (value: number) => seconds.observe(value) };
  metrics.observed('rimrock_lb_vip_mode', 'What carries VIPs: 1 for kernel, proxy or off.', () => [
    { labels: { mode: read.mode() }, value: 1 },
  ]);
  metrics.observed('rimrock_lb_vip_servers', 'Addresses and ports of VIPs that are carried.', () => {
    return [{ value: Array.from(read.servers()).length }];
  });
  metrics.observed(
    'rimrock_lb_vip_backends',
    'Backends at addresses of VIPs: taking new connections, or not.',
    () => {
      let [taking, draining] = [0, 0];
      for (const server of read.servers()) {
        taking += server.targets.length;
        draining += server.backends.length - server.targets.length;
      }
      return [
        { labels: { state: 'taking' }, value: taking },
        { labels: { state: 'draining' }, value: draining },
      ];
    },
  );
  metrics.observed('rimrock_lb_vip_changes_total', 'Changes of VIPs brought into effect.', () => [
    { value: counts.changes },
  ]);
  metrics.observed('rimrock_lb_vip_repairs_total', 'Pieces that others had changed in the kernel.', () => [
    { value: counts.repairs },
  ]);
  metrics.observed('rimrock_lb_vip_failures_total', 'Changes of VIPs that could not be made.', () => [
    { value: counts.failures },
  ]);
  return counts;
}
