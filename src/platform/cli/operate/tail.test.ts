import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileTail } from './tail.ts';

/** The files of a sandbox, and who reads them; `between` happens before each read. */
class Files {
  readonly all = new Map<string, string>();
  readonly notes: string[] = [];
  written = '';
  between: () => void = () => {};
  readonly tail = new FileTail(
    'stdout',
    async (file, offset, length) => {
      this.between();
      const text = this.all.get(file);
      if (text === undefined) return undefined;
      const bytes = Buffer.from(text, 'latin1');
      return { bytes: bytes.subarray(offset, offset + Math.min(length, 65_536)), size: bytes.length };
    },
    {
      write: async (bytes) => void (this.written += Buffer.from(bytes).toString('latin1')),
      note: (text) => void this.notes.push(text),
    },
  );

  append(text: string): void {
    this.all.set('stdout', (this.all.get('stdout') ?? '') + text);
  }

  /** `stdout.1` becomes `stdout.2` and so on. */
  shift(): void {
    if (!this.all.has('stdout.1')) return;
    const count = [...this.all.keys()].filter((name) => name.startsWith('stdout.')).length;
    for (let n = count; n >= 1; n--) this.all.set(`stdout.${n + 1}`, this.all.get(`stdout.${n}`) ?? '');
    this.all.delete('stdout.1');
  }

  /** And `stdout` becomes `stdout.1`. `recreate`: there is a new one at once. */
  rotate(recreate: boolean): void {
    this.shift();
    this.all.set('stdout.1', this.all.get('stdout') ?? '');
    this.all.delete('stdout');
    if (recreate) this.append('');
  }
}

const act = fc.oneof(
  { weight: 4, arbitrary: fc.nat(3).map((n) => ({ kind: 'append' as const, n: n + 1 })) },
  { weight: 2, arbitrary: fc.boolean().map((recreate) => ({ kind: 'rotate' as const, recreate })) },
  // A rotation that is only begun.
  { weight: 1, arbitrary: fc.constant({ kind: 'shift' as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'read' as const }) },
);

describe('following a file', () => {
  it('writes each byte once, however the file is rotated, also while it is read', async () => {
    const property = fc.asyncProperty(
      fc.array(act, { maxLength: 30 }),
      fc.array(fc.option(act), { maxLength: 60 }),
      async (acts, meanwhile) => {
        const files = new Files();
        let line = 0;
        let all = '';
        const apply = (one: (typeof acts)[number]): void => {
          if (one.kind === 'append')
            for (let i = 0; i < one.n; i++) {
              const text = `line ${line++}\n`;
              files.append(text);
              all += text;
            }
          else if (one.kind === 'shift') files.shift();
          // What is rotated away before anything of it was read is not of this stream.
          else if (one.kind === 'rotate' && files.written !== '' && files.all.has('stdout'))
            files.rotate(one.recreate);
        };
        const later = [...meanwhile];
        files.between = () => {
          const one = later.shift();
          if (one) apply(one);
        };
        for (const one of acts) {
          if (one.kind === 'read') await files.tail.catchUp();
          else apply(one);
        }
        files.between = () => {};
        await files.tail.catchUp();
        if (!files.all.has('stdout')) files.append('');
        await files.tail.catchUp();
        expect(files.written).toBe(all);
        expect(files.notes).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: 500 });
  });

  it('goes on where a copy was made and the file was cut short', async () => {
    const files = new Files();
    files.append('one\n');
    await files.tail.catchUp();
    files.append('two\n');
    files.all.set('stdout.1', files.all.get('stdout') ?? '');
    files.all.set('stdout', 'three\n');
    await files.tail.catchUp();
    expect(files.written).toBe('one\ntwo\nthree\n');
  });

  it('says when bytes may be lost', async () => {
    const files = new Files();
    files.append('one\ntwo\n');
    await files.tail.catchUp();
    files.all.set('stdout', 'new\n');
    await files.tail.catchUp();
    // Also where it has grown beyond what was there.
    files.all.set('stdout', 'much longer than before\n');
    await files.tail.catchUp();
    expect(files.written).toBe('one\ntwo\nnew\nmuch longer than before\n');
    expect(files.notes).toEqual(
      Array(2).fill('stdout was cut short: it begins again, and bytes may be missing'),
    );
  });

  it('takes more than one read can bring', async () => {
    const files = new Files();
    const long = Array.from({ length: 40_000 }, (_, i) => `${i}\n`).join('');
    files.append(long);
    expect(await files.tail.catchUp()).toBe(true);
    expect(files.written).toBe(long);
  });

  it('shows what there was at the begin, however fast it grows', async () => {
    const files = new Files();
    expect(await files.tail.show()).toBe(false);
    files.append('one\ntwo\nthree\n');
    await files.tail.skipTo(2);
    files.between = () => files.append('more\n'.repeat(20_000));
    expect(await files.tail.show()).toBe(true);
    expect(files.written).toBe('two\nthree\n');
  });

  it('says that there is no file, and goes on once there is one', async () => {
    const files = new Files();
    expect(await files.tail.catchUp()).toBe(false);
    files.append('x');
    expect(await files.tail.catchUp()).toBe(true);
    expect(files.written).toBe('x');
  });

  it('begins with the last lines, as many as there are', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 8 }), { maxLength: 40 }),
      fc.nat(12),
      fc.boolean(),
      async (parts, lines, long) => {
        const files = new Files();
        const text = (long ? 'x'.repeat(70_000) : '') + parts.join('');
        files.append(text);
        await files.tail.skipTo(lines);
        await files.tail.catchUp();
        const whole = text.endsWith('\n') ? text.slice(0, -1) : text;
        const split = text === '' ? [] : whole.split('\n');
        const wanted = lines === 0 ? [] : split.slice(-lines);
        const end = wanted.length > 0 && text.endsWith('\n') ? '\n' : '';
        // Not toBe: the difference of long texts takes forever to show.
        expect(files.written === wanted.join('\n') + end).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 500 });
  });
});
