import { describe, expect, it } from 'vitest';
import { decode } from '../core/config/decode.ts';
import { dnsConfigSchema } from './config.ts';
import { fromMesosDnsConfig } from './mesos-dns-config.ts';

describe('the keys for names and records', () => {
  const issues = (input: unknown): string[] => {
    const decoded = decode(dnsConfigSchema, input);
    return decoded.ok ? [] : decoded.issues.map((i) => `${i.path}: ${i.message}`);
  };

  it('has health, agents, networks and reverse names on by default', () => {
    expect(dnsConfigSchema.parse({})).toMatchObject({
      health: 'exclude',
      longNames: 'cut',
      legacyNames: true,
      agentNames: true,
      networkNames: true,
      ptr: true,
      records: [],
      answerLimits: {},
    });
    expect(
      issues({
        records: [{ name: 'db.mesos', type: 'A', value: '10.0.0.1' }],
        answerLimits: { 'Web.marathon.mesos.': 2 },
      }),
    ).toEqual([]);
  });

  it('names the entry that is wrong', () => {
    expect(
      issues({
        domain: 'dc',
        records: [
          { name: 'a.dc', type: 'A', value: '10.0.0.1' },
          { name: 'db.mesos', type: 'A', value: '10.0.0.1' },
        ],
      }),
    ).toEqual([
      "records[1]: record db.mesos A: 'db.mesos' is neither in the domain 'dc' nor a reverse name (in-addr.arpa, ip6.arpa)",
    ]);
    expect(issues({ records: [{ name: 'a.mesos', type: 'MX', value: '' }] })[0]).toMatch(
      /^records\[0\]\.type: /,
    );
    expect(issues({ answerLimits: { 'web.example.com': 2 } })).toEqual([
      expect.stringContaining('answerLimits.web.example.com: '),
    ]);
    expect(issues({ answerLimits: { 'web.mesos': 0 } })).toHaveLength(1);
    expect(issues({ answerLimits: { 'web.mesos': 1, 'WEB.mesos.': 2 } })).toEqual([
      expect.stringContaining("is the same name as 'web.mesos'"),
    ]);
    expect(issues({ helth: 'include' })).toEqual([expect.stringContaining("did you mean 'health'?")]);
  });

  it('is as Mesos-DNS does it in what comes from a Mesos-DNS file', () => {
    const imported = fromMesosDnsConfig({ masters: ['10.0.0.1:5050'] });
    expect(imported.ok && dnsConfigSchema.parse(imported.dns)).toMatchObject({
      health: 'include',
      longNames: 'cut',
      legacyNames: true,
      agentNames: false,
      networkNames: false,
      ptr: false,
      records: [],
      answerLimits: {},
    });
  });
});
