import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { version } from '../../testing/catalog.ts';
import { Ledger, lineOf, whole } from '../../testing/ledger.ts';
import { recordData } from '../record-data.ts';
import { StaticRecords } from './static.ts';
import { recordProblems, staticRecords } from './static-records.ts';
import type { ConfiguredRecord } from './static-records.ts';

const GOOD: readonly ConfiguredRecord[] = [
  { name: 'db.mesos', type: 'A', value: '10.0.0.1' },
  { name: 'DB.mesos.', type: 'A', value: '10.0.0.2' },
  { name: 'db.mesos', type: 'AAAA', value: 'fd00::1', ttlSeconds: 5 },
  { name: 'mesos', type: 'TXT', value: 'v=spf1 -all' },
  { name: 'www.mesos', type: 'CNAME', value: 'Www.Example.COM' },
  { name: '_db._tcp.mesos', type: 'SRV', value: 'db.mesos:5432', weight: 3, priority: 1 },
  { name: '1.0.0.10.in-addr.arpa', type: 'PTR', value: 'db.mesos' },
  { name: '1.d.f.ip6.arpa', type: 'PTR', value: 'db.mesos' },
];
const problems = (...records: readonly ConfiguredRecord[]): string[] =>
  recordProblems(records, 'mesos').map((p) => `${p.index}: ${p.message}`);

describe('static records', () => {
  it('are published as they are written, names lower-case and absolute', () => {
    expect(recordProblems(GOOD, 'mesos')).toEqual([]);
    expect(staticRecords(GOOD).map(lineOf)).toEqual([
      'db.mesos. A 10.0.0.1',
      'db.mesos. A 10.0.0.2',
      'db.mesos. AAAA fd00::1 ttl=5',
      'mesos. TXT v=spf1 -all',
      'www.mesos. CNAME www.example.com.',
      '_db._tcp.mesos. SRV db.mesos.:5432 weight=3 priority=1',
      '1.0.0.10.in-addr.arpa. PTR db.mesos.',
      '1.d.f.ip6.arpa. PTR db.mesos.',
    ]);
    for (const r of staticRecords(GOOD)) expect(recordData(r, 1)).toBeDefined();
  });

  it.each<readonly [string, ConfiguredRecord]>([
    ["'10.0.0' is not an IPv4 address", { name: 'a.mesos', type: 'A', value: '10.0.0' }],
    ["'fd00::1' is not an IPv4 address", { name: 'a.mesos', type: 'A', value: 'fd00::1' }],
    ["'10.0.0.1' is not an IPv6 address", { name: 'a.mesos', type: 'AAAA', value: '10.0.0.1' }],
    ["'::ffff:10.0.0.1' is not an IPv6 address", { name: 'a.mesos', type: 'AAAA', value: '::ffff:10.0.0.1' }],
    ["neither in the domain 'mesos'", { name: 'a.example.com', type: 'A', value: '10.0.0.1' }],
    ["neither in the domain 'mesos'", { name: 'amesos', type: 'A', value: '10.0.0.1' }],
    ["'a..mesos' is not a domain name", { name: 'a..mesos', type: 'A', value: '10.0.0.1' }],
    ["'' is not a domain name", { name: '', type: 'A', value: '10.0.0.1' }],
    ['is not a domain name', { name: `${'a'.repeat(64)}.mesos`, type: 'A', value: '10.0.0.1' }],
    ['is a wildcard', { name: '*.mesos', type: 'A', value: '10.0.0.1' }],
    ["'10.0.0.1' is not a domain name", { name: 'a.mesos', type: 'CNAME', value: '10.0.0.1' }],
    ['the domain itself has SOA and NS', { name: 'mesos.', type: 'CNAME', value: 'a.example.com' }],
    ['points to itself', { name: 'a.mesos', type: 'CNAME', value: 'A.mesos.' }],
    ['is not a name and port', { name: 'a.mesos', type: 'SRV', value: 'db.mesos' }],
    ['is not a name and port', { name: 'a.mesos', type: 'SRV', value: 'db.mesos:65536' }],
    ['is not a name and port', { name: 'a.mesos', type: 'SRV', value: ':53' }],
    ['only SRV records', { name: 'a.mesos', type: 'A', value: '10.0.0.1', weight: 1 }],
    ['the text has 4001 bytes', { name: 'a.mesos', type: 'TXT', value: 'x'.repeat(4001) }],
  ])('are refused with a reason: %s', (reason, record) => {
    expect(problems(record)).toEqual([
      expect.stringMatching(new RegExp(`^0: record ${record.name.replaceAll('*', '.')} ${record.type}: `)),
    ]);
    expect(problems(record)[0]).toContain(reason);
    expect(problems(...GOOD.slice(2, 4), record)[0]).toContain(`2: record`);
  });

  it('are refused where they contradict each other', () => {
    const a: ConfiguredRecord = { name: 'x.mesos', type: 'A', value: '10.0.0.1' };
    const cname = (name: string, value: string): ConfiguredRecord => ({ name, type: 'CNAME', value });
    expect(problems(a, { ...a, name: 'X.mesos.' })).toEqual([
      expect.stringContaining('is the same as records[0]'),
    ]);
    expect(problems(a, { ...a, value: '10.0.0.2', ttlSeconds: 1 })).toEqual([
      expect.stringContaining('1: record x.mesos A: has another ttlSeconds than records[0]'),
    ]);
    expect(problems(a, cname('x.mesos', 'y.mesos'))).toEqual([
      expect.stringContaining(
        '1: record x.mesos CNAME: a CNAME must be the only record of its name, but there is also records[0]',
      ),
    ]);
    expect(problems(cname('x.mesos', 'y.mesos'), cname('x.mesos', 'z.mesos'))).toEqual([
      expect.stringContaining('there is also records[1]'),
    ]);
    expect(
      problems(cname('a.mesos', 'b.mesos'), cname('b.mesos', 'a.mesos'), cname('c.mesos', 'a.mesos')),
    ).toEqual([
      expect.stringContaining('0: record a.mesos CNAME: its chain of CNAMEs comes back'),
      expect.stringContaining('1: record b.mesos CNAME: its chain of CNAMEs comes back'),
    ]);
  });

  it('change by the difference, whatever the cluster does', () => {
    const anyRecords = fc.subarray([...GOOD, { name: 'db.mesos', type: 'AAAA' as const, value: 'fd00::1' }]);
    fc.assert(
      fc.property(anyRecords, fc.array(anyRecords, { maxLength: 4 }), (first, rest) => {
        const own = new StaticRecords(staticRecords(first));
        const ledger = new Ledger();
        const step = () => {
          const changes = [...own.step(version(1), whole(version(1)))];
          ledger.take(changes);
          return changes.flatMap((c) => [...c.before, ...c.after]).length;
        };
        step();
        let before = first;
        for (const records of rest) {
          own.replace(staticRecords(records));
          expect(step()).toBe(
            new Set([...before, ...records]).size - before.filter((r) => records.includes(r)).length,
          );
          expect(ledger.lines()).toEqual(staticRecords(records).map(lineOf).sort());
          before = records;
        }
        expect(step()).toBe(0);
      }),
    );
  });
});
