import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasOwnPage, loadForgetProgram, programStretches } from './program-text.ts';

const MAPS = `00400000-00746000 r--p 00000000 fe:00 5308570                            /opt/node
0074a000-03044000 r-xp 0034a000 fe:00 5308570                            /opt/node
06b56000-06b7d000 rw-p 06755000 fe:00 5308570                            /opt/node
7fe700000000-7fe700001000 r-xp 00000000 00:00 0                          [vdso]
7fe77bdc0000-7fe77bfc5000 r-xp 01627000 fe:00 5308570                    /opt/node
7fe77c000000-7fe77c001000 r-xp 00001000 fe:00 99                         /lib/libc.so.6
7fe77d000000-7fe77d001000 rwxp 00000000 00:00 0 
`;

describe('where the program is', () => {
  it('is what is of its file and cannot be written to', () => {
    expect(programStretches(MAPS, '/opt/node')).toEqual([
      { from: 0x400000, to: 0x746000 },
      { from: 0x74a000, to: 0x3044000 },
      { from: 0x7fe77bdc0000, to: 0x7fe77bfc5000 },
    ]);
    expect(programStretches(MAPS, '/opt/nod')).toEqual([]);
  });
});

describe('a page that is not as in the file', () => {
  const FILE = 2 ** 63 + 2 ** 61;
  const entries = (...words: number[]): Buffer => {
    const buffer = Buffer.alloc(words.length * 8);
    for (const [i, word] of words.entries()) buffer.writeBigUInt64LE(BigInt(word), i * 8);
    return buffer;
  };

  it.each([
    ['nothing there', [0, 0], false],
    ['pages of the file', [FILE, 0, FILE], false],
    ['a copy of our own', [FILE, 2 ** 63], true],
    ['a copy that is swapped out', [2 ** 62, FILE], true],
  ] as const)('%s', (_what, words, own) => {
    expect(hasOwnPage(entries(...words))).toBe(own);
  });

  it('is found wherever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 50 }), (own) => {
        expect(hasOwnPage(entries(...own.map((yes) => (yes ? 2 ** 63 : FILE))))).toBe(own.includes(true));
      }),
    );
  });
});

/** Resident memory that is of files, MiB. */
async function ofFiles(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(/^RssFile:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

const supported = (await loadForgetProgram()) !== undefined;

describe('the pages of the program', () => {
  it.runIf(supported)('go, and come back to who needs them', async () => {
    const forget = await loadForgetProgram();
    const before = await ofFiles();
    await forget?.();
    expect(await ofFiles()).toBeLessThan(before - 10);
    expect(/^(a+)b\1$/u.exec('aabaa')?.[1]).toBe('aa');
    expect(JSON.parse(JSON.stringify({ there: [1, 2] }))).toEqual({ there: [1, 2] });
  });

  it('stay where nothing of that name runs', async () => {
    const forget = await loadForgetProgram('/no/such/program');
    const before = await ofFiles();
    await forget?.();
    expect(await ofFiles()).toBeGreaterThan(before - 10);
  });
});
