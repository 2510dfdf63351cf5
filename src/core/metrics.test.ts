import { describe, expect, it } from 'vitest';
import { Metrics } from './metrics.ts';

describe('Metrics', () => {
  it('writes what is observed with its right type, read at the moment of the question', async () => {
    const metrics = new Metrics();
    let seen = 1;
    metrics.observed('rimrock_test_seen_total', 'Things seen.', () => [
      { labels: { kind: 'a' }, value: seen },
    ]);
    metrics.observed('rimrock_test_level', 'A level.', () => [{ value: 7 }]);
    seen = 2;
    const text = await metrics.text();
    expect(text).toContain('# TYPE rimrock_test_seen_total counter\nrimrock_test_seen_total{kind="a"} 2');
    expect(text).toContain('# TYPE rimrock_test_level gauge\nrimrock_test_level 7');
  });

  it('writes an observed histogram as Prometheus expects it', async () => {
    const metrics = new Metrics();
    metrics.observedHistogram('rimrock_test_wait_seconds', 'A wait.', () => [
      {
        labels: { service: 's' },
        buckets: [
          { le: 0.1, count: 2 },
          { le: Infinity, count: 1 },
        ],
        sum: 3.5,
      },
    ]);
    const lines = (await metrics.text()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE rimrock_test_wait_seconds histogram',
        'rimrock_test_wait_seconds_bucket{service="s",le="0.1"} 2',
        'rimrock_test_wait_seconds_bucket{service="s",le="+Inf"} 3',
        'rimrock_test_wait_seconds_sum{service="s"} 3.5',
        'rimrock_test_wait_seconds_count{service="s"} 3',
      ]),
    );
  });

  it.each(['requests_total', 'rimrock_Requests', 'rimrock', 'rimrock-x_y'])('refuses the name %s', (name) => {
    expect(() => new Metrics().counter(name, 'x')).toThrow(/rimrock_/);
  });
});
