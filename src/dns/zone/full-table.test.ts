import { describe, expect, it } from 'vitest';
import { version } from '../testing/catalog.ts';
import { zoneFor } from '../testing/zone.ts';
import type { RecordType, ZoneRecord } from './records.ts';

const NO_RECORDS: readonly ZoneRecord<RecordType>[] = [];
const NO_NAMES: readonly string[] = [];

describe('a table that is full', () => {
  it('leaves names and records out, says so, and takes them back one by one', () => {
    const records = Array.from({ length: 18_000 }, (_, i) => ({
      name: `r${i}.mesos.`,
      type: 'TXT' as const,
      host: 'x'.repeat(1400),
    }));
    const names = Array.from({ length: 9_000 }, (_, i) => `n${i}.mesos.`);
    let [before, after] = [NO_RECORDS, records as readonly ZoneRecord<RecordType>[]];
    let [namesBefore, namesAfter] = [NO_NAMES, names as readonly string[]];
    const publisher = {
      name: 'many',
      *step() {
        yield { before, after };
        yield { before: NO_RECORDS, after: NO_RECORDS, namesBefore, namesAfter };
      },
    };
    const zone = zoneFor({}, { publishers: [publisher] });
    zone.load(version(1));
    expect(zone.unservable().length).toBeGreaterThan(1000);
    expect(zone.unservableNames().length).toBeGreaterThan(1000);
    expect(zone.leftOut).toBe(zone.unservable().length + zone.unservableNames().length);
    expect(zone.unservable()[0]?.reason).toContain('raise dns.maxTableMiB');
    [before, after] = [records, NO_RECORDS];
    [namesBefore, namesAfter] = [names, NO_NAMES];
    zone.load(version(2));
    expect([zone.leftOut, zone.size]).toEqual([0, 0]);
  });
});
