import type { HistogramSample, Metrics, Sample } from '../core/metrics.ts';
import type { ServiceNumbers } from './plane/messages.ts';

/** Upper bounds of the latency buckets, seconds; the last bucket has no bound. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/**
 * Plain numbers of one service port. A plane counts in them on the hot path and tells what has come to pass about once a
 * second (`take`); the main thread adds that up (`add`).
 */
export class ServiceStats {
  /** Answers by status class; index 1 to 5. */
  readonly classes = new Float64Array(6);
  readonly latency = new Float64Array(BUCKETS.length + 1);
  latencySum = 0;
  readonly firstBytes = new Float64Array(BUCKETS.length + 1);
  firstByteSum = 0;
  retries = 0;
  /** Requests whose client left before the answer was complete. */
  cancelled = 0;
  /** Answers that were cut off. */
  truncated = 0;
  /** How often too few endpoints were usable, so that requests went to all that are up. */
  panics = 0;
  /** How often an instance was left out for its failures. */
  ejections = 0;
  /** Payload from clients and to them: bodies of requests and answers. */
  bytesIn = 0;
  bytesOut = 0;
  /** Requests that wait for an instance now, and the most at a time since that was told last. */
  waiting = 0;
  mostWaiting = 0;
  readonly failures = new Map<string, number>();
  /** Answers of our own in place of the service's, by reason. */
  readonly ownAnswers = new Map<string, number>();
  #answers = 0;
  #toldWaiting = 0;

  answered(status: number, ms: number): void {
    this.#answers += 1;
    const c = status < 600 ? (status / 100) | 0 : 5;
    this.classes[c] = (this.classes[c] ?? 0) + 1;
    const seconds = ms / 1000;
    this.latencySum += seconds;
    let b = 0;
    while (b < BUCKETS.length && seconds > (BUCKETS[b] ?? 0)) b++;
    this.latency[b] = (this.latency[b] ?? 0) + 1;
  }

  /** The first byte of an answer came so many milliseconds after the request. */
  firstByte(ms: number): void {
    const seconds = ms / 1000;
    this.firstByteSum += seconds;
    let b = 0;
    while (b < BUCKETS.length && seconds > (BUCKETS[b] ?? 0)) b++;
    this.firstBytes[b] = (this.firstBytes[b] ?? 0) + 1;
  }

  ownAnswer(reason: string): void {
    this.ownAnswers.set(reason, (this.ownAnswers.get(reason) ?? 0) + 1);
  }

  upstreamFailure(cause: string): void {
    this.failures.set(cause, (this.failures.get(cause) ?? 0) + 1);
  }

  /** One more waits for an instance (1), or one less (-1). */
  waits(by: 1 | -1): void {
    this.waiting += by;
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
  }

  /** An exchange is over, and that was its payload. */
  passed(bytesIn: number, bytesOut: number): void {
    this.bytesIn += bytesIn;
    this.bytesOut += bytesOut;
  }

  /** What was counted since the last time, from zero again; undefined when nothing was. */
  take(): ServiceNumbers | undefined {
    const { retries, cancelled, truncated, panics, ejections, latencySum } = this;
    const { bytesIn, bytesOut, waiting, mostWaiting } = this;
    const counted = retries + cancelled + truncated + panics + ejections + bytesIn + bytesOut;
    const waited = mostWaiting + this.#toldWaiting;
    if (this.#answers + counted + waited + this.failures.size + this.ownAnswers.size === 0) return undefined;
    const numbers: ServiceNumbers = {
      classes: [...this.classes],
      latency: [...this.latency],
      latencySum,
      firstBytes: [...this.firstBytes],
      firstByteSum: this.firstByteSum,
      retries,
      cancelled,
      truncated,
      panics,
      ejections,
      bytesIn,
      bytesOut,
      waiting,
      mostWaiting,
      ownAnswers: [...this.ownAnswers],
      failures: [...this.failures],
    };
    this.#answers = this.latencySum = this.retries = this.cancelled = 0;
    this.truncated = this.panics = this.ejections = this.bytesIn = this.bytesOut = 0;
    this.mostWaiting = this.#toldWaiting = waiting;
    this.ownAnswers.clear();
    this.firstByteSum = 0;
    this.classes.fill(0);
    this.latency.fill(0);
    this.firstBytes.fill(0);
    this.failures.clear();
    return numbers;
  }

  /** Add what a plane has told; what waits at all planes is their owner's to add up. */
  add(numbers: ServiceNumbers): void {
    for (const [i, n] of numbers.classes.entries()) this.classes[i] = (this.classes[i] ?? 0) + n;
    for (const [i, n] of numbers.latency.entries()) this.latency[i] = (this.latency[i] ?? 0) + n;
    for (const [i, n] of numbers.firstBytes.entries()) this.firstBytes[i] = (this.firstBytes[i] ?? 0) + n;
    this.latencySum += numbers.latencySum;
    this.firstByteSum += numbers.firstByteSum;
    this.retries += numbers.retries;
    this.cancelled += numbers.cancelled;
    this.truncated += numbers.truncated;
    this.panics += numbers.panics;
    this.ejections += numbers.ejections;
    this.passed(numbers.bytesIn, numbers.bytesOut);
    for (const [reason, n] of numbers.ownAnswers)
      this.ownAnswers.set(reason, (this.ownAnswers.get(reason) ?? 0) + n);
    for (const [cause, n] of numbers.failures) this.failures.set(cause, (this.failures.get(cause) ?? 0) + n);
  }
}

/** What the load balancer counts besides its services. */
export interface LbNumbers {
  readonly services: () => Iterable<readonly [string, ServiceStats]>;
  readonly ownAnswers: ReadonlyMap<string, number>;
  readonly handshakes: ReadonlyMap<string, number>;
  readonly connections: () => number;
  /** Open in HTTP/2. */
  readonly http2: (side: 'clients' | 'instances', what: 'connections' | 'streams') => number;
  readonly routes: () => number;
  readonly rejected: () => number;
  /** Planes that listen now, and how often one had to be started again. */
  readonly planes: () => number;
  readonly restarts: () => number;
}

/** Series are live services: they go with them. */
function publishServices(metrics: Metrics, numbers: Pick<LbNumbers, 'services'>): void {
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
      for (const [service, stats] of numbers.services())
        yield histogramOf(service, stats.latency, stats.latencySum);
    },
  );
  metrics.observedHistogram(
    'rimrock_lb_first_byte_seconds',
    'Time from request head to the first byte of the answer',
    function* () {
      for (const [service, stats] of numbers.services())
        yield histogramOf(service, stats.firstBytes, stats.firstByteSum);
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
  perService(
    'rimrock_lb_waiting_requests',
    'Requests and TCP connections that wait for an instance now',
    (service, s) => [{ labels: { service }, value: s.waiting }],
  );
  perService('rimrock_lb_bytes_total', 'Payload of requests (in) and answers (out)', (service, s) => [
    { labels: { service, direction: 'in' }, value: s.bytesIn },
    { labels: { service, direction: 'out' }, value: s.bytesOut },
  ]);
  perService('rimrock_lb_truncated_total', 'Answers that were cut off', (service, s) => [
    { labels: { service }, value: s.truncated },
  ]);
  perService(
    'rimrock_lb_panics_total',
    'Times that too few instances were usable, so that requests went to all that are up',
    (service, s) => [{ labels: { service }, value: s.panics }],
  );
  perService(
    'rimrock_lb_upstream_failures_total',
    'Attempts that got no answer, by cause',
    function* (service, stats) {
      for (const [cause, value] of stats.failures) yield { labels: { service, cause }, value };
    },
  );
  perService(
    'rimrock_lb_ejections_total',
    'Times that an instance was left out for its failures',
    (service, s) => [{ labels: { service }, value: s.ejections }],
  );
  perService(
    'rimrock_lb_service_own_answers_total',
    "Answers of the load balancer in place of a service's, by reason: overloaded is its circuit breaker, queue-timeout its queue",
    function* (service, stats) {
      for (const [reason, value] of stats.ownAnswers) yield { labels: { service, reason }, value };
    },
  );
}

/** Publish the numbers. Labels are services and reason codes: both bounded. */
export function publishMetrics(metrics: Metrics, numbers: LbNumbers): void {
  publishServices(metrics, numbers);
  metrics.observed(
    'rimrock_lb_tls_handshakes_total',
    'TLS handshakes with clients, by outcome',
    function* () {
      for (const [outcome, value] of numbers.handshakes) yield { labels: { outcome }, value };
    },
  );
  metrics.observed('rimrock_lb_own_answers_total', 'Answers of the load balancer itself', function* () {
    for (const [reason, value] of numbers.ownAnswers) yield { labels: { reason }, value };
  });
  metrics.observed('rimrock_lb_client_connections', 'Open client connections', () => [
    { value: numbers.connections() },
  ]);
  const bySide = (what: 'connections' | 'streams') => () =>
    (['clients', 'instances'] as const).map((side) => ({
      labels: { side },
      value: numbers.http2(side, what),
    }));
  metrics.observed(
    'rimrock_lb_http2_connections',
    'Open connections that speak HTTP/2, with clients and with instances',
    bySide('connections'),
  );
  metrics.observed('rimrock_lb_http2_streams', 'Open streams on them', bySide('streams'));
  metrics.observed('rimrock_lb_routes', 'Routes in the table', () => [{ value: numbers.routes() }]);
  metrics.observed('rimrock_lb_rejected_labels', 'Labels and rules that are set aside', () => [
    { value: numbers.rejected() },
  ]);
  metrics.observed('rimrock_lb_planes', 'Threads that carry traffic now', () => [
    { value: numbers.planes() },
  ]);
  metrics.observed('rimrock_lb_plane_restarts_total', 'Threads that died and were started again', () => [
    { value: numbers.restarts() },
  ]);
}

function histogramOf(service: string, counts: Float64Array, sum: number): HistogramSample {
  const buckets = Array.from(counts, (count, b) => ({ le: BUCKETS[b] ?? Infinity, count }));
  return { labels: { service }, buckets, sum };
}
