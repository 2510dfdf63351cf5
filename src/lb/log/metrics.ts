import type { Metrics } from '../../core/metrics.ts';
import type { AccessWriter } from './access-writer.ts';

/** Publish what became of the lines of the access log. */
export function publishAccessMetrics(metrics: Metrics, writer: Pick<AccessWriter, 'counts'>): void {
  metrics.observed('rimrock_lb_access_lines_total', 'Lines of the access log that are written', () => [
    { value: writer.counts.written },
  ]);
  metrics.observed(
    'rimrock_lb_access_lines_dropped_total',
    'Lines of the access log that there was no room for, or that could not be written',
    () => [{ value: writer.counts.dropped }],
  );
}
