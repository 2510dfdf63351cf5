import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../core/log.ts';
import { silentLogger } from '../../../core/log.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { VipBackend } from '../../../cluster/vips/index.ts';
import type { EndUdpFlows, UdpFlow } from '../../../net/index.ts';
import { serversOf } from '../plan/index.ts';
import { LeftFlows } from './left-flows.ts';

const WEB = 'udp 11.0.0.1 53';

function start() {
  const clock = new FakeClock();
  const warned: string[] = [];
  const log = {
    ...silentLogger,
    warn: (_: object, message: string) => void warned.push(message),
  } as unknown as Logger;
  const world = {
    clock,
    warned,
    flows: [] as UdpFlow[],
    families: [] as (readonly number[])[],
    problem: '',
    wakes: 0,
  };
  const endUdpFlows: EndUdpFlows = async (families, ends) => {
    world.families.push(families);
    if (world.problem !== '') throw new Error(world.problem);
    const before = world.flows.length;
    world.flows = world.flows.filter((flow) => !ends(flow));
    return before - world.flows.length;
  };
  return { world, flows: new LeftFlows({ endUdpFlows, clock, log, wake: () => void world.wakes++ }) };
}

function set(flows: LeftFlows, key: string, ...backends: readonly (string | VipBackend)[]): void {
  const [protocol, address = '', port] = key.split(' ');
  const [server] = serversOf({
    key,
    protocol: protocol as 'tcp' | 'udp',
    name: undefined,
    addresses: [address],
    port: Number(port),
    backends: backends.map((b) =>
      typeof b === 'string' ? { ip: b, port: 5353, weight: 1, state: 'up' } : b,
    ),
  });
  flows.set(key, backends.length > 0 ? server : undefined);
}

const flow = (called: string, broughtTo: string): UdpFlow => ({ called, broughtTo });

describe('flows of UDP whose backend is gone', () => {
  it('are ended, those of backends that drain, of other ports and of others than VIPs are not', async () => {
    const { world, flows } = start();
    set(flows, WEB, '10.0.0.1', '10.0.0.2');
    await flows.end();
    const stay = [
      flow('11.0.0.1 53', '10.0.0.1 5353'),
      flow('11.0.0.1 54', '10.0.0.2 5353'),
      flow('192.0.2.1 53', '10.0.0.2 5353'),
    ];
    world.flows = [...stay, flow('11.0.0.1 53', '10.0.0.2 5353'), flow('11.0.0.1 53', '10.0.0.1 5454')];
    set(flows, WEB, '10.0.0.1', { ip: '10.0.0.2', port: 5353, weight: 0, state: 'ending' });
    expect(flows.due).toBe(false);
    set(flows, WEB, '10.0.0.1');
    expect(flows.due).toBe(true);
    world.clock.advance(1_000);
    await flows.end();
    expect(world.flows).toEqual(stay);
    expect(flows.due).toBe(false);
  });

  it('are ended at the start, and when the VIP is gone; nothing is asked where no VIP has UDP', async () => {
    const { world, flows } = start();
    set(flows, 'tcp 11.0.0.1 80', '10.0.0.1');
    await flows.end();
    expect(world.families).toEqual([]);
    const later = start();
    later.world.flows = [flow('11.0.0.1 53', '10.0.0.9 5353'), flow('11.0.0.1 53', '10.0.0.1 5353')];
    set(later.flows, WEB, '10.0.0.1');
    await later.flows.end();
    expect(later.world.flows).toEqual([flow('11.0.0.1 53', '10.0.0.1 5353')]);
    set(later.flows, WEB);
    later.world.clock.advance(1_000);
    await later.flows.end();
    expect(later.world.flows).toEqual([]);
    expect(later.world.families).toEqual([[4], [4]]);
  });

  it('know IPv6 by its bytes, however a label writes it', async () => {
    const { world, flows } = start();
    world.flows = [flow('fd01::5 53', 'fd77::2 5353'), flow('fd01::5 53', 'fd77::3 5353')];
    set(flows, 'udp FD01:0::5 53', 'fd77:0::2');
    await flows.end();
    expect(world.flows).toEqual([flow('fd01::5 53', 'fd77::2 5353')]);
    expect(world.families).toEqual([[6]]);
  });

  it('are looked for once a second, and half a minute after the kernel refused; that is said once', async () => {
    const { world, flows } = start();
    set(flows, WEB, '10.0.0.1', '10.0.0.2');
    await flows.end();
    set(flows, WEB, '10.0.0.1');
    await flows.end();
    expect([world.families.length, world.wakes, flows.due]).toEqual([1, 0, false]);
    world.clock.advance(1_000);
    expect([world.wakes, flows.due]).toEqual([1, true]);
    world.problem = 'conntrack EPERM: operation not permitted';
    await flows.end();
    await flows.end();
    expect([world.families.length, world.warned.length, flows.due]).toEqual([2, 1, false]);
    world.clock.advance(30_000);
    await flows.end();
    expect([world.families.length, world.warned.length]).toEqual([3, 1]);
    world.problem = '';
    world.flows = [flow('11.0.0.1 53', '10.0.0.2 5353')];
    await flows.end();
    world.clock.advance(30_000);
    await flows.end();
    expect(world.flows).toEqual([]);
  });
});
