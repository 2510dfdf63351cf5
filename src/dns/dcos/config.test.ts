import { describe, expect, it } from 'vitest';
import { decode } from '../../core/config/decode.ts';
import { dnsConfigSchema } from '../config.ts';
import { dcosSchema } from './config.ts';

const read = (input: unknown) => decode(dcosSchema, input);
const paths = (input: unknown): string[] => {
  const decoded = read(input);
  return decoded.ok ? [] : decoded.issues.map((i) => i.path);
};

describe('the config of DC/OS names', () => {
  it('is off, with the values of DC/OS', () => {
    expect(read({})).toEqual({
      ok: true,
      value: {
        enabled: false,
        clusterId: '',
        aliases: {},
        zkAddresses: [],
        vipRange: { first: '11.0.0.0', last: '11.255.255.255' },
        vipRangeIpv6: { first: 'fd01:c::', last: 'fd01:c::ffff:ffff:ffff:ffff' },
        enableIpv6: true,
        http: { enabled: true, host: '127.0.0.1', port: 62080 },
      },
    });
  });

  it('takes names in any case, and targets with a dot', () => {
    const decoded = read({ aliases: { 'Registry.component': 'Master.dcos.thisdcos.directory.' } });
    expect(decoded).toMatchObject({
      value: { aliases: { 'registry.component': 'master.dcos.thisdcos.directory' } },
    });
  });

  it.each([
    [{ vipRange: { first: '11.0.0.9', last: '11.0.0.1' } }, 'vipRange'],
    [{ vipRange: { first: 'fd00::1', last: 'fd00::2' } }, 'vipRange'],
    [{ vipRangeIpv6: { first: '11.0.0.1' } }, 'vipRangeIpv6'],
    [{ vipRange: { first: '127.119.255.255', last: '127.120.0.0' } }, 'vipRange'],
    [{ vipRange: { first: '127.118.0.0', last: '127.119.0.0' } }, 'vipRange'],
    [{ vipRange: { first: '127.0.0.1', last: '127.0.0.1' } }, 'vipRange'],
    [{ vipRange: { first: '0.0.0.0', last: '255.255.255.255' } }, 'vipRange'],
    [{ vipRangeIpv6: { first: '::', last: '::2' } }, 'vipRangeIpv6'],
    [{ zkAddresses: ['zk.example.test'] }, 'zkAddresses[0]'],
    [{ aliases: { 'web.l4lb': 'example.test' } }, 'aliases.web.l4lb'],
    [{ aliases: { dcos: 'example.test' } }, 'aliases.dcos'],
    [{ aliases: { 'a b': 'example.test' } }, 'aliases.a b'],
    [{ aliases: { web: 'a..b' } }, 'aliases.web'],
    [{ clusterId: 'a..b' }, 'clusterId'],
  ])('refuses %j', (input, path) => {
    expect(paths(input)).toEqual([path]);
  });
});

describe('the range of VIPs', () => {
  const problem = (first: string, last: string): string | undefined => {
    const decoded = read({ vipRange: { first, last } });
    return decoded.ok ? undefined : decoded.issues[0]?.message;
  };

  it('says which addresses it must leave out, for whom, and what to write instead', () => {
    expect(problem('127.77.0.0', '127.255.255.255')).toBe(
      'must leave out 127.119.0.0 to 127.119.255.255, by which agents know calls to guarded VIPs (mesh); write a range that nobody else uses, such as 11.0.0.0 to 11.255.255.255',
    );
    expect(problem('126.0.0.0', '127.0.0.1')).toMatch(
      /^must leave out 127.0.0.0 to 127.0.255.255, .*loopback/,
    );
  });

  it('may lie beside them, also where Linux lets everybody bind', () => {
    for (const [first, last] of [
      ['127.77.0.0', '127.77.255.255'],
      ['127.118.0.0', '127.118.255.255'],
      ['127.120.0.0', '127.120.255.255'],
    ] as const)
      expect(problem(first, last)).toBeUndefined();
  });
});

describe('with the rest of the config of DNS', () => {
  const upstream = ['10.0.0.53'];
  const issues = (input: object, enabled = true): string[] => {
    const dcos = { enabled, clusterId: 'kdx31' };
    const decoded = decode(dnsConfigSchema, { dcos, ...input });
    return decoded.ok ? [] : decoded.issues.map((i) => i.path);
  };

  it.each([
    [{ domain: 'zk' }, 'domain'],
    [{ domain: 'mesos.thisdcos.directory' }, 'domain'],
    [{ zoneResolvers: { 'l4lb.thisdcos.directory': upstream } }, 'zoneResolvers.l4lb.thisdcos.directory'],
    [{ zoneResolvers: { 'web.spartan': upstream } }, 'zoneResolvers.web.spartan'],
    [{ zoneResolvers: { 'thisdcos.global': upstream } }, 'zoneResolvers.thisdcos.global'],
    [{ zoneResolvers: { 'kdx31.dcos.directory': upstream } }, 'zoneResolvers.kdx31.dcos.directory'],
  ])('refuses %j, but without its names', (input, path) => {
    expect(issues(input)).toEqual([path]);
    expect(issues(input, false)).toEqual([]);
  });

  it('takes what only looks alike, and other clusters', () => {
    const zones = ['nothisdcos.directory', 'other.dcos.directory', 'ready'];
    expect(issues({ zoneResolvers: Object.fromEntries(zones.map((zone) => [zone, upstream])) })).toEqual([]);
  });
});
