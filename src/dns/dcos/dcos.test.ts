import { describe, expect, it } from 'vitest';
import { Vips } from '../../cluster/vips/index.ts';
import { reserve } from '../table/index.ts';
import { HandCatalog, agent, task } from '../testing/catalog.ts';
import { MESOS_HEAD, MESOS_SETTINGS } from '../testing/zone.ts';
import { MesosNames } from '../zone/publish/mesos.ts';
import type { RecordType } from '../zone/index.ts';
import { Zone } from '../zone/index.ts';
import { dcosSchema, vipSettings } from './config.ts';
import { createDcos } from './dcos.ts';

function make(config: object = {}) {
  const settings = { ...MESOS_SETTINGS, health: 'exclude' as const, networkNames: false, ptr: true };
  const catalog = new HandCatalog();
  const parsed = dcosSchema.parse(config);
  const vips = new Vips(vipSettings(parsed));
  vips.follow(catalog);
  const dcos = createDcos(parsed, vips, {
    domain: 'mesos',
    publishers: [new MesosNames(settings)],
  });
  const zone = new Zone({
    heads: [MESOS_HEAD, ...dcos.heads],
    publishers: [new MesosNames(settings), ...dcos.publishers],
    ttlSeconds: 60,
    srvWeight: 1,
    memory: reserve(16),
    seed: 7,
    nowSeconds: () => 1_700_000_000,
  });
  catalog.onChange((next, diff) => zone.apply(next, diff));
  const ask = (name: string, type: RecordType = 'A'): unknown => {
    const found = zone.lookup(name, type);
    return found.kind === 'answer' ? found.values : found.kind;
  };
  return { dcos, zone, catalog, ask };
}

const vipLabels = (value: string) => new Map([['VIP_0', value]]);
const web = (vip: string, ip = '9.0.0.5') =>
  task('web.1', {
    netinfoIps: [ip],
    discovery: {
      name: 'web',
      visibility: 'CLUSTER',
      ports: [{ number: 8080, name: 'http', protocol: 'tcp', labels: vipLabels(vip) }],
    },
  });

describe('the names of DC/OS in a zone', () => {
  const aliases = { 'registry.component': 'master.dcos.thisdcos.directory', docs: 'www.example.test' };

  it('are answered beside those of Mesos-DNS', () => {
    const { catalog, ask, zone } = make({ aliases });
    catalog.become({ agents: [agent()], tasks: [web('/acme:80')], leader: { ip: '10.0.0.9', port: 5050 } });
    expect(ask('web.marathon.mesos.')).toEqual(['9.0.0.5']);
    expect(ask('web.marathon.mesos.thisdcos.directory.')).toEqual(['9.0.0.5']);
    expect(ask('web.marathon.agentip.dcos.thisdcos.directory.')).toEqual(['10.0.0.1']);
    expect(ask('web.marathon.containerip.dcos.thisdcos.directory.')).toEqual(['9.0.0.5']);
    expect(ask('acme.marathon.l4lb.thisdcos.directory.')).toEqual(['11.9.179.74']);
    expect(ask('leader.dcos.thisdcos.directory.')).toEqual(['10.0.0.9']);
    expect(ask('ready.spartan.')).toEqual(['127.0.0.1']);
    expect(ask('localhost.', 'AAAA')).toEqual(['::1']);
    expect(ask('zk-5.zk.')).toEqual(['10.0.0.9']);
    expect(ask('registry.component.thisdcos.directory.', 'CNAME')).toEqual([
      'master.dcos.thisdcos.directory.',
    ]);
    expect(ask('docs.thisdcos.directory.', 'CNAME')).toEqual(['www.example.test.']);
    expect(ask('marathon.l4lb.thisdcos.directory.')).toBe('nodata');
    expect(ask('none.thisdcos.directory.')).toBe('nxdomain');
    expect(zone.unservable()).toEqual([]);
  });

  it('go with what they are of, and leave no name behind', () => {
    const { catalog, ask, zone } = make();
    catalog.become({});
    const empty = [...zone.records()].length;
    catalog.become({ tasks: [web('/acme:80')] });
    expect([...zone.records()].length).toBeGreaterThan(empty + 8);
    catalog.become({});
    expect([...zone.records()]).toHaveLength(empty);
    for (const name of [
      'acme.marathon.l4lb',
      'marathon.l4lb',
      'web.marathon.mesos',
      'web.marathon.agentip.dcos',
    ])
      expect(ask(`${name}.thisdcos.directory.`)).toBe('nxdomain');
  });

  it('tell what is wrong with labels', () => {
    const { catalog, dcos } = make();
    catalog.become({ tasks: [web('acme')] });
    expect([...dcos.setAside()]).toMatchObject([{ kind: 'label', id: 'fw-1 web.1' }]);
  });
});
