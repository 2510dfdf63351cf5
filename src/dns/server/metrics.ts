import type { Condition } from '../../core/health.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { UdpService } from './udp-service.ts';

type Service = Pick<
  UdpService,
  'workers' | 'engine' | 'restarts' | 'listening' | 'coldWaiting' | 'coldDropped' | 'counts'
>;

/** What the sockets and workers of DNS over UDP count. */
export function exposeUdpMetrics(metrics: Metrics, udp: Service): void {
  const one = (name: string, help: string, read: () => number): void =>
    metrics.observed(name, help, () => [{ value: read() }]);
  metrics.observed(
    'rimrock_dns_engine_info',
    'Always 1; the label says how datagrams are received (dns.engine).',
    () => (udp.engine === undefined ? [] : [{ labels: { engine: udp.engine }, value: 1 }]),
  );
  one('rimrock_dns_workers_listening', 'Threads that answer over UDP now.', () => udp.listening);
  one(
    'rimrock_dns_worker_restarts_total',
    'How often such a thread died and was started again.',
    () => udp.restarts,
  );
  metrics.observed(
    'rimrock_dns_datagrams_total',
    'Datagrams: received; refused unread (too large); sent; unsent, because the system did not take the reply; faults, where an error of ours cost the answer.',
    () =>
      Object.entries(udp.counts ?? NO_COUNTS).map(([event, value]) => ({
        labels: { event },
        value: value as number,
      })),
  );
  one(
    'rimrock_dns_cold_waiting',
    'Questions on their way from the workers to the main thread.',
    () => udp.coldWaiting,
  );
  one(
    'rimrock_dns_cold_dropped_total',
    'Questions for the main thread that were dropped, because too many waited (dns.maxColdWaiting).',
    () => udp.coldDropped,
  );
}

const NO_COUNTS: NonNullable<UdpService['counts']> = {
  received: 0,
  sent: 0,
  refused: 0,
  unsent: 0,
  faults: 0,
};

/** Ready as long as at least one worker answers: the others are started again meanwhile. */
export function workersCondition(udp: Service): Condition {
  const { listening, workers, restarts } = udp;
  const detail = `${listening} of ${workers} answer, ${restarts} restarts`;
  return { ok: listening > 0, detail };
}
