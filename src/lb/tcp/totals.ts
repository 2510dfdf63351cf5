import type { Metrics, Sample } from '../../core/metrics.ts';
import { DURATIONS, TcpStats } from './stats.ts';
import type { TcpNumbers } from './stats.ts';

/** What all planes have counted of TCP connections, also those planes that are gone. */
export class TcpTotals {
  readonly #services = new Map<string, { readonly stats: TcpStats; readonly open: Map<number, number> }>();

  /** The backends are gone, and what was counted of them with them. */
  forget(backendKeys: readonly string[]): void {
    for (const key of backendKeys) this.#services.delete(key);
  }

  add(plane: number, numbers: readonly (readonly [backendKey: string, numbers: TcpNumbers])[]): void {
    for (const [key, counted] of numbers) {
      let service = this.#services.get(key);
      if (service === undefined)
        this.#services.set(key, (service = { stats: new TcpStats(), open: new Map() }));
      service.stats.add(counted);
      service.open.set(plane, counted.open);
    }
  }

  /** A plane is gone, and its connections with it. */
  gone(plane: number): void {
    for (const { open } of this.#services.values()) open.delete(plane);
  }

  /** What has passed over connections to a service. */
  bytes(backendKey: string): { readonly bytesIn: number; readonly bytesOut: number } | undefined {
    return this.#services.get(backendKey)?.stats;
  }

  *services(): Generator<readonly [backendKey: string, stats: TcpStats, open: number]> {
    for (const [key, { stats, open }] of this.#services) {
      let now = 0;
      for (const n of open.values()) now += n;
      yield [key, stats, now];
    }
  }
}

/** Publish the numbers. Labels are services, causes and two directions: all bounded. */
export function publishTcpMetrics(metrics: Metrics, totals: TcpTotals): void {
  const perService = (
    name: string,
    help: string,
    read: (service: string, stats: TcpStats, open: number) => Iterable<Sample>,
  ): void =>
    metrics.observed(name, help, function* () {
      for (const [service, stats, open] of totals.services()) yield* read(service, stats, open);
    });
  const one =
    (read: (stats: TcpStats, open: number) => number) =>
    (service: string, stats: TcpStats, open: number): Sample[] => [
      { labels: { service }, value: read(stats, open) },
    ];
  perService(
    'rimrock_lb_tcp_connections',
    'TCP connections of clients that are open',
    one((_, open) => open),
  );
  perService(
    'rimrock_lb_tcp_connections_total',
    'TCP connections of clients that were joined to an instance',
    one((stats) => stats.opened),
  );
  perService(
    'rimrock_lb_tcp_retries_total',
    'Connects to an instance that failed and were tried at another one',
    one((stats) => stats.retries),
  );
  perService(
    'rimrock_lb_tcp_failures_total',
    'TCP connections of clients that came to no instance, by cause',
    function* (service, stats) {
      for (const [cause, value] of stats.failed) yield { labels: { service, cause }, value };
    },
  );
  perService('rimrock_lb_tcp_bytes_total', 'Bytes from clients (in) and to them (out)', (service, stats) => [
    { labels: { service, direction: 'in' }, value: stats.bytesIn },
    { labels: { service, direction: 'out' }, value: stats.bytesOut },
  ]);
  metrics.observedHistogram(
    'rimrock_lb_tcp_connection_seconds',
    'How long TCP connections lasted, once they have ended',
    function* () {
      for (const [service, stats] of totals.services()) {
        const buckets = Array.from(stats.durations, (count, b) => ({ le: DURATIONS[b] ?? Infinity, count }));
        yield { labels: { service }, buckets, sum: stats.durationSum };
      }
    },
  );
}
