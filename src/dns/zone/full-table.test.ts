import { describe, expect, it } from 'vitest';
import { version } from '../testing/catalog.ts';
import { zoneFor } from '../testing/zone.ts';
import type { Change } from './publisher.ts';
import type { RecordType, ZoneRecord } from './records.ts';
import type { Zone } from './zone.ts';

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

  /** Says what it is given, and takes back what it said. */
  class Teller {
    readonly name = 'teller';
    next: readonly ZoneRecord<RecordType>[] = [];
    nextNames: readonly string[] = [];
    #said = { before: NO_RECORDS, namesBefore: NO_NAMES };

    step(): Iterable<Change> {
      const change = { ...this.#said, after: this.next, namesAfter: this.nextNames };
      this.#said = { before: this.next, namesBefore: this.nextNames };
      return [change];
    }
  }
  const tiny = (teller: Teller): Zone =>
    zoneFor({}, { publishers: [teller], memory: new SharedArrayBuffer(64 * 1024) });
  const text = (i: number): ZoneRecord<RecordType> => ({
    name: `r${i}.mesos.`,
    type: 'TXT',
    host: 'x'.repeat(100),
  });

  it('takes what it left out as soon as something else has gone', () => {
    const teller = new Teller();
    const zone = tiny(teller);
    const all = Array.from({ length: 400 }, (_, i) => text(i));
    teller.next = [...all, text(399), text(399)];
    teller.nextNames = ['some.mesos.'];
    zone.load(version(1));
    expect(zone.leftOut).toBeGreaterThan(50);
    const served = all.filter((r) => zone.lookup(r.name, 'TXT').kind === 'answer');
    expect(served.length + zone.leftOut).toBe(401);
    teller.next = teller.next.filter((r) => !served.slice(0, 300).includes(r));
    zone.load(version(2));
    expect(zone.leftOut).toBe(0);
    expect(zone.lookup('some.mesos.', 'TXT').kind).toBe('nodata');
    for (const r of all)
      expect(zone.lookup(r.name, 'TXT').kind).toBe(teller.next.includes(r) ? 'answer' : 'nxdomain');
    // Also the one that was given three times goes with the last.
    teller.next = [text(399)];
    zone.load(version(3));
    expect(zone.size).toBe(1);
    teller.next = [];
    teller.nextNames = [];
    zone.load(version(4));
    expect([zone.size, zone.leftOut, zone.lookup('r399.mesos.', 'TXT').kind]).toEqual([0, 0, 'nxdomain']);
  });

  it('does not take one service for another of a different weight', () => {
    const teller = new Teller();
    const zone = tiny(teller);
    const service = (weight: number): ZoneRecord<RecordType> => ({
      name: '_web._tcp.mesos.',
      type: 'SRV',
      host: `${'t'.repeat(60)}.mesos.:80`,
      weight,
    });
    const fill = Array.from({ length: 400 }, (_, i) => text(i));
    teller.next = [service(1), ...fill];
    zone.load(version(1));
    expect(zone.leftOut).toBeGreaterThan(50);
    teller.next = [service(2), ...fill];
    zone.load(version(2));
    const served = zone.lookup('_web._tcp.mesos.', 'SRV').kind === 'answer';
    expect(served).toBe(!zone.unservable().some((r) => r.type === 'SRV'));
    teller.next = [];
    zone.load(version(3));
    expect([zone.size, zone.leftOut]).toEqual([0, 0]);
    expect(zone.lookup('_web._tcp.mesos.', 'SRV').kind).toBe('nxdomain');
  });
});
