import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type MetricLabels = Readonly<Record<string, string | number>>;

/** One sample of a metric that is read when asked, not pushed. */
export interface Sample {
  readonly labels?: MetricLabels;
  readonly value: number;
}

/** One labelled histogram: how many fell into each bucket (not summed up), the last with `le` Infinity. */
export interface HistogramSample {
  readonly labels?: MetricLabels;
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly sum: number;
}

const NAME = /^rimrock_[a-z0-9]+(_[a-z0-9]+)+$/;

/**
 * Metrics of one part of the program, in the Prometheus text format. Names are `rimrock_<part>_<what>[_<unit>][_total]`
 * (docs/reference/metrics.md; a test compares). Labels must be bounded: services and routes, never clients or paths.
 * Hot paths keep plain numbers of their own and expose them with `observed`.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #before: (() => Promise<void>)[] = [];

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    return new Counter({ name: checked(name), help, labelNames: [...labels], registers: [this.#registry] });
  }

  gauge(name: string, help: string, labels: readonly string[] = []): Gauge {
    return new Gauge({ name: checked(name), help, labelNames: [...labels], registers: [this.#registry] });
  }

  histogram(
    name: string,
    help: string,
    bucketsSeconds: readonly number[],
    labels: readonly string[] = [],
  ): Histogram {
    return new Histogram({
      name: checked(name),
      help,
      labelNames: [...labels],
      buckets: [...bucketsSeconds],
      registers: [this.#registry],
    });
  }

  /**
   * A metric whose samples are produced when somebody reads /metrics: a counter when the name ends in `_total`, else a
   * gauge. Hot paths count in plain numbers and show them through this.
   */
  observed(name: string, help: string, samples: () => Iterable<Sample>): void {
    const type = name.endsWith('_total') ? 'counter' : 'gauge';
    this.#observe(checked(name), help, type, () =>
      Array.from(samples(), (s) => ({ labels: { ...s.labels }, value: s.value })),
    );
  }

  /** A histogram that is kept elsewhere and read when somebody asks. */
  observedHistogram(name: string, help: string, samples: () => Iterable<HistogramSample>): void {
    this.#observe(checked(name), help, 'histogram', () => [...samples()].flatMap((s) => seriesOf(name, s)));
  }

  /** Awaited each time before the text is written: for numbers that must be asked for first. */
  before(refresh: () => Promise<void>): void {
    this.#before.push(refresh);
  }

  /** The text exposition. */
  async text(): Promise<string> {
    await Promise.all(this.#before.map((refresh) => refresh()));
    return this.#registry.metrics();
  }

  /** Names and help of all metrics (for the documentation check). */
  async names(): Promise<ReadonlyMap<string, string>> {
    const all = await this.#registry.getMetricsAsJSON();
    return new Map(all.map((m) => [m.name, m.help]));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** prom-client asks a metric only for `name` and `get()`; its own classes keep the samples, ours reads them. */
  #observe(
    name: string,
    help: string,
    type: 'counter' | 'gauge' | 'histogram',
    values: () => Series[],
  ): void {
    const aggregator = 'sum';
    const metric = { name, get: async () => ({ name, help, type, aggregator, values: values() }) };
    this.#registry.registerMetric(metric as unknown as Gauge);
  }
}

interface Series {
  readonly metricName?: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/** The `_bucket`, `_sum` and `_count` series of one labelled histogram. */
function seriesOf(name: string, sample: HistogramSample): Series[] {
  const labels = { ...sample.labels };
  let cumulative = 0;
  const buckets = sample.buckets.map(({ le, count }) => {
    cumulative += count;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: le === Infinity ? '+Inf' : le },
      value: cumulative,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sample.sum },
    { metricName: `${name}_count`, labels, value: cumulative },
  ];
}

function checked(name: string): string {
  if (!NAME.test(name)) throw new Error(`metric ${name}: names are rimrock_<part>_<what>, lower snake case`);
  return name;
}
