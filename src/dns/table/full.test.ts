import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_READERS, TableFull, TableReader, TableWriter, listTable } from './index.ts';

const wire = (name: string): Uint8Array =>
  Uint8Array.from([...name.split('.').flatMap((l) => [l.length, ...Buffer.from(l)]), 0]);
const SMALL_BYTES = 48 * 1024;

/** A table of a few blocks, beside what it is to hold. */
class Small {
  readonly writer: TableWriter;
  readonly reader: TableReader;
  /** How often each record was counted in. */
  readonly records = new Map<string, { name: string; type: number; data: string; times: number }>();
  readonly declared = new Map<string, number>();
  refused = 0;

  constructor(bytes = SMALL_BYTES) {
    const memory = new SharedArrayBuffer(bytes);
    this.writer = new TableWriter(memory, 99, [wire('z')]);
    this.reader = new TableReader(memory, 1);
  }

  /** False when there was no room. */
  attempt(change: () => void): boolean {
    try {
      change();
      return true;
    } catch (error) {
      if (!(error instanceof TableFull)) throw error;
      this.refused++;
      return false;
    }
  }

  add(name: string, type: number, data: string): boolean {
    const n = wire(name);
    const key = `${name} ${type} ${data}`;
    const known = this.records.get(key);
    return this.attempt(() => {
      expect(this.writer.add(n, n.length, type, 60, Buffer.from(data))).toBe(known === undefined);
      if (known) known.times++;
      else this.records.set(key, { name, type, data, times: 1 });
    });
  }

  remove(name: string, type: number, data: string): void {
    const n = wire(name);
    const key = `${name} ${type} ${data}`;
    const known = this.records.get(key);
    expect(this.writer.remove(n, n.length, type, Buffer.from(data))).toBe(known?.times === 1);
    if (known && --known.times === 0) this.records.delete(key);
  }

  declare(name: string, by: 1 | -1): void {
    const n = wire(name);
    const times = this.declared.get(name) ?? 0;
    this.attempt(() => {
      this.writer.declare(n, n.length, by);
      const next = Math.max(0, times + by);
      if (next > 0) this.declared.set(name, next);
      else this.declared.delete(name);
    });
  }

  /** Every name that is to exist: those with records, those declared, and those between them and the zone. */
  names(): Set<string> {
    const all = new Set<string>();
    for (const name of [...[...this.records.values()].map((r) => r.name), ...this.declared.keys()])
      for (let n = name; n !== ''; n = n.slice(n.indexOf('.') + 1)) {
        all.add(n);
        if (n === 'z' || !n.endsWith('.z')) break;
      }
    return all;
  }

  check(universe: readonly string[]): void {
    const lines = [...listTable(this.reader)].map(
      ({ name, type, data }) =>
        `${Buffer.from(name).toString('hex')} ${type} ${Buffer.from(data).toString()}`,
    );
    const expected = [...this.records.values()].map(
      ({ name, type, data }) => `${Buffer.from(wire(name)).toString('hex')} ${type} ${data}`,
    );
    expect(lines.sort()).toEqual(expected.sort());
    const names = this.names();
    expect(this.writer.nodes).toBe(names.size);
    for (const name of universe) expect(this.reader.findName(wire(name)) !== 0, name).toBe(names.has(name));
  }

  clear(): void {
    for (const { name, type, data, times } of this.records.values())
      for (let i = 0; i < times; i++) this.remove(name, type, data);
    for (const [name, times] of this.declared) for (let i = 0; i < times; i++) this.declare(name, -1);
    expect(this.writer.nodes).toBe(0);
  }
}

const deep = Array.from({ length: 60 }, (_, i) => `${i}`).join('.');
const NAMES = [
  'a.z',
  'b.a.z',
  'c.b.a.z',
  'd.z',
  `x.${deep}.z`,
  `y.${deep}.z`,
  `${'long'.repeat(15)}.z`,
  'outside.y',
];
const name = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.integer({ min: 0, max: 400 }).map((n) => `n${n}.z`),
);

describe('a table with little memory', () => {
  it('holds exactly what it took, whatever was refused, and takes as much again when all is gone', () => {
    const op = fc.record({
      what: fc.constantFrom('add', 'add', 'add', 'remove', 'declare', 'undeclare', 'commit'),
      name,
      type: fc.constantFrom(1, 16, 33),
      value: fc.tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(1, 7, 60, 300, 2_000)),
    });
    let refused = 0;
    fc.assert(
      fc.property(fc.array(op, { minLength: 50, maxLength: 500, size: 'max' }), (ops) => {
        const t = new Small();
        for (const { what, name: n, type, value } of ops) {
          const data = `${value[0]}`.repeat(value[1]);
          if (what === 'add') t.add(n, type, data);
          else if (what === 'remove') t.remove(n, type, data);
          else if (what === 'commit') t.writer.commit();
          else t.declare(n, what === 'declare' ? 1 : -1);
        }
        t.check(NAMES);
        refused += t.refused;
        t.clear();
        t.writer.commit();
        // In one piece, beside the slots: what is free was put together again.
        const third = 'h'.repeat((SMALL_BYTES - t.writer.touchedBytes + t.writer.idleBytes) / 3);
        expect(t.add('third.z', 16, third)).toBe(true);
        t.check([...NAMES, 'third.z']);
      }),
      { numRuns: 150 },
    );
    expect(refused).toBeGreaterThan(1_000);
  });

  it('takes names again of which it refused some, though all memory was used before', () => {
    const t = new Small();
    let i = 0;
    while (t.add(`n${i}.z`, 1, 'four')) i++;
    expect(i).toBeGreaterThan(100);
    for (let j = 0; j < 20; j++) t.remove(`n${j}.z`, 1, 'four');
    t.writer.commit();
    for (let j = 0; j < 20; j++) expect(t.add(`other${j}.z`, 1, 'four')).toBe(true);
    t.check(['n0.z', 'other0.z', `n${i}.z`]);
  });

  it('lets records go when it has no room for the copy without them', () => {
    const t = new Small();
    for (let i = 0; i < 8; i++) t.add('set.z', 16, `${i}`.repeat(1_000));
    while (t.add(`n${t.records.size}.z`, 1, 'four'));
    for (let i = 0; i < 7; i++) {
      t.remove('set.z', 16, `${i}`.repeat(1_000));
      t.check(['set.z']);
    }
    t.clear();
  });

  it('takes a set of ten thousand apart in one step, in little more memory than the set has', () => {
    const t = new Small(4 * 1024 * 1024);
    const entries = Array.from({ length: 10_000 }, (_, i) => `${i}`.padStart(20));
    for (const data of entries) t.add('set.z', 33, data);
    t.writer.commit();
    const before = t.writer.touchedBytes;
    for (const data of entries.slice(0, 9_990)) t.remove('set.z', 33, data);
    t.check(['set.z']);
    expect(t.writer.touchedBytes).toBeLessThan(2 * before);
    // Others come while some of a large set are gone: under the same data too.
    for (const data of entries) t.add('set.z', 33, data);
    for (let i = 0; i < 3_000; i++) t.remove('set.z', 33, entries[i % 1_000] as string);
    for (let i = 0; i < 1_000; i++) t.add('set.z', 33, entries[i] as string);
    t.check(['set.z']);
    t.clear();
  });

  it('refuses deep names before its slots are all used, so that whoever looks in vain comes to an end', () => {
    // Control words and 1024 slots, and for nodes less than what more slots would take when these are used up.
    const t = new Small(4_160 + 8_704 + 683 * 24 + 16_000);
    for (let i = 0; i < 899; i++) t.declare(`${i}.z`, 1);
    expect([t.refused, t.writer.nodes]).toEqual([0, 900]);
    t.declare(`${Array.from({ length: 60 }, () => 'd').join('.')}.z`, 1);
    expect([t.refused, t.writer.nodes]).toEqual([1, 900]);
    expect(t.reader.findName(wire('nobody.z'))).toBe(0);
    t.check([]);
    t.clear();
  });
});

describe('memory that is used again', () => {
  const CHANGES = Number(process.env['RIMROCK_FUZZ_RUNS'] ?? 50_000);

  it('is enough for any number of changes', () => {
    const t = new Small(8 * 1024 * 1024);
    // Each name has the last five records that were given to it.
    const behind = 5 * 977;
    const name = (i: number): Uint8Array => wire(`${'n'.repeat(1 + (i % 977) / 20)}${i % 977}.z`);
    const data = (i: number): Uint8Array => Buffer.from(`${i}`.padStart(8 + (i % 7)));
    const change = (i: number): void => {
      const n = name(i);
      expect(t.writer.add(n, n.length, 1, 60, data(i))).toBe(true);
      if (i >= behind) expect(t.writer.remove(n, n.length, 1, data(i - behind))).toBe(true);
      if (i % 11 === 0) t.writer.commit();
    };
    const first = 2 * behind;
    for (let i = 0; i < first; i++) change(i);
    const touched = t.writer.touchedBytes;
    for (let i = first; i < first + CHANGES; i++) change(i);
    expect(t.writer.touchedBytes).toBeLessThan(touched * 1.02);
    for (let i = first + CHANGES - behind; i < first + CHANGES; i++)
      t.writer.remove(name(i), name(i).length, 1, data(i));
    t.writer.commit();
    expect(t.writer.nodes).toBe(0);
  });

  it('is kept while a reader is in the middle of something, and given free when that reader died', () => {
    const t = new Small(2 * 1024 * 1024);
    const churn = (): void => {
      t.add('a.z', 16, 'x'.repeat(200));
      t.remove('a.z', 16, 'x'.repeat(200));
      t.writer.commit();
    };
    churn();
    const last = new TableReader(t.reader.words.buffer as SharedArrayBuffer, MAX_READERS - 1);
    last.begin();
    for (let i = 0; i < 100; i++) churn();
    const held = t.writer.touchedBytes;
    for (let i = 0; i < 100; i++) churn();
    expect(t.writer.touchedBytes).toBeGreaterThan(held + 100 * 200);
    t.writer.forgetReader(MAX_READERS - 1);
    churn();
    const forgotten = t.writer.touchedBytes;
    for (let i = 0; i < 1_000; i++) churn();
    expect(t.writer.touchedBytes).toBe(forgotten);
  });

  it('has a place for each of the most workers there can be, and none of them lies in the slots', () => {
    // 32 workers and the main thread.
    expect(MAX_READERS).toBeGreaterThan(32);
    const t = new Small();
    t.add('a.z', 1, 'four');
    for (let r = 0; r < MAX_READERS; r++)
      new TableReader(t.reader.words.buffer as SharedArrayBuffer, r).begin();
    t.check(['a.z']);
  });
});
