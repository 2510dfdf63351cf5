import { describe, expect, it } from 'vitest';
import { masterConfigSchema, parseMinimum } from './config.ts';
import { durationText, flags } from './flags.ts';
import { masterInfo } from './master-info.ts';

describe('master configuration', () => {
  it('has a default for everything', () => {
    expect(masterConfigSchema.parse({})).toMatchObject({
      host: '127.0.0.1',
      port: 5050,
      heartbeatSeconds: 15,
    });
  });

  it.each([
    { port: 70_000 },
    { heartbeatSeconds: 0 },
    { maxPingTimeouts: 0 },
    { minAllocatableResources: 'cpus=1' },
    { advertiseIp: 'here' },
    { surprise: 1 },
  ])('refuses %j and names it', (bad) => {
    const parsed = masterConfigSchema.safeParse(bad);
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toContain(Object.keys(bad)[0]);
  });

  it('reads the smallest offers', () => {
    expect(parseMinimum('cpus:0.01|mem:32')).toEqual([new Map([['cpus', 0.01]]), new Map([['mem', 32]])]);
    expect(parseMinimum('cpus:1;mem:32')).toEqual([
      new Map([
        ['cpus', 1],
        ['mem', 32],
      ]),
    ]);
  });

  it('is shown as flags of Mesos', () => {
    expect([250, 1000, 15_000, 90_000, 600_000, 3_600_000, 1_209_600_000].map(durationText)).toEqual([
      '250ms',
      '1secs',
      '15secs',
      '90secs',
      '10mins',
      '1hrs',
      '2weeks',
    ]);
    expect(flags(masterConfigSchema.parse({ offerTimeoutSeconds: 30 }), { port: 1 })).toMatchObject({
      agent_ping_timeout: '15secs',
      offer_timeout: '30secs',
      port: '1',
    });
  });

  it('names the master by what was advertised, else by where it is reached', () => {
    const info = (config: object): object => masterInfo(masterConfigSchema.parse(config), 'id', 5050);
    expect(info({})).toMatchObject({ ip: 16_777_343, pid: 'master@127.0.0.1:5050', hostname: '127.0.0.1' });
    expect(info({ host: 'localhost' })).toMatchObject({ pid: 'master@127.0.0.1:5050' });
    expect(info({ advertiseIp: '10.0.0.1', hostname: 'm1' })).toMatchObject({
      pid: 'master@10.0.0.1:5050',
      address: { hostname: 'm1', ip: '10.0.0.1', port: 5050 },
    });
    expect(info({ advertiseIp: '2001:db8::1' })).toMatchObject({ pid: 'master@[2001:db8::1]:5050' });
    expect(info({ host: '0.0.0.0' })).not.toMatchObject({ address: { ip: '0.0.0.0' } });
  });
});
