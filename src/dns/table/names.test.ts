import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NameKey, TableReader, TableWriter, hashName, listTable } from './index.ts';

const SEED = 41;
const wire = (name: string): Uint8Array =>
  Uint8Array.from([...name.split('.').flatMap((l) => [l.length, ...Buffer.from(l)]), 0]);

function table(bytes = 4 * 1024 * 1024): { readonly writer: TableWriter; readonly reader: TableReader } {
  const memory = new SharedArrayBuffer(bytes);
  return { writer: new TableWriter(memory, SEED, [wire('z')]), reader: new TableReader(memory, 1) };
}

describe('names in the table', () => {
  const label = fc
    .tuple(fc.constantFrom('a', 'b', '_'), fc.integer({ min: 0, max: 62 }))
    .map(([c, n]) => c.repeat(n + 1));
  const name = fc
    .array(label, { minLength: 1, maxLength: 5 })
    .map((labels) => `${labels.join('.')}.z`)
    .filter((text) => text.length < 254);

  it('are found whole, and not taken for others, however they are kept', () => {
    let apart = 0;
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 20 }), fc.nat(), (names, at) => {
        const { writer, reader } = table(256 * 1024);
        for (const text of names) {
          const n = wire(text);
          writer.add(n, n.length, 16, 60, Buffer.from(text));
          if (text.length > 40) writer.limitAnswers(n, n.length, 65_535);
        }
        for (const text of names) {
          const n = wire(text);
          const hash = hashName(n, 0, n.length, SEED);
          const key = new NameKey().set(n, 0, n.length, SEED);
          const node = reader.findName(n);
          expect(node).not.toBe(0);
          expect(reader.findWords(key.words, key.length, hash)).toBe(node);
          expect(reader.answersOf(node)).toBe(text.length > 40 ? 65_535 : 0);
          // Another name, as if it had the same hash.
          const other = n.slice();
          other[at % (n.length - 1)] = (other[at % (n.length - 1)] as number) ^ 1;
          expect(reader.find(other, 0, other.length, hash)).toBe(0);
          expect(reader.findWords(new NameKey().set(other, 0, n.length, SEED).words, n.length, hash)).toBe(0);
          if (n.length > (n[0] as number) + 20) apart++;
        }
        const listed = [...listTable(reader)].map((r) => Buffer.from(r.name).toString('hex'));
        expect(new Set(listed)).toEqual(new Set(names.map((t) => Buffer.from(wire(t)).toString('hex'))));
        for (const text of new Set(names)) {
          const times = names.filter((n) => n === text).length;
          const n = wire(text);
          for (let i = 0; i < times; i++) writer.remove(n, n.length, 16, Buffer.from(text));
        }
        expect(writer.nodes).toBe(0);
      }),
      { numRuns: 300 },
    );
    expect(apart).toBeGreaterThan(300);
  });

  it('are the same from text as from the wire', () => {
    const odd = fc.constantFrom(
      '.',
      '..',
      'a..z.',
      'A.z.',
      'a.z',
      '',
      'é.z.',
      '\\097.z.',
      `${'a'.repeat(64)}.`,
    );
    fc.assert(
      fc.property(fc.oneof(name, odd), (text) => {
        const key = new NameKey();
        const usual = /^([a-z0-9_-]{1,63}\.)+$/.test(`${text}.`) && !text.endsWith('.');
        expect(key.setText(usual ? `${text}.` : text, SEED)).toBe(usual);
        if (!usual) {
          expect(key.length).toBe(0);
          return;
        }
        const n = wire(text);
        expect(key.bytes.slice(0, key.length)).toEqual(n);
        expect([key.plain, key.hash]).toEqual([true, hashName(n, 0, n.length, SEED)]);
      }),
    );
  });

  it('may be declared any number of times', () => {
    const { writer, reader } = table();
    const n = wire('often.z');
    for (let i = 0; i < 700; i++) expect(writer.declare(n, n.length, 1)).toBe(i === 0);
    for (let i = 0; i < 699; i++) expect(writer.declare(n, n.length, -1)).toBe(false);
    expect(reader.findName(n)).not.toBe(0);
    expect(writer.declare(n, n.length, -1)).toBe(true);
    expect([writer.nodes, writer.declare(n, n.length, -1)]).toEqual([0, false]);
  });

  it('take what memory the slots have outgrown before they take more', () => {
    const { writer } = table();
    for (let i = 0; i < 40_000; i++) {
      const n = wire(`n${i}.z`);
      writer.declare(n, n.length, 1);
      if (i % 100 === 0) writer.commit();
    }
    // 64 Ki slots of 8 bytes each; all those before them together were as many.
    expect(writer.touchedBytes).toBeGreaterThan(65_536 * 8 + 40_000 * 24);
    expect(writer.idleBytes).toBeLessThan(32_768);
  });
});

describe('a record that several names have', () => {
  const A = 1;
  const ip = Buffer.from([10, 0, 0, 1]);
  const other = Buffer.from([10, 0, 0, 2]);
  const names = ['one', 'two', 'three', 'four'].map((n) => wire(`${n}.z`));
  const all = (reader: TableReader): string[] =>
    [...listTable(reader)]
      .map((r) => `${Buffer.from(r.name).subarray(1, -3).toString()} ${r.ttl} ${r.data[3]}`)
      .sort();

  function shared(): ReturnType<typeof table> {
    const t = table();
    for (const n of names) t.writer.add(n, n.length, A, 60, ip);
    return t;
  }

  it('is there once, and each name can change what it has', () => {
    const { writer, reader } = shared();
    const [one, two, three, four] = names as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const sets = new Set(names.map((n) => reader.firstSet(reader.findName(n))));
    expect(sets.size).toBe(1);
    writer.add(one, one.length, A, 60, other);
    expect(all(reader)).toEqual(['four 60 1', 'one 60 1', 'one 60 2', 'three 60 1', 'two 60 1']);
    expect(writer.add(two, two.length, A, 30, ip)).toBe(false);
    expect(all(reader)).toEqual(['four 60 1', 'one 60 1', 'one 60 2', 'three 60 1', 'two 30 1']);
    writer.replace(three, three.length, A, 60, other);
    expect(all(reader)).toEqual(['four 60 1', 'one 60 1', 'one 60 2', 'three 60 2', 'two 30 1']);
    // Given twice, so taken back twice.
    expect([writer.remove(two, two.length, A, ip), writer.remove(two, two.length, A, ip)]).toEqual([
      false,
      true,
    ]);
    writer.remove(four, four.length, A, ip);
    expect(all(reader)).toEqual(['one 60 1', 'one 60 2', 'three 60 2']);
  });

  it('is there once again after all of them changed', () => {
    const { writer, reader } = shared();
    for (let round = 0; round < 200; round++) {
      const [from, to] = round % 2 === 0 ? [ip, other] : [other, ip];
      for (const n of names) writer.add(n, n.length, A, 60, to);
      for (const n of names) writer.remove(n, n.length, A, from);
      writer.commit();
      expect(new Set(names.map((n) => reader.firstSet(reader.findName(n)))).size).toBe(1);
    }
    expect(writer.touchedBytes - writer.idleBytes).toBe(shared().writer.touchedBytes);
    for (const n of names) writer.remove(n, n.length, A, ip);
    expect([writer.nodes, all(reader)]).toEqual([0, []]);
  });

  it('is as it was for a reader that looks at it while another name changes', () => {
    const { writer, reader } = shared();
    const [one, two] = names as [Uint8Array, Uint8Array];
    reader.begin();
    const set = reader.firstSet(reader.findName(two));
    for (const n of names) writer.add(n, n.length, A, 60, other);
    for (const n of names) writer.remove(n, n.length, A, ip);
    writer.commit();
    for (let i = 0; i < 50; i++) {
      const n = wire(`more${i}.z`);
      writer.add(n, n.length, A, 60, Buffer.from([10, 1, 1, i]));
    }
    expect([reader.countOf(set), reader.ttlOf(set), reader.bytes[set * 4 + 26 + 3]]).toEqual([1, 60, 1]);
    reader.end();
    expect(writer.remove(one, one.length, A, other)).toBe(true);
  });
});
