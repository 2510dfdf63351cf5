import { describe, expect, it } from 'vitest';
import { isName } from '../wire/index.ts';
import { DCOS_ZONES, aliasZones, fixedApexes } from './zones.ts';

describe('the zones of DC/OS', () => {
  it('are these, with the SOA record that DC/OS gives', () => {
    expect(DCOS_ZONES.map((z) => z.apex)).toEqual([
      'thisdcos.directory.',
      'dcos.thisdcos.directory.',
      'mesos.thisdcos.directory.',
      'l4lb.thisdcos.directory.',
      'component.thisdcos.directory.',
      'spartan.',
      'zk.',
      'localhost.',
    ]);
    for (const zone of DCOS_ZONES) {
      expect([zone.mname, zone.rname].every((name) => isName(name))).toBe(true);
      expect({ ...zone, apex: '' }).toEqual({
        apex: '',
        mname: 'ns.spartan.',
        rname: 'support.mesosphere.com.',
        refreshSeconds: 60,
        retrySeconds: 180,
        expireSeconds: 86400,
        negativeTtlSeconds: 1,
        ttlSeconds: 5,
        nsTtlSeconds: 3600,
      });
    }
  });

  it('are fixed where their names do not come from the cluster', () => {
    expect([...fixedApexes([])]).toEqual(['spartan.', 'localhost.']);
    expect([...fixedApexes(['10.0.0.1'])]).toEqual(['spartan.', 'localhost.', 'zk.']);
  });

  it('have other names, the longest first', () => {
    expect(aliasZones('')).toEqual([
      { from: 'dclb.thisdcos.directory', to: 'l4lb.thisdcos.directory' },
      { from: 'dclb.thisdcos.global', to: 'l4lb.thisdcos.directory' },
      { from: 'thisdcos.global', to: 'thisdcos.directory' },
    ]);
    expect(aliasZones('kdx31').at(-1)).toEqual({ from: 'thisdcos.global', to: 'thisdcos.directory' });
    expect(aliasZones('kdx31')).toContainEqual({ from: 'kdx31.dcos.directory', to: 'thisdcos.directory' });
  });
});
