import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type MetricLabels = Readonly<Record<string, string | number>>;

/** One sample of a metric that is read when asked, not pushed. */
export interface Sample {
  readonly labels?: MetricLabels;
  readonly value: number;
}

const NAME = /^rimrock_[a-z0-9]+(_[a-z0-9]+)+$/;

/**
 * Metrics of one part of the program, in the Prometheus text format. Names are `rimrock_<part>_<what>[_<unit>][_total]`
 * (docs/reference/metrics.md; a test compares). Labels must be bounded: services and routes, never clients or paths.
 * Hot paths keep plain numbers of their own and expose them with `observed`.
 */
export class Metrics {
  readonly #registry = new Registry();

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

  /** A gauge whose samples are produced when somebody reads /metrics. Use it too for monotonic hot-path counters. */
  observed(name: string, help: string, labels: readonly string[], samples: () => Iterable<Sample>): void {
    const gauge = new Gauge({
      name: checked(name),
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      collect() {
        gauge.reset();
        for (const s of samples()) gauge.set({ ...s.labels }, s.value);
      },
    });
  }

  /** The text exposition. */
  text(): Promise<string> {
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
}

function checked(name: string): string {
  if (!NAME.test(name)) throw new Error(`metric ${name}: names are rimrock_<part>_<what>, lower snake case`);
  return name;
}
