import { describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { dnsConfigSchema } from '../config.ts';
import type { DnsConfigInput } from '../config.ts';
import { fromMesosDnsConfig } from '../mesos-dns-config.ts';
import { isOurselves } from './loops.ts';
import { resolverSettings } from './settings.ts';

const issues = (input: DnsConfigInput): string[] =>
  dnsConfigSchema.safeParse(input).error?.issues.map((i) => `${i.path.join('.')}: ${i.message}`) ?? [];

describe('a resolver that is this server itself', () => {
  it.each<[string, DnsConfigInput, string | undefined]>([
    ['the same address', { host: '10.0.0.1', port: 53, resolvers: ['10.0.0.1'] }, 'resolvers.0'],
    ['loopback of all', { host: '0.0.0.0', port: 53, resolvers: ['8.8.8.8', '127.0.0.53'] }, 'resolvers.1'],
    ['in IPv6', { host: '::', port: 53, zoneResolvers: { corp: ['[::1]:53'] } }, 'zoneResolvers.corp.0'],
    ['in IPv6 clothes', { host: '10.0.0.1', port: 53, resolvers: ['::ffff:10.0.0.1'] }, 'resolvers.0'],
    ['another port', { host: '10.0.0.1', port: 53, resolvers: ['10.0.0.1:5353'] }, undefined],
    ['another address', { host: '10.0.0.1', port: 53, resolvers: ['127.0.0.1'] }, undefined],
    ['no forwarding', { host: '10.0.0.1', port: 53, externalOn: false, resolvers: ['10.0.0.1'] }, undefined],
  ])('is refused: %s', (_what, input, path) => {
    expect(issues(input)).toEqual(
      path === undefined ? [] : [expect.stringMatching(new RegExp(`^${path}: .* is this server itself`))],
    );
  });

  it('is left out, and the log says so, where only the machine knows', () => {
    expect(isOurselves({ ip: '10.0.0.7', port: 53 }, '0.0.0.0', 53, ['10.0.0.7'])).toBe(true);
    expect(isOurselves({ ip: '10.0.0.7', port: 53 }, '10.0.0.8', 53, ['10.0.0.7'])).toBe(false);
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    const config = dnsConfigSchema.parse({ resolvers: ['8.8.8.8', '10.0.0.1:53'] });
    const settings = resolverSettings({ ...config, host: '10.0.0.1', port: 53 }, log);
    expect(settings.resolvers).toEqual([{ ip: '8.8.8.8', port: 53 }]);
    expect(lines).toHaveLength(1);
  });
});

describe('the config of forwarding', () => {
  it('has defaults that hold the line', () => {
    const { cache, upstreams, acl, localZones } = dnsConfigSchema.parse({});
    expect([cache.enabled, cache.maxEntries, cache.staleSeconds, cache.servfailSeconds]).toEqual([
      true,
      10_000,
      86_400,
      2,
    ]);
    expect([upstreams.policy, upstreams.failoverOn, upstreams.case0x20]).toEqual(['sequential', [], true]);
    expect([acl.recursion, localZones, upstreams.health.probeName]).toEqual(['local', true, '.']);
  });

  it('names what is wrong', () => {
    expect(issues({ cache: { servfailSeconds: 9 } })[0]).toMatch(/^cache\.servfailSeconds/);
    expect(issues({ upstreams: { health: { probeName: 'a..b' } } })[0]).toMatch(
      /^upstreams\.health\.probeName/,
    );
    expect(issues({ upstreams: { failoverOn: ['NOERROR' as 'SERVFAIL'] } })[0]).toMatch(/failoverOn/);
  });

  it('of a Mesos-DNS file forwards for everybody, as Mesos-DNS does', () => {
    const got = fromMesosDnsConfig({ masters: ['10.0.0.1:5050'] });
    expect(got.ok && got.dns.acl?.recursion).toBe('any');
  });
});
