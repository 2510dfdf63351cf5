import { describe, expect, it } from 'vitest';
import { Metrics } from '../core/metrics.ts';
import { AnswerCounters, COUNT } from './answer/counters.ts';
import { DnsCounters, exposeDnsMetrics } from './metrics.ts';

async function lines(counters: DnsCounters): Promise<string[]> {
  const metrics = new Metrics();
  exposeDnsMetrics(metrics, counters, {
    zoneRecords: () => 1,
    zoneRevision: () => 2,
    tcpConnections: () => 3,
    forwardsUnderWay: () => 4,
    tableBytes: () => 5,
    leftOut: () => 6,
    stepsBehind: () => 7,
  });
  return (await metrics.text()).split('\n');
}

describe('the metrics of DNS', () => {
  it('sum up what the main thread and all workers count', async () => {
    const counters = new DnsCounters(2);
    const workers = [1, 2].map((block) => new AnswerCounters(counters.shared, block));
    counters.reply('udp', 0);
    counters.ignored++;
    for (const worker of workers) {
      worker.reply(false, 0);
      worker.reply(true, 3);
      worker.question(33);
      worker.ignored();
      worker.add(COUNT.rateSlipped, 4);
      worker.batch(10, 30);
    }
    const text = await lines(counters);
    expect(text).toEqual(
      expect.arrayContaining([
        'rimrock_dns_queries_total{transport="udp",rcode="NOERROR"} 3',
        'rimrock_dns_queries_total{transport="tcp",rcode="NXDOMAIN"} 2',
        'rimrock_dns_ignored_total 3',
        'rimrock_dns_questions_total{type="SRV"} 2',
        'rimrock_dns_questions_total{type="A"} 0',
        'rimrock_dns_rate_limited_total{outcome="slipped"} 8',
        'rimrock_dns_rate_limited_total{outcome="dropped"} 0',
        'rimrock_dns_table_bytes 5',
        'rimrock_dns_records_set_aside 6',
        'rimrock_dns_zone_steps_behind 7',
        'rimrock_dns_batches_total 2',
        'rimrock_dns_answer_seconds_bucket{le="0.00002"} 0',
        'rimrock_dns_answer_seconds_bucket{le="0.00005"} 20',
        'rimrock_dns_answer_seconds_bucket{le="+Inf"} 20',
        'rimrock_dns_answer_seconds_count 20',
        'rimrock_dns_answer_seconds_sum 0.0006',
      ]),
    );
  });

  it('shows a code that nothing has given yet only for NOERROR', async () => {
    const text = await lines(new DnsCounters());
    expect(text.filter((line) => line.startsWith('rimrock_dns_queries_total'))).toEqual([
      'rimrock_dns_queries_total{transport="udp",rcode="NOERROR"} 0',
      'rimrock_dns_queries_total{transport="tcp",rcode="NOERROR"} 0',
    ]);
  });
});
