import type { HistogramSample, Metrics, Sample } from '../core/metrics.ts';

/** Upper bounds of the latency buckets, seconds; the last bucket has no bound. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Plain numbers of one service, counted on the hot path and read when somebody asks for the metrics. */
export class ServiceStats {
  /** Answers by status class; index 1 to 5. */
  readonly classes = new Float64Array(6);
  readonly latency = new Float64Array(BUCKETS.length + 1);
  latencySum = 0;
  retries = 0;
  /** Requests whose client left before the answer was complete. */
  cancelled = 0;
  /** Answers that were cut off. */
  truncated = 0;
  readonly failures = new Map<string, number>();

  answered(status: number, ms: number): void {
    const c = status < 600 ? (status / 100) | 0 : 5;
    this.classes[c] = (this.classes[c] ?? 0) + 1;
    const seconds = ms / 1000;
    this.latencySum += seconds;
    let b = 0;
    while (b < BUCKETS.length && seconds > (BUCKETS[b] ?? 0)) b++;
    this.latency[b] = (this.latency[b] ?? 0) + 1;
  }

  upstreamFailure(cause: string): void {
    this.failures.set(cause, (this.failures.get(cause) ?? 0) + 1);
  }
}

/** What the load balancer counts besides its services. */
export interface LbNumbers {
  readonly services: () => Iterable<readonly [string, ServiceStats]>;
  readonly ownAnswers: ReadonlyMap<string, number>;
  readonly connections: () => number;
  readonly routes: () => number;
  readonly rejected: () => number;
}

/** Publish the numbers. Labels are services and reason codes: both bounded. */
export function publishMetrics(metrics: Metrics, numbers: LbNumbers): void {
  const perService = (
    name: string,
    help: string,
    read: (service: string, stats: ServiceStats) => Iterable<Sample>,
  ): void =>
    metrics.observed(name, help, function* () {
      for (const [service, stats] of numbers.services()) yield* read(service, stats);
    });
  perService(
    'rimrock_lb_requests_total',
    'Answers of services that were relayed, by status class',
    function* (service, stats) {
      for (let c = 1; c <= 5; c++)
        if (stats.classes[c]) yield { labels: { service, class: `${c}xx` }, value: stats.classes[c] ?? 0 };
    },
  );
  metrics.observedHistogram(
    'rimrock_lb_request_seconds',
    'Time from request head to the end of the answer',
    function* () {
      for (const [service, stats] of numbers.services()) yield latencyOf(service, stats);
    },
  );
  perService('rimrock_lb_retries_total', 'Requests sent again to another instance', (service, s) => [
    { labels: { service }, value: s.retries },
  ]);
  perService(
    'rimrock_lb_cancelled_total',
    'Requests whose client left before the answer was complete',
    (service, s) => [{ labels: { service }, value: s.cancelled }],
  );
  perService('rimrock_lb_truncated_total', 'Answers that were cut off', (service, s) => [
    { labels: { service }, value: s.truncated },
  ]);
  perService(
    'rimrock_lb_upstream_failures_total',
    'Attempts that got no answer, by cause',
    function* (service, stats) {
      for (const [cause, value] of stats.failures) yield { labels: { service, cause }, value };
    },
  );
  metrics.observed('rimrock_lb_own_answers_total', 'Answers of the load balancer itself', function* () {
    for (const [reason, value] of numbers.ownAnswers) yield { labels: { reason }, value };
  });
  metrics.observed('rimrock_lb_client_connections', 'Open client connections', () => [
    { value: numbers.connections() },
  ]);
  metrics.observed('rimrock_lb_routes', 'Routes in the table', () => [{ value: numbers.routes() }]);
  metrics.observed('rimrock_lb_rejected_labels', 'Labels and rules that are set aside', () => [
    { value: numbers.rejected() },
  ]);
}

function latencyOf(service: string, stats: ServiceStats): HistogramSample {
  const buckets = Array.from(stats.latency, (count, b) => ({ le: BUCKETS[b] ?? Infinity, count }));
  return { labels: { service }, buckets, sum: stats.latencySum };
}
