import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTROL, ENTRY, SET, TableFull, TableReader, TableWriter, hashName, reserve } from './index.ts';
import { sizeClass, unitsOfClass } from './arena.ts';

const wire = (name: string): Uint8Array => {
  const labels = name.split('.').filter((l) => l !== '');
  return Uint8Array.from([...labels.flatMap((l) => [l.length, ...Buffer.from(l)]), 0]);
};
const text = (data: Uint8Array): string => Buffer.from(data).toString('latin1');

class Table {
  readonly memory: SharedArrayBuffer;
  readonly writer: TableWriter;
  readonly reader: TableReader;

  constructor(mib = 32) {
    this.memory = reserve(mib);
    this.writer = new TableWriter(this.memory, 0x1234, [wire('mesos')]);
    this.reader = new TableReader(this.memory, 0);
  }

  add(name: string, data: string, type = 1, ttl = 60): boolean {
    const n = wire(name);
    return this.writer.add(n, n.length, type, ttl, Buffer.from(data));
  }

  remove(name: string, data: string, type = 1): boolean {
    const n = wire(name);
    return this.writer.remove(n, n.length, type, Buffer.from(data));
  }

  exists(name: string): boolean {
    return this.node(name) !== 0;
  }

  node(name: string): number {
    const n = wire(name);
    return this.reader.find(n, 0, n.length, hashName(n, 0, n.length, this.reader.seed));
  }

  values(name: string, type = 1): string[] {
    const node = this.node(name);
    const set = node === 0 ? 0 : this.reader.set(node, type);
    return set === 0 ? [] : this.entries(set);
  }

  entries(set: number): string[] {
    const { reader } = this;
    const out: string[] = [];
    let at = set * 4 + SET.ENTRY_BYTES;
    for (let left = reader.countOf(set); left > 0; left--) {
      const length =
        ((reader.bytes[at + ENTRY.LENGTH] as number) << 8) | (reader.bytes[at + ENTRY.LENGTH + 1] as number);
      out.push(text(reader.bytes.slice(at + ENTRY.DATA, at + ENTRY.DATA + length)));
      at += ENTRY.DATA + length;
    }
    return out;
  }
}

describe('the table', () => {
  it('finds what was added, under its type, until the last who gave it takes it back', () => {
    const t = new Table();
    expect(t.add('web.mesos', 'a')).toBe(true);
    expect(t.add('web.mesos', 'a')).toBe(false);
    expect(t.add('web.mesos', 'b')).toBe(true);
    expect(t.add('web.mesos', 'c', 33)).toBe(true);
    expect(t.values('web.mesos')).toEqual(['a', 'b']);
    expect(t.values('web.mesos', 33)).toEqual(['c']);
    expect(t.remove('web.mesos', 'a')).toBe(false);
    expect(t.remove('web.mesos', 'a')).toBe(true);
    expect(t.remove('web.mesos', 'a')).toBe(false);
    expect(t.values('web.mesos')).toEqual(['b']);
    t.remove('web.mesos', 'b');
    t.remove('web.mesos', 'c', 33);
    expect(t.exists('web.mesos')).toBe(false);
  });

  it('knows the names between a record and its zone, and none above or outside', () => {
    const t = new Table();
    t.add('_web._tcp.marathon.mesos', 'x');
    t.add('5.0.0.10.in-addr.arpa', 'x');
    for (const name of ['_tcp.marathon.mesos', 'marathon.mesos', 'mesos']) expect(t.exists(name)).toBe(true);
    for (const name of ['.', '0.0.10.in-addr.arpa', 'arpa']) expect(t.exists(name)).toBe(false);
    t.remove('_web._tcp.marathon.mesos', 'x');
    expect(t.writer.nodes).toBe(1);
  });

  it('keeps declared names without records, and replaces single records', () => {
    const t = new Table();
    const name = wire('app.marathon.mesos');
    expect(t.writer.declare(name, name.length, 1)).toBe(true);
    expect(t.writer.declare(name, name.length, 1)).toBe(false);
    expect(t.exists('app.marathon.mesos')).toBe(true);
    t.writer.declare(name, name.length, -1);
    expect(t.exists('app.marathon.mesos')).toBe(true);
    t.writer.declare(name, name.length, -1);
    expect(t.writer.nodes).toBe(0);
    for (const serial of ['1', '22']) t.writer.replace(wire('mesos'), 7, 6, 60, Buffer.from(serial));
    expect(t.values('mesos', 6)).toEqual(['22']);
  });

  it('has the time to live that was said last, also of a record that was there before', () => {
    const t = new Table();
    const ttl = (): number => t.reader.ttlOf(t.reader.set(t.node('a.mesos'), 1));
    t.add('a.mesos', 'one');
    expect([t.add('a.mesos', 'one', 1, 5), ttl()]).toEqual([false, 5]);
    t.remove('a.mesos', 'one');
    expect([t.add('a.mesos', 'two', 1, 7), ttl()]).toEqual([true, 7]);
  });

  it('never uses a block again while a reader is in an older epoch', () => {
    const t = new Table();
    t.add('a.mesos', 'one');
    t.writer.commit();
    t.reader.begin();
    const set = t.reader.set(t.node('a.mesos'), 1);
    t.remove('a.mesos', 'one');
    for (let i = 0; i < 2_000; i++) {
      t.add(`n${i}.mesos`, `${i}`.padStart(3));
      t.writer.commit();
    }
    expect(t.entries(set)).toEqual(['one']);
    t.reader.end();
    const churn = (times: number): void => {
      for (let i = 0; i < times; i++) {
        t.add('b.mesos', `${i % 7}`);
        t.remove('b.mesos', `${i % 7}`);
        t.writer.commit();
      }
    };
    churn(10);
    const touched = t.writer.touchedBytes;
    churn(5_000);
    expect(t.writer.touchedBytes).toBe(touched);
  });

  it('says when it is full, and goes on serving and changing what it has', () => {
    const t = new Table(16);
    let i = 0;
    expect(() => {
      for (; ; i++) t.add(`name-${i}.mesos`, 'x'.repeat(200));
    }).toThrow(TableFull);
    expect(i).toBeGreaterThan(30_000);
    expect(t.values(`name-${i - 1}.mesos`)).toHaveLength(1);
    expect(t.exists(`name-${i}.mesos`)).toBe(false);
    for (let j = 0; j < 1_000; j++) t.remove(`name-${j}.mesos`, 'x'.repeat(200));
    t.writer.commit();
    expect(t.exists('name-5.mesos')).toBe(false);
  });

  it('rounds sizes up to classes, by a quarter at most', () => {
    for (let units = 1; units < 100_000; units += 1 + (units >> 5)) {
      const got = unitsOfClass(sizeClass(units));
      expect(got).toBeGreaterThanOrEqual(units);
      expect(got).toBeLessThanOrEqual(Math.ceil(units * 1.25));
    }
  });

  it('is what a map of sets would be, after any changes', () => {
    const name = fc.constantFrom('a', 'b', 'a.b', 'c.a.b', 'd').map((n) => `${n}.mesos`);
    const op = fc.record({
      add: fc.boolean(),
      name,
      type: fc.constantFrom(1, 28, 33),
      value: fc.integer({ min: 0, max: 80 }).map((n) => 'v'.repeat(n % 5) + n),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 400 }), (ops) => {
        const t = new Table(16);
        const model = new Map<string, string[]>();
        for (const { add, name: n, type, value } of ops) {
          const key = `${n} ${type}`;
          const list = model.get(key) ?? [];
          const had = list.includes(value);
          if (add) {
            list.push(value);
            expect(t.add(n, value, type)).toBe(!had);
          } else {
            if (had) list.splice(list.indexOf(value), 1);
            expect(t.remove(n, value, type)).toBe(had && !list.includes(value));
          }
          model.set(key, list);
          t.writer.commit();
        }
        for (const [key, list] of model) {
          const [n = '', type] = key.split(' ');
          expect(t.values(n, Number(type)).sort()).toEqual([...new Set(list)].sort());
        }
        expect(Atomics.load(t.reader.words, CONTROL.EPOCH)).toBe(ops.length + 1);
      }),
      { numRuns: 200 },
    );
  });
});
