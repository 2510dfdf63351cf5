import { afterEach, describe, expect, it } from 'vitest';
import { dnsConfigSchema } from './config.ts';
import type { DnsConfigInput } from './config.ts';
import { agent, framework, task } from './testing/catalog.ts';
import { askUdp, queryBytes, startDns } from './testing/start.ts';
import type { Started } from './testing/start.ts';
import { RCODE, TYPE } from './wire/index.ts';

const running: Started[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ dns }) => dns.stop()));
});

const a = (name: string, value: string) => ({ name, type: 'A' as const, value });

describe('a changed config', () => {
  it.each([true, false])('changes records and limits at once, the cluster being known: %s', async (known) => {
    const first: DnsConfigInput = {
      records: [a('one.mesos', '10.0.0.1'), a('same.mesos', '10.0.0.9')],
      answerLimits: { 'web.marathon.mesos': 1 },
    };
    const started = await startDns(first);
    running.push(started);
    const { dns, catalog, reactor } = started;
    const tasks = [1, 2, 3].map((n) => task(`web.${n}`, { netinfoIps: [`10.1.0.${n}`] }));
    if (known) catalog.become({ agents: [agent()], frameworks: [framework()], tasks });
    const ask = async (name: string): Promise<string> => {
      const { rcode, answers } = await askUdp(reactor, dns.addresses.udp, queryBytes(name, TYPE.A));
      return [rcode, ...answers.map((r) => r.rdata.join('.'))].join(' ');
    };
    const gone = String(known ? RCODE.NXDOMAIN : RCODE.SERVFAIL);
    const reload = (config: DnsConfigInput) => dns.reload(dnsConfigSchema.parse(config));
    expect(await ask('one.mesos.')).toBe('0 10.0.0.1');
    expect(reload(first)).toEqual([]);
    const next = { records: [a('two.mesos', '10.0.0.2'), a('same.mesos', '10.0.0.9')], answerLimits: {} };
    expect(reload(next)).toEqual(['records', 'answerLimits']);
    expect([await ask('one.mesos.'), await ask('two.mesos.'), await ask('same.mesos.')]).toEqual([
      gone,
      '0 10.0.0.2',
      '0 10.0.0.9',
    ]);
    if (known) expect((await ask('web.marathon.mesos.')).split(' ')).toHaveLength(4);
    expect(reload({ ...next, answerLimits: { 'web.marathon.mesos': 2 } })).toEqual(['answerLimits']);
    if (known) expect((await ask('web.marathon.mesos.')).split(' ')).toHaveLength(3);
    // Of another domain nothing is in our zone.
    expect(reload({ domain: 'dc', records: [a('three.dc', '10.0.0.3')] })).toEqual([]);
    expect(await ask('two.mesos.')).toBe('0 10.0.0.2');
    expect(started.health.report().conditions['dns_zone']?.ok).toBe(known);
  });
});
