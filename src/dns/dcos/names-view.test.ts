import { describe, expect, it } from 'vitest';
import type { ZoneRecord } from '../zone/index.ts';
import type { RecordType } from '../zone/index.ts';
import { NamesView } from './names-view.ts';
import { aliasZones } from './zones.ts';

const RECORDS: ZoneRecord<RecordType>[] = [
  { name: 'web.marathon.l4lb.thisdcos.directory.', type: 'A', host: '11.1.2.3' },
  { name: 'registry.component.thisdcos.directory.', type: 'CNAME', host: 'leader.dcos.thisdcos.directory.' },
  { name: 'leader.dcos.thisdcos.directory.', type: 'A', host: '10.0.0.9' },
  { name: 'a.thisdcos.directory.', type: 'CNAME', host: 'b.thisdcos.directory.' },
  { name: 'b.thisdcos.directory.', type: 'CNAME', host: 'a.thisdcos.directory.' },
  { name: 'out.thisdcos.directory.', type: 'CNAME', host: 'www.example.test.' },
  { name: 'web.marathon.mesos.', type: 'A', host: '10.0.0.1' },
];

const zone = {
  ready: true,
  records: () => RECORDS.values(),
  lookup: (name: string, type: RecordType) => {
    const values = RECORDS.filter((r) => r.name === name && r.type === type).map((r) => r.host);
    return values.length > 0 ? ({ kind: 'answer', values } as const) : ({ kind: 'nodata' } as const);
  },
};
const view = new NamesView(zone as never, ['thisdcos.directory.'], aliasZones('kdx31'));

describe('the names that the REST API finds', () => {
  it.each([
    ['web.marathon.l4lb.thisdcos.directory.', ['11.1.2.3']],
    ['web.marathon.dclb.thisdcos.directory.', ['11.1.2.3']],
    ['web.marathon.dclb.thisdcos.global.', ['11.1.2.3']],
    ['web.marathon.l4lb.thisdcos.global.', ['11.1.2.3']],
    ['leader.dcos.kdx31.dcos.directory.', ['10.0.0.9']],
    ['leader.dcos.other.dcos.directory.', []],
    ['registry.component.thisdcos.directory.', ['10.0.0.9']],
    ['registry.component.thisdcos.global.', ['10.0.0.9']],
    ['web.marathon.mesos.', ['10.0.0.1']],
    ['a.thisdcos.directory.', []],
    ['out.thisdcos.directory.', []],
    ['xthisdcos.global.', []],
  ])('%s', (name, ips) => {
    expect(view.lookup(name, 'A')).toEqual(ips);
  });

  it('lists the records of its zones only', () => {
    const names = [...view.records()].map((r) => r.name);
    expect(names).toContain('leader.dcos.thisdcos.directory.');
    expect(names).not.toContain('web.marathon.mesos.');
    expect(names).toHaveLength(RECORDS.length - 1);
  });
});
