import type { Metrics, Sample } from '../core/metrics.ts';
import { rcodeName } from './wire/index.ts';

export type DnsTransport = 'udp' | 'tcp';

const MAX_RCODE = 24;

/** Plain numbers that the hot path counts up; `expose` publishes them. */
export class DnsCounters {
  /** Replies by transport and rcode; the last slot is for codes beyond the table. */
  readonly #replies = { udp: new Float64Array(MAX_RCODE), tcp: new Float64Array(MAX_RCODE) };
  ignored = 0;
  truncated = 0;
  forwarded = 0;
  forwardFailures = 0;
  forwardRejected = 0;

  reply(transport: DnsTransport, rcode: number): void {
    const slot = Math.min(rcode, MAX_RCODE - 1);
    (this.#replies[transport][slot] as number)++;
  }

  *replies(): Generator<Sample> {
    for (const transport of ['udp', 'tcp'] as const) {
      for (const [rcode, value] of this.#replies[transport].entries()) {
        if (value > 0 || rcode === 0) yield { labels: { transport, rcode: rcodeName(rcode) }, value };
      }
    }
  }
}

/** What is read from the parts when somebody looks at /metrics. */
export interface DnsGauges {
  zoneRecords(): number;
  zoneRevision(): number;
  tcpConnections(): number;
  forwardsUnderWay(): number;
}

export function exposeDnsMetrics(metrics: Metrics, counters: DnsCounters, gauges: DnsGauges): void {
  const one = (name: string, help: string, read: () => number): void =>
    metrics.observed(name, help, () => [{ value: read() }]);
  metrics.observed('rimrock_dns_queries_total', 'Queries answered, by transport and response code.', () =>
    counters.replies(),
  );
  one(
    'rimrock_dns_ignored_total',
    'Messages that got no answer: no query, or shorter than a header.',
    () => counters.ignored,
  );
  one(
    'rimrock_dns_truncated_total',
    'Replies from which answers were left out for their size.',
    () => counters.truncated,
  );
  one('rimrock_dns_forwarded_total', 'Exchanges with resolvers, each try counted.', () => counters.forwarded);
  one(
    'rimrock_dns_forward_failures_total',
    'Exchanges that brought no reply in time.',
    () => counters.forwardFailures,
  );
  one(
    'rimrock_dns_forward_rejected_total',
    'Messages from resolvers that did not match the question: wrong address, id or question.',
    () => counters.forwardRejected,
  );
  one('rimrock_dns_zone_records', 'Distinct records in the domain.', () => gauges.zoneRecords());
  one('rimrock_dns_zone_revision', 'Changes of the domain since the start.', () => gauges.zoneRevision());
  one('rimrock_dns_tcp_connections', 'TCP connections that are open.', () => gauges.tcpConnections());
  one('rimrock_dns_forwards_under_way', 'Questions that wait for a resolver.', () =>
    gauges.forwardsUnderWay(),
  );
}
