import type { HistogramSample, Metrics, Sample } from '../core/metrics.ts';
import {
  AnswerCounters,
  AnswerTotals,
  COUNT,
  LATENCY_BUCKETS_US,
  QUESTION_KINDS,
  RCODE_SLOTS,
  newAnswerCounters,
} from './answer/counters.ts';
import type { Count } from './answer/counters.ts';
import { rcodeName } from './wire/index.ts';

export type DnsTransport = 'udp' | 'tcp';

/**
 * Plain numbers that the hot paths count up; `expose` publishes them. What answering threads count is in shared memory, with a
 * block for each: the main thread has the first one.
 */
export class DnsCounters {
  /** To be handed to the workers: the block of worker n is n + 1. */
  readonly shared: SharedArrayBuffer;
  /** What the main thread itself answers. */
  readonly own: AnswerCounters;
  readonly totals: AnswerTotals;
  /** Those of the main thread that are not in `own`. */
  ignored = 0;
  truncated = 0;
  forwarded = 0;
  forwardFailures = 0;
  forwardRejected = 0;
  /** Samples of the query log that were left out, there being too many. */
  querySamplesDropped = 0;

  constructor(workers = 0) {
    this.shared = newAnswerCounters(workers + 1);
    this.own = new AnswerCounters(this.shared, 0);
    this.totals = new AnswerTotals(this.shared);
  }

  reply(transport: DnsTransport, rcode: number): void {
    this.own.reply(transport === 'tcp', rcode);
  }

  *replies(): Generator<Sample> {
    for (const transport of ['udp', 'tcp'] as const) {
      for (let rcode = 0; rcode < RCODE_SLOTS; rcode++) {
        const value = this.totals.replies(transport === 'tcp', rcode);
        if (value > 0 || rcode === 0) yield { labels: { transport, rcode: rcodeName(rcode) }, value };
      }
    }
  }

  questions(): Sample[] {
    return QUESTION_KINDS.map((type, kind) => ({ labels: { type }, value: this.totals.questions(kind) }));
  }

  latency(): HistogramSample[] {
    const { counts, sumUs } = this.totals.latency();
    const buckets = counts.map((count, i) => ({ le: (LATENCY_BUCKETS_US[i] as number) / 1e6, count }));
    return [{ buckets, sum: sumUs / 1e6 }];
  }
}

/** What is read from the parts when somebody looks at /metrics. */
export interface DnsGauges {
  zoneRecords(): number;
  zoneRevision(): number;
  tcpConnections(): number;
  forwardsUnderWay(): number;
  /** Bytes of memory that the table of answers has come to use. */
  tableBytes(): number;
  /** Records and names that are published and not in the table. */
  leftOut(): number;
  /** Steps of the cluster that are not written in full yet. */
  stepsBehind(): number;
}

export function exposeDnsMetrics(metrics: Metrics, counters: DnsCounters, gauges: DnsGauges): void {
  const one = (name: string, help: string, read: () => number): void =>
    metrics.observed(name, help, () => [{ value: read() }]);
  metrics.observed('rimrock_dns_queries_total', 'Queries answered, by transport and response code.', () =>
    counters.replies(),
  );
  exposeAnswering(metrics, counters);
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
  one('rimrock_dns_table_bytes', 'Memory that the table of answers has come to use.', () =>
    gauges.tableBytes(),
  );
  one(
    'rimrock_dns_records_set_aside',
    'Records and names that DNS cannot say or that found no room; /rejected names them.',
    () => gauges.leftOut(),
  );
  one('rimrock_dns_zone_steps_behind', 'Steps of the cluster that are not in the answers yet.', () =>
    gauges.stepsBehind(),
  );
  one('rimrock_dns_zone_revision', 'Changes of the domain since the start.', () => gauges.zoneRevision());
  one('rimrock_dns_tcp_connections', 'TCP connections that are open.', () => gauges.tcpConnections());
  one('rimrock_dns_forwards_under_way', 'Questions that wait for a resolver.', () =>
    gauges.forwardsUnderWay(),
  );
}

function exposeAnswering(metrics: Metrics, counters: DnsCounters): void {
  const { totals } = counters;
  const one = (name: string, help: string, what: Count): void =>
    metrics.observed(name, help, () => [{ value: totals.of(what) }]);
  const by = (name: string, help: string, label: string, of: Readonly<Record<string, Count>>): void =>
    metrics.observed(name, help, () =>
      Object.entries(of).map(([value, what]) => ({ labels: { [label]: value }, value: totals.of(what) })),
    );
  metrics.observed(
    'rimrock_dns_ignored_total',
    'Messages that got no answer: no query, or shorter than a header.',
    () => [{ value: counters.ignored + totals.of(COUNT.ignored) }],
  );
  metrics.observed(
    'rimrock_dns_truncated_total',
    'Replies from which answers were left out for their size.',
    () => [{ value: counters.truncated + totals.of(COUNT.truncated) }],
  );
  one('rimrock_dns_malformed_total', 'Queries that could not be read.', COUNT.malformed);
  metrics.observed('rimrock_dns_questions_total', 'Questions by type.', () => counters.questions());
  one(
    'rimrock_dns_cold_total',
    'Questions that the table did not answer, for names outside the zones.',
    COUNT.coldTaken,
  );
  by(
    'rimrock_dns_rate_limited_total',
    'Replies over the rate of their prefix, by what became of them.',
    'outcome',
    {
      slipped: COUNT.rateSlipped,
      dropped: COUNT.rateDropped,
    },
  );
  by('rimrock_dns_cookies_total', 'Queries with a server cookie, by whether it was good.', 'verdict', {
    valid: COUNT.cookiesValid,
    invalid: COUNT.cookiesInvalid,
  });
  one('rimrock_dns_batches_total', 'Batches in which datagrams were received.', COUNT.batches);
  metrics.observedHistogram(
    'rimrock_dns_answer_seconds',
    'Time from receiving a batch of datagrams until its replies were sent.',
    () => counters.latency(),
  );
  metrics.observed(
    'rimrock_dns_query_samples_dropped_total',
    'Samples of the query log that were left out for their rate.',
    () => [{ value: counters.querySamplesDropped + totals.of(COUNT.samplesDropped) }],
  );
}
