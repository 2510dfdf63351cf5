import { describe, expect, it } from 'vitest';
import { runBalancerContract } from './balancer.contract.ts';
import { LeasingBalancer } from './leasing-balancer.ts';
import { leastConnections, roundRobin } from './strategies.ts';

runBalancerContract('round robin', (health) => new LeasingBalancer(roundRobin, health, 5));
runBalancerContract('least connections', (health) => new LeasingBalancer(leastConnections, health, 5));

describe('least connections', () => {
  it('gives a slow endpoint less than a third of its share', () => {
    const balancer = new LeasingBalancer(
      leastConnections,
      { ejected: () => false, record: () => {}, retain: () => {} },
      0,
    );
    balancer.update(
      Array.from({ length: 10 }, (_, i) => ({
        key: `t${i}`,
        taskId: `t${i}`,
        ip: '10.0.0.1',
        port: i,
        phase: 'up' as const,
        healthy: undefined,
      })),
    );
    let slow = 0;
    const running: { at: number; end: () => void }[] = [];
    for (let now = 0; now < 10_000; now++) {
      for (const r of running.filter((x) => x.at <= now)) r.end();
      running.splice(0, running.length, ...running.filter((x) => x.at > now));
      const lease = balancer.pick({ now, tried: [] });
      if (lease?.endpoint.key === 't0') slow += 1;
      const takes = lease?.endpoint.key === 't0' ? 100 : 10;
      running.push({ at: now + takes, end: () => lease?.settle({ kind: 'response', status: 200 }, now) });
    }
    expect(slow).toBeLessThan(10_000 / 10 / 3);
  });
});
