import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CatalogPort, CatalogTask } from '../catalog/index.ts';
import { task } from '../testing/index.ts';
import { parseVip, taskVips } from './labels.ts';

const named = (given: string, fragment: string, port: number) => ({
  ok: true,
  port,
  target: { kind: 'named', given, fragment },
});
const fixed = (ip: string, port: number) => ({ ok: true, port, target: { kind: 'address', ip } });

describe('the value of a VIP label', () => {
  it.each([
    ['/web:80', named('/web', 'web.marathon', 80)],
    ['web:80', named('web', 'web.marathon', 80)],
    ['/prod/web:80', named('/prod/web', 'prodweb.marathon', 80)],
    ['Web.Api_1:65535', named('Web.Api_1', 'web.api-1.marathon', 65535)],
    ['a:b:80', named('a:b', 'ab.marathon', 80)],
    ['1.2.3.4:80', fixed('1.2.3.4', 80)],
    ['/1.2.3.4:80', named('/1.2.3.4', '1.2.3.4.marathon', 80)],
    ['1.2.3.400:80', named('1.2.3.400', '1.2.3.400.marathon', 80)],
    ['fd01:c::5:80', fixed('fd01:c::5', 80)],
    ['FD01:000c::5:80', fixed('fd01:c::5', 80)],
  ])('%s', (value, expected) => {
    expect(parseVip(value, 'marathon')).toEqual(expected);
  });

  it.each([
    '',
    'web',
    'web:',
    'web:0',
    'web:-1',
    'web:65536',
    'web:8x',
    'web:080000',
    ':80',
    '/:80',
    '--:80',
  ])('not %s', (value) => {
    expect(parseVip(value, 'marathon')).toMatchObject({ ok: false });
  });

  it('gives a port in range and a name or an address, or a reason, for any text', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a1/.:-]{0,12}(:\d{1,6})?$/), (value) => {
        const vip = parseVip(value, 'marathon');
        if (!vip.ok) {
          expect(vip.reason).not.toBe('');
          return;
        }
        expect(vip.port).toBeGreaterThanOrEqual(1);
        expect(vip.port).toBeLessThanOrEqual(65_535);
        if (vip.target.kind === 'named') expect(vip.target.fragment).toMatch(/^[a-z0-9.-]+\.marathon$/);
      }),
      { numRuns: 2000 },
    );
  });
});

function port(number: number, labels: Record<string, string>, protocol = 'tcp'): CatalogPort {
  return { number, name: '', protocol, labels: new Map(Object.entries(labels)) };
}
function withPorts(ports: CatalogPort[], more: Partial<CatalogTask> = {}): CatalogTask {
  return task('web.1', { discovery: { name: 'web', visibility: 'CLUSTER', ports }, ...more });
}
/** `protocol target:port > backend…` for each VIP. */
function vips(t: CatalogTask): string[] {
  return taskVips(t).entries.map(({ protocol, target, port, backends }) => {
    const to = backends.map((b) => `${b.ip}|${b.port}${b.weight === 0 ? '!' : ''}`);
    return `${protocol} ${target.kind === 'named' ? target.fragment : target.ip}:${port} > ${to.join(' ')}`.trim();
  });
}
const OWN = { netinfoIps: ['9.0.0.5', 'fd01:b::5'] };

describe('the VIPs of a task', () => {
  it.each([
    [
      'no scope, own address',
      { VIP_0: '/web:80' },
      OWN,
      ['tcp web.marathon:80 > 9.0.0.5|8080 fd01:b::5|8080'],
    ],
    [
      'no scope, address of the agent',
      { VIP_0: '/web:80' },
      { netinfoIps: ['10.0.0.1'] },
      ['tcp web.marathon:80 > 10.0.0.1|8080'],
    ],
    ['no scope, no address', { VIP_0: '/web:80' }, {}, ['tcp web.marathon:80 > 10.0.0.1|8080']],
    ['host', { VIP_0: '/web:80', 'network-scope': 'host' }, OWN, ['tcp web.marathon:80 > 10.0.0.1|8080']],
    [
      'container',
      { VIP_0: '/web:80', 'network-scope': 'container' },
      OWN,
      ['tcp web.marathon:80 > 9.0.0.5|8080 fd01:b::5|8080'],
    ],
    [
      'container, no address',
      { VIP_0: '/web:80', 'network-scope': 'container' },
      {},
      ['tcp web.marathon:80 >'],
    ],
    ['fixed IPv4 takes IPv4', { vip: '1.2.3.4:80' }, OWN, ['tcp 1.2.3.4:80 > 9.0.0.5|8080']],
    ['fixed IPv6 takes IPv6', { vip: 'fd01:c::5:80' }, OWN, ['tcp fd01:c::5:80 > fd01:b::5|8080']],
    [
      'on the agent, the family is not looked at',
      { vip: 'fd01:c::5:80', 'network-scope': 'host' },
      OWN,
      ['tcp fd01:c::5:80 > 10.0.0.1|8080'],
    ],
    [
      'several labels',
      { VIP_0: '/a:1', 'vip-x': '/b:2', VIPER: '/c:3', Vip: '/d:4' },
      {},
      [
        'tcp a.marathon:1 > 10.0.0.1|8080',
        'tcp b.marathon:2 > 10.0.0.1|8080',
        'tcp c.marathon:3 > 10.0.0.1|8080',
      ],
    ],
  ])('%s', (_, labels, more, expected) => {
    const t = withPorts([port(8080, labels)], more);
    expect(vips(t)).toEqual(expected);
    expect(taskVips(t).problems).toEqual([]);
  });

  it.each([
    ['udp', ['udp']],
    ['UDP', ['udp']],
    ['tcp,udp', ['tcp', 'udp']],
    ['', ['tcp']],
  ])('protocol %s', (protocol, expected) => {
    const t = withPorts([port(53, { VIP_0: '/dns:53' }, protocol)]);
    expect(taskVips(t).entries.map((e) => e.protocol)).toEqual(expected);
  });

  it.each([
    ['TASK_RUNNING', undefined, 1],
    ['TASK_RUNNING', true, 1],
    ['TASK_RUNNING', false, 0],
    ['TASK_KILLING', true, 0],
    ['TASK_STARTING', undefined, undefined],
    ['TASK_UNREACHABLE', undefined, undefined],
  ] as const)('%s, healthy %s: weight %s', (state, healthy, weight) => {
    const { entries } = taskVips(withPorts([port(80, { VIP_0: '/web:80' })], { state, healthy }));
    expect(entries.flatMap((e) => e.backends.map((b) => b.weight))).toEqual(
      weight === undefined ? [] : [weight],
    );
  });

  it.each([
    [undefined, 0],
    [false, 0],
    [true, 1],
  ] as const)('with a health check, healthy %s: weight %s', (healthy, weight) => {
    const checked = { healthy, hasHealthCheck: true };
    const { entries } = taskVips(withPorts([port(80, { VIP_0: '/web:80' })], checked));
    expect(entries.flatMap((e) => e.backends.map((b) => b.weight))).toEqual([weight]);
  });

  it('takes the old labels of a task, which count on ports of its resources', () => {
    const labels = new Map([
      ['VIP_PORT0', 'tcp://web:80'],
      ['vip_port1', 'udp:///dns:53'],
      ['VIP_PORT', 'tcp://not:1'],
      ['VIP_0', '/not:2'],
    ]);
    const t = task('web.1', { labels, ports: [31000, 31001], ...OWN });
    expect(vips(t)).toEqual(['tcp web.marathon:80 > 10.0.0.1|31000', 'udp dns.marathon:53 > 10.0.0.1|31001']);
    expect(taskVips(t).problems).toEqual([]);
  });

  it.each([
    [[port(80, { VIP_0: 'web' })], {}, 'VIP_0=web: has no port'],
    [[port(0, { VIP_0: '/web:80' })], {}, 'discovery says port 0'],
    [[port(80, { VIP_0: '/web:80', 'network-scope': 'moon' })], {}, "network-scope is 'moon'"],
    [[port(80, { VIP_0: '/web:80' }, 'sctp')], {}, "protocol 'sctp'"],
    [[port(80, { VIP_0: '/web:80' })], { frameworkName: '...' }, 'framework'],
    [[], { labels: new Map([['VIP_PORT0', 'web:80']]), ports: [31000] }, 'tcp://'],
    [[], { labels: new Map([['VIP_PORT1', 'tcp://web:80']]), ports: [31000] }, 'no port of that index'],
    [[], { labels: new Map([['VIP_PORT0', 'tcp://web']]), ports: [31000] }, 'has no port'],
  ])('sets aside what it cannot understand: %j %j', (ports, more, reason) => {
    const good = port(90, { VIP_0: '/good:90' });
    const { entries, problems } = taskVips(
      withPorts([...ports, good], { frameworkName: 'marathon', ...more }),
    );
    expect(problems[0]).toContain(reason);
    if (!('frameworkName' in more)) expect(entries.map((e) => e.port)).toEqual([90]);
  });
});
