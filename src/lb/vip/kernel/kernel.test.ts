import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../core/log.ts';
import type { Logger } from '../../../core/log.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { VipBackend } from '../../../cluster/vips/index.ts';
import { serversOf } from '../plan/index.ts';
import { FakeNft } from '../testing/fake-nft.ts';
import { commandsInTurn } from '../../../net/index.ts';
import type { EndUdpFlows } from '../../../net/index.ts';
import { KernelVips, kernelProblem } from './kernel.ts';

const settings = {
  table: 'rimrock',
  ranges: [
    { first: '11.0.0.0', last: '11.255.255.255' },
    { first: 'fd01:c::', last: 'fd01:c::ffff:ffff:ffff:ffff' },
  ],
  masquerade: 'all' as const,
};

/** A logger that keeps what it was told to warn of. */
function noting(warned: string[]): Logger {
  return {
    ...silentLogger,
    warn: (_: object, message: string) => void warned.push(message),
  } as unknown as Logger;
}

function start(nft: FakeNft, keep = false, endUdpFlows: EndUdpFlows = async () => 0) {
  const clock = new FakeClock();
  const warned: string[] = [];
  const counts = { changes: 0, repairs: 0, failures: 0, seconds: () => {} };
  const run = commandsInTurn(nft.run);
  const vips = new KernelVips({
    settings,
    run,
    clock,
    log: noting(warned),
    counts,
    keep,
    endUdpFlows,
    reconcileMs: 30_000,
  });
  return { clock, warned, counts, vips };
}

function set(vips: KernelVips, address: string, ...ips: string[]): void {
  setOf('tcp', vips, address, ...ips);
}

function setOf(protocol: 'tcp' | 'udp', vips: KernelVips, address: string, ...ips: string[]): void {
  const backends = ips.map((ip): VipBackend => ({ ip, port: 80, weight: 1, state: 'up' }));
  const name = `n${address.replaceAll('.', '-')}.`;
  const [server] = serversOf({
    key: address,
    protocol,
    name,
    addresses: [address],
    port: 80,
    backends,
  });
  vips.set(`${protocol} ${address} 80`, ips.length > 0 ? server : undefined);
}

const scripts = (nft: FakeNft): string[] => nft.commands.filter((c) => c.startsWith('nft -f -'));

describe('VIPs in the kernel', () => {
  it('nothing is told before it begins, then all at once, with the routes', async () => {
    const nft = new FakeNft();
    const { vips, counts } = start(nft);
    set(vips, '11.0.0.1', '10.0.0.1');
    set(vips, '11.0.0.2', '10.0.0.1', '10.0.0.2');
    await vips.settled();
    expect(nft.commands).toEqual([]);
    vips.begin();
    await vips.settled();
    expect(scripts(nft)).toHaveLength(1);
    expect(counts).toMatchObject({ changes: 1, repairs: 0, failures: 0 });
    expect([...nft.routes.keys()]).toEqual(['11.0.0.0/8', 'fd01:c::/64']);
    expect(JSON.stringify(nft.dump('rimrock'))).toContain('0 : 10.0.0.1 . 80, 1 : 10.0.0.2 . 80');
  });

  it('changes that come while one is made are made together', async () => {
    const nft = new FakeNft();
    const { vips } = start(nft);
    vips.begin();
    await vips.settled();
    for (let i = 1; i <= 20; i++) set(vips, `11.0.0.${i}`, '10.0.0.1');
    set(vips, '11.0.0.20');
    await vips.settled();
    expect(scripts(nft)).toHaveLength(3);
    expect(JSON.stringify(nft.dump('rimrock'))).toContain('vip4_tcp_11.0.0.19_80');
    expect(JSON.stringify(nft.dump('rimrock'))).not.toContain('11.0.0.20');
  });

  it('flows of UDP are ended once the table no longer leads to the backend that is gone', async () => {
    const nft = new FakeNft();
    const tables: string[] = [];
    const { vips, clock } = start(nft, false, async () => {
      tables.push(JSON.stringify(nft.dump('rimrock')));
      return 0;
    });
    setOf('udp', vips, '11.0.0.1', '10.0.0.1', '10.0.0.2');
    vips.begin();
    await vips.settled();
    setOf('udp', vips, '11.0.0.1', '10.0.0.2');
    await vips.settled();
    expect(tables).toHaveLength(1);
    clock.advance(1_000);
    await vips.settled();
    expect(tables.map((table) => table.includes('10.0.0.1 . 80'))).toEqual([true, false]);
    await vips.stop();
  });

  it('what others have changed is repaired in time, counted, and told once', async () => {
    const nft = new FakeNft();
    const { vips, clock, counts, warned } = start(nft);
    set(vips, '11.0.0.1', '10.0.0.1', '10.0.0.2');
    set(vips, '11.0.0.2', '10.0.0.1');
    vips.begin();
    await vips.settled();
    const whole = nft.dump('rimrock');
    const table = () => nft.tables.get('rimrock');
    const damages: (() => unknown)[] = [
      () => table()?.containers.get('vips4')?.delete('tcp . 11.0.0.1 . 80'),
      () => table()?.containers.get('addresses4')?.set('10.9.9.9', ''),
      () => table()?.chains.get('vip4_tcp_11.0.0.1_80')?.rules.push('drop'),
      () => table()?.chains.get('vip4_tcp_11.0.0.1_80')?.rules.splice(0),
      () => table()?.chains.set('vip4_tcp_11.0.0.9_80', { hook: '', rules: [] }),
      () => nft.tables.delete('rimrock'),
      () => table()?.chains.get('prerouting')?.rules.pop(),
      () => table()?.chains.delete('refuse-input'),
      () => nft.routes.delete('11.0.0.0/8'),
      () => nft.routes.set('12.0.0.0/8', '-4'),
    ];
    for (const damage of damages) {
      const before = counts.repairs;
      damage();
      clock.advance(30_000);
      await vips.settled();
      expect(nft.dump('rimrock')).toEqual(whole);
      expect([...nft.routes.keys()].sort()).toEqual(['11.0.0.0/8', 'fd01:c::/64']);
      expect(counts.repairs).toBeGreaterThan(before);
    }
    expect(warned).toEqual(['VIPs in the kernel were not as they were left: repaired']);
    const scriptsBefore = scripts(nft).length;
    clock.advance(30_000);
    await vips.settled();
    expect(scripts(nft)).toHaveLength(scriptsBefore);
    nft.tables.clear();
    clock.advance(30_000);
    await vips.settled();
    expect(warned).toHaveLength(2);
  });

  it('a change that a changed table refuses is made all the same', async () => {
    const nft = new FakeNft();
    const { vips, counts } = start(nft);
    set(vips, '11.0.0.1', '10.0.0.1');
    vips.begin();
    await vips.settled();
    nft.tables.clear();
    set(vips, '11.0.0.2', '10.0.0.1');
    await vips.settled();
    expect(JSON.stringify(nft.dump('rimrock'))).toMatch(/11\.0\.0\.1_80.*11\.0\.0\.2_80/);
    expect(counts.failures).toBe(0);
  });

  it('what fails is tried again, later each time, and told once', async () => {
    const nft = new FakeNft();
    const { vips, clock, counts, warned } = start(nft);
    set(vips, '11.0.0.1', '10.0.0.1');
    nft.failures.push('no memory', 'no memory', 'no memory');
    vips.begin();
    await vips.settled();
    expect([nft.dump('rimrock'), counts.failures, warned]).toEqual([
      undefined,
      1,
      ['VIPs could not be told to the kernel'],
    ]);
    for (const ms of [1_000, 2_000]) {
      clock.advance(ms - 1);
      await vips.settled();
      const tries = scripts(nft).length;
      clock.advance(1);
      await vips.settled();
      expect(scripts(nft).length).toBe(tries + 1);
    }
    expect([counts.failures, warned.length]).toEqual([3, 1]);
    clock.advance(4_000);
    await vips.settled();
    expect(JSON.stringify(nft.dump('rimrock'))).toContain('vip4_tcp_11.0.0.1_80');
  });

  it('what a predecessor left that was killed is taken over: only what differs is touched', async () => {
    const nft = new FakeNft();
    const before = start(nft);
    set(before.vips, '11.0.0.1', '10.0.0.1');
    set(before.vips, '11.0.0.2', '10.0.0.2');
    before.vips.begin();
    await before.vips.settled();
    nft.commands.length = 0;
    const { vips } = start(nft);
    set(vips, '11.0.0.1', '10.0.0.1');
    set(vips, '11.0.0.3', '10.0.0.3');
    vips.begin();
    await vips.settled();
    const [script, ...more] = scripts(nft);
    expect(more).toEqual([]);
    expect(script).not.toMatch(/table inet rimrock \{|11\.0\.0\.1_80/);
    expect(JSON.stringify(nft.dump('rimrock'))).not.toContain('11.0.0.2');
  });

  it('at the end nothing is left, unless it is to stay', async () => {
    for (const keep of [false, true]) {
      const nft = new FakeNft();
      const { vips, clock } = start(nft, keep);
      set(vips, '11.0.0.1', '10.0.0.1');
      vips.begin();
      await vips.settled();
      await vips.stop();
      expect([nft.tables.size, nft.routes.size, clock.pending]).toEqual(keep ? [1, 2, 0] : [0, 0, 0]);
    }
  });

  it('says why the kernel cannot do it', async () => {
    const nft = new FakeNft();
    expect(await kernelProblem(nft.run)).toBeUndefined();
    const refuse = async () => ({ ok: false, stdout: '', problem: 'Operation not permitted' });
    expect(await kernelProblem(refuse)).toBe('nft: Operation not permitted');
  });
});
