import type { Metrics } from '../../core/metrics.ts';
import type { Vips } from '../../cluster/vips/index.ts';

/** Counted when somebody reads them. */
export function exposeVipMetrics(metrics: Metrics, vips: Pick<Vips, 'totals'>): void {
  metrics.observed('rimrock_vip_vips', 'VIPs that have backends, each port and protocol counted.', () => [
    { value: vips.totals().vips },
  ]);
  metrics.observed(
    'rimrock_vip_backends',
    'Backends of VIPs: taking new connections, or draining (unhealthy, without a health result yet, being killed).',
    () => {
      const { taking, draining } = vips.totals();
      return [
        { labels: { state: 'taking' }, value: taking },
        { labels: { state: 'draining' }, value: draining },
      ];
    },
  );
}
