import { expect, it } from 'vitest';
import { DcosVips } from './vips.ts';

it('publishes what changed of the names of VIPs, with the TTL of DC/OS, after all that waits is taken in', () => {
  let waits = 2;
  const changes = [
    { name: 'foo.marathon.l4lb.test.', before: ['11.0.0.1'], after: ['11.0.0.1', 'fd01:c::1'] },
  ];
  const publisher = new DcosVips({
    work: () => waits-- > 0,
    *takeNames() {
      expect(waits).toBe(-1);
      yield* changes;
    },
  });
  const v4 = { name: 'foo.marathon.l4lb.test.', host: '11.0.0.1', type: 'A', ttlSeconds: 5 };
  const v6 = { ...v4, host: 'fd01:c::1', type: 'AAAA' };
  const nothing = { before: [], after: [] };
  expect([...publisher.step()]).toEqual([nothing, nothing, { before: [v4], after: [v4, v6] }]);
});
