import { describe, expect, it } from 'vitest';
import { Metrics } from '../core/metrics.ts';
import { Totals } from './control/totals.ts';
import { publishMetrics, ServiceStats } from './metrics.ts';

const NONE = { connections: 0, streams: 0 };
const http2 = { clients: NONE, instances: NONE };
const spec = { key: 'marathon/a#0', serviceKey: 'marathon/a', hasInstances: true, endpoints: [] };

describe('the numbers of services', () => {
  const totals = new Totals();
  const metrics = new Metrics();
  publishMetrics(metrics, {
    services: () => totals.services(),
    ownAnswers: totals.ownAnswers,
    handshakes: totals.handshakes,
    http2: (side, what) => totals.http2(side, what),
    connections: () => totals.connections,
    routes: () => 0,
    rejected: () => 0,
    planes: () => 0,
    restarts: () => 0,
  });
  const tell = (plane: number, stats: ServiceStats): void => {
    const numbers = stats.take();
    totals.add(plane, {
      connections: 1,
      http2,
      ownAnswers: [],
      handshakes: [['resumed', 2]],
      services: numbers === undefined ? [] : [[spec.key, numbers]],
      tcp: [],
    });
  };

  it('come from all planes, once each', async () => {
    totals.follow({ gone: [], set: [{ ...spec, policy: { balance: 'p2c' } }] });
    const planes = [new ServiceStats(), new ServiceStats()];
    for (const [plane, stats] of planes.entries()) {
      stats.answered(200, 30);
      stats.firstByte(20);
      stats.ownAnswer('overloaded');
      stats.ejections += 1;
      tell(plane, stats);
      // Nothing new: nothing is told.
      expect(stats.take()).toBeUndefined();
    }
    const text = await metrics.text();
    expect(text).toContain('rimrock_lb_first_byte_seconds_count{service="marathon/a#0"} 2');
    expect(text).toContain('rimrock_lb_first_byte_seconds_bucket{service="marathon/a#0",le="0.025"} 2');
    expect(text).toContain('rimrock_lb_ejections_total{service="marathon/a#0"} 2');
    expect(text).toContain(
      'rimrock_lb_service_own_answers_total{service="marathon/a#0",reason="overloaded"} 2',
    );
    expect(text).toContain('rimrock_lb_tls_handshakes_total{outcome="resumed"} 4');
  });

  it('say what waits at all planes now; what waited at one that is gone does not wait any more', async () => {
    const planes = [new ServiceStats(), new ServiceStats()] as const;
    const waiting = async (): Promise<string | undefined> =>
      /rimrock_lb_waiting_requests\{.*\} (\d+)/.exec(await metrics.text())?.[1];
    for (const [plane, stats] of planes.entries()) {
      stats.waits(1);
      stats.waits(1);
      stats.waits(-1);
      tell(plane, stats);
    }
    expect(await waiting()).toBe('2');
    planes[0].waits(-1);
    tell(0, planes[0]);
    expect(await waiting()).toBe('1');
    expect(planes[0].take()).toBeUndefined();
    expect(totals.service(spec.key)?.mostWaiting).toBe(3);
    totals.gone(1);
    expect(await waiting()).toBe('0');
  });

  it('go with the service', async () => {
    totals.follow({ gone: [spec.key], set: [] });
    expect(await metrics.text()).not.toContain('marathon/a');
  });
});
