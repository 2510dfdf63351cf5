import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Vip, VipBackend } from '../../../cluster/vips/index.ts';
import { FakeNft } from '../testing/fake-nft.ts';
import {
  WantedContent,
  WantedServers,
  changeScript,
  cidrsOf,
  differences,
  readTable,
  serversOf,
  wholeScript,
} from './index.ts';
import type { TableSettings } from './index.ts';

const SETTINGS: TableSettings = {
  table: 'rimrock',
  ranges: [
    { first: '11.0.0.0', last: '11.255.255.255' },
    { first: 'fd01:c::', last: 'fd01:c::ffff:ffff:ffff:ffff' },
  ],
  masquerade: 'all',
};

const up = (ip: string, port = 80): VipBackend => ({ ip, port, weight: 1, state: 'up' });
const out = (ip: string, state: 'unhealthy' | 'unchecked' | 'ending'): VipBackend => ({
  ip,
  port: 80,
  weight: 0,
  state,
});
const vip = (
  key: string,
  addresses: readonly string[],
  backends: VipBackend[],
  more: Partial<Vip> = {},
): Vip => ({
  key,
  protocol: 'tcp',
  name: `${key}.marathon.l4lb.thisdcos.directory.`,
  addresses,
  port: 80,
  backends,
  ...more,
});
const targets = (v: Vip): string[] =>
  serversOf(v).map((s) => `${s.key} > ${s.targets.map((t) => `${t.ip}:${t.port}*${t.weight}`).join(' ')}`);

describe('who gets new connections', () => {
  it('is who is up, at the address of its family', () => {
    expect(
      targets(
        vip('a', ['11.0.0.1', 'fd01:c::1'], [up('10.0.0.1'), up('fd00::1'), out('10.0.0.2', 'ending')]),
      ),
    ).toEqual(['tcp 11.0.0.1 80 > 10.0.0.1:80*1', 'tcp fd01:c::1 80 > fd00::1:80*1']);
  });

  it('is, when nobody is up, who fails its health check, but nobody that ends or was never checked', () => {
    const all = [out('10.0.0.1', 'unhealthy'), out('10.0.0.2', 'unchecked'), out('10.0.0.3', 'ending')];
    expect(targets(vip('a', ['11.0.0.1'], all))).toEqual(['tcp 11.0.0.1 80 > 10.0.0.1:80*1']);
    expect(targets(vip('a', ['11.0.0.1'], all.slice(1)))).toEqual(['tcp 11.0.0.1 80 > ']);
    expect(targets(vip('a', ['11.0.0.1'], [...all, up('10.0.0.4')]))).toEqual([
      'tcp 11.0.0.1 80 > 10.0.0.4:80*1',
    ]);
  });

  it('one family being unwell does not concern the other', () => {
    const v = vip('a', ['11.0.0.1', 'fd01:c::1'], [out('10.0.0.1', 'unhealthy'), up('fd00::1')]);
    expect(targets(v)).toEqual(['tcp 11.0.0.1 80 > 10.0.0.1:80*1', 'tcp fd01:c::1 80 > fd00::1:80*1']);
  });

  it('is said with the reason', () => {
    const [server] = serversOf(
      vip('a', ['11.0.0.1'], [out('10.0.0.1', 'unhealthy'), out('10.0.0.2', 'ending')]),
    );
    expect(server?.backends.map((b) => [b.ip, b.share, b.why])).toEqual([
      ['10.0.0.1', 1, 'its health check fails, as do those of all others: used all the same'],
      ['10.0.0.2', 0, 'it is about to end'],
    ]);
  });
});

describe('an address that two VIPs want', () => {
  it('is for the one with a name, whoever came first', () => {
    const named = vip('n', ['11.0.0.1'], [up('10.0.0.1')]);
    const fixed = vip('f', ['11.0.0.1'], [up('10.0.0.2')], { name: undefined });
    for (const order of [
      [named, fixed],
      [fixed, named],
    ]) {
      const wanted = new WantedServers();
      for (const v of order) wanted.set(v.key, v);
      expect([...wanted].map((s) => s.name)).toEqual([named.name]);
      expect([...wanted.clashes()].map((c) => c.server.targets[0]?.ip)).toEqual(['10.0.0.2']);
      wanted.set('n', undefined);
      expect([...wanted].map((s) => s.name)).toEqual([undefined]);
      expect([...wanted.clashes()]).toEqual([]);
    }
  });
});

describe('the script', () => {
  it('has the choices in proportion to weights, in lowest terms', () => {
    const wanted = new WantedContent();
    const [server] = serversOf(vip('a', ['11.0.0.1'], [up('10.0.0.1'), up('10.0.0.2', 8080)]));
    if (server === undefined) throw new Error('no server');
    const weighted = server.targets.map((t, i) => ({ ...t, weight: i === 0 ? 30 : 10 }));
    const keys = wanted.set(server.key, { ...server, targets: weighted });
    expect(changeScript('t', new Map(), wanted, keys).replace(/"[0-9a-f]{16} /, '"… ')).toBe(
      [
        'add chain inet t vip4_tcp_11.0.0.1_80',
        'flush chain inet t vip4_tcp_11.0.0.1_80',
        'add rule inet t vip4_tcp_11.0.0.1_80 meta l4proto tcp dnat ip to numgen random mod 4 map { 0-2 : 10.0.0.1 . 80, 3 : 10.0.0.2 . 8080 } comment "… a.marathon.l4lb.thisdcos.directory."',
        'add element inet t vips4 { tcp . 11.0.0.1 . 80 : goto vip4_tcp_11.0.0.1_80 }',
        'add element inet t addresses4 { 11.0.0.1 }',
        'add element inet t self4 { 10.0.0.1 . 10.0.0.1 }',
        'add element inet t self4 { 10.0.0.2 . 10.0.0.2 }',
        '',
      ].join('\n'),
    );
  });

  it('touches the chain of the VIP that changed, and nothing of others', () => {
    const wanted = new WantedContent();
    for (const [key, ip] of [['a', '11.0.0.1'] as const, ['b', '11.0.0.2'] as const])
      for (const server of serversOf(vip(key, [ip], [up('10.0.0.1')]))) wanted.set(server.key, server);
    const have = wanted.content();
    const [server] = serversOf(vip('b', ['11.0.0.2'], [up('10.0.0.1'), up('10.0.0.2')]));
    const keys = wanted.set('tcp 11.0.0.2 80', server);
    const script = changeScript('t', have, wanted, differences(have, wanted, keys));
    expect(script).toContain('vip4_tcp_11.0.0.2_80');
    expect(script).not.toMatch(/11\.0\.0\.1_80|element inet t vips4/);
  });
});

describe('CIDR blocks', () => {
  it.each([
    ['11.0.0.0', '11.255.255.255', ['11.0.0.0/8']],
    [
      '11.0.0.0',
      '11.0.0.254',
      [
        '11.0.0.0/25',
        '11.0.0.128/26',
        '11.0.0.192/27',
        '11.0.0.224/28',
        '11.0.0.240/29',
        '11.0.0.248/30',
        '11.0.0.252/31',
        '11.0.0.254/32',
      ],
    ],
    ['0.0.0.0', '255.255.255.255', ['0.0.0.0/0']],
    ['fd01:c::', 'fd01:c::ffff:ffff:ffff:ffff', ['fd01:c::/64']],
    ['fd01:c::5', 'fd01:c::5', ['fd01:c::5/128']],
  ])('%s to %s', (first, last, blocks) => {
    expect(cidrsOf({ first, last })).toEqual(blocks);
  });

  it('are exactly the range, for any', () => {
    const numbers = fc.tuple(fc.nat(0xffffff), fc.nat(0xffffff));
    fc.assert(
      fc.property(numbers, (pair) => {
        const [a, b] = [Math.min(...pair), Math.max(...pair)];
        const ip = (n: number): string => [11, n >>> 16, (n >>> 8) & 255, n & 255].join('.');
        const blocks = cidrsOf({ first: ip(a), last: ip(b) });
        let next = a;
        for (const block of blocks) {
          const [address = '', bits] = block.split('/');
          const at = address
            .split('.')
            .slice(1)
            .reduce((n, part) => n * 256 + Number(part), 0);
          expect(at).toBe(next);
          next = at + 2 ** (32 - Number(bits));
        }
        expect(next).toBe(b + 1);
        expect(blocks.length).toBeLessThanOrEqual(48);
      }),
    );
  });
});

describe('for any sequence of VIPs', () => {
  const state = fc.constantFrom('up', 'up', 'unhealthy', 'unchecked', 'ending') as fc.Arbitrary<
    VipBackend['state']
  >;
  const backend = fc
    .tuple(
      fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::2'),
      fc.constantFrom(80, 8080),
      state,
    )
    .map(([ip, port, s]): VipBackend => ({ ip, port, weight: s === 'up' ? 1 : 0, state: s }));
  const backends = fc.uniqueArray(backend, { selector: (b) => `${b.ip} ${b.port}`, maxLength: 5 });
  const step = fc
    .record({
      key: fc.constantFrom('a', 'b', 'c'),
      gone: fc.boolean(),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      addresses: fc.constantFrom(['11.0.0.1'], ['11.0.0.2', 'fd01:c::1'], ['1.2.3.4'], ['fd01:c::1']),
      named: fc.boolean(),
      backends,
    })
    .map(({ key, gone, protocol, addresses, named, backends: b }) => ({
      key,
      vip: gone ? undefined : vip(key, addresses, b, { protocol, ...(named ? {} : { name: undefined }) }),
    }));

  it('the table is the one that is made from scratch, and what is read back of it is what is wanted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.constantFrom('all' as const, 'needed' as const),
        async (steps, masquerade) => {
          const settings = { ...SETTINGS, masquerade };
          const [servers, wanted, nft] = [new WantedServers(), new WantedContent(), new FakeNft()];
          expect(await nft.run(['nft', '-f', '-'], wholeScript(settings, wanted))).toMatchObject({
            ok: true,
          });
          for (const { key, vip: next } of steps) {
            const have = wanted.content();
            const keys = [...servers.set(key, next)].flatMap((k) => [...wanted.set(k, servers.get(k))]);
            const script = changeScript('rimrock', have, wanted, differences(have, wanted, keys));
            if (script !== '') expect(await nft.run(['nft', '-f', '-'], script)).toMatchObject({ ok: true });
          }
          const last = new Map(steps.map(({ key, vip: v }) => [key, v]));
          const [freshServers, freshWanted, fresh] = [
            new WantedServers(),
            new WantedContent(),
            new FakeNft(),
          ];
          for (const [key, v] of last) freshServers.set(key, v);
          for (const server of freshServers) freshWanted.set(server.key, server);
          expect(await fresh.run(['nft', '-f', '-'], wholeScript(settings, freshWanted))).toMatchObject({
            ok: true,
          });
          expect(nft.dump('rimrock')).toEqual(fresh.dump('rimrock'));
          const { stdout } = await nft.run(['nft', '-j', 'list', 'table', 'inet', 'rimrock']);
          const found = readTable(stdout, settings);
          expect(found.layoutFits).toBe(true);
          expect(differences(found.content, freshWanted)).toEqual([]);
          const other = {
            ...settings,
            masquerade: masquerade === 'all' ? ('needed' as const) : ('all' as const),
          };
          expect(readTable(stdout, other).layoutFits).toBe(false);
        },
      ),
      { numRuns: 200 },
    );
  });
});
