import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pack } from 'tar-stream';
import type { Headers } from 'tar-stream';
import { unpack } from './unpack.ts';
import type { ArchiveKind } from '../uri.ts';

const signal = new AbortController().signal;
const LIMITS = { maxBytes: 1_000_000, maxFiles: 100 };

let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unpack-'));
  root = join(folder, 'root');
  mkdirSync(root);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Entry = Partial<Headers> & { readonly name: string; readonly content?: string };

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const packing = pack();
  for (const { content = '', ...header } of entries) packing.entry(header, content);
  packing.finalize();
  return buffer(packing);
}

function unpacked(kind: ArchiveKind, bytes: Uint8Array, limits = LIMITS): Promise<void> {
  const path = join(folder, 'archive');
  writeFileSync(path, bytes);
  return unpack(kind, { path, name: 'some.file.gz' }, root, limits, signal);
}
const unpackedTar = async (...entries: Entry[]): Promise<void> => unpacked('tar', await tarOf(entries));

const has = (program: string): boolean => spawnSync(program, ['--help']).error === undefined;

/** What people pack: files in folders, a program, a link, another name. */
function makeTree(): string {
  const from = join(folder, 'from');
  mkdirSync(join(from, 'bin'), { recursive: true });
  writeFileSync(join(from, 'bin/tool'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(from, 'readme ä'), 'text', { mode: 0o640 });
  writeFileSync(join(from, 'large'), 'x'.repeat(300_000));
  writeFileSync(join(from, 'empty'), '');
  symlinkSync('../readme ä', join(from, 'bin/link'));
  return from;
}

function expectTree(): void {
  expect(readFileSync(join(root, 'bin/link'), 'utf8')).toBe('text');
  expect(statSync(join(root, 'bin/tool')).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(root, 'large'), 'utf8')).toHaveLength(300_000);
  expect(statSync(join(root, 'empty')).size).toBe(0);
}

describe('archives that the usual programs made', () => {
  it.each([
    ['tar', 'tar', ['-cf', '-', '.']],
    ['tar', 'tar', ['--format=pax', '-cf', '-', '.']],
    ['tar', 'gzip', ['-czf', '-', '.']],
    ['tar', 'bzip2', ['-cjf', '-', '.']],
    ['tar', 'xz', ['-cJf', '-', '.']],
    ['zip', 'zip', ['-qry', '../out.zip', '.']],
  ] as const)('%s with %s %j', async (kind, program, words) => {
    if (!has(program)) return expect(program).not.toBe('tar');
    const from = makeTree();
    const packer = kind === 'zip' ? 'zip' : 'tar';
    if (kind === 'tar') linkSync(join(from, 'large'), join(from, 'same'));
    const written = execFileSync(packer, words, { cwd: from });
    await unpacked(kind, kind === 'zip' ? readFileSync(join(folder, 'out.zip')) : written);
    expectTree();
    if (kind === 'tar') expect(statSync(join(root, 'same')).ino).toBe(statSync(join(root, 'large')).ino);
  });

  it('gz of one file', async () => {
    await unpacked('gz', gzipSync('content'));
    expect(readdirSync(root)).toEqual(['some.file']);
  });
});

describe('an entry of an archive', () => {
  it('has no set-id bits, and takes the place of an earlier one', async () => {
    await unpackedTar(
      { name: 'a', mode: 0o6755, content: 'first' },
      { name: 'a', mode: 0o6755, content: 'second' },
      { name: 'l', type: 'symlink', linkname: 'a' },
      { name: 'l', content: 'file' },
      { name: './d/', type: 'directory' },
      { name: 'd/m', type: 'symlink', linkname: '../l' },
    );
    expect(statSync(join(root, 'a')).mode & 0o7777).toBe(0o755);
    expect(['a', 'l', 'd/m'].map((name) => readFileSync(join(root, name), 'utf8'))).toEqual([
      'second',
      'file',
      'file',
    ]);
  });

  it.each<[string, Entry[]]>([
    ["'/etc/x' is an absolute path", [{ name: '/etc/x' }]],
    ["'../x' leads out", [{ name: '../x' }]],
    ["'a/../../x' leads out", [{ name: 'a/../../x' }]],
    ["to '/etc'", [{ name: 'l', type: 'symlink', linkname: '/etc' }]],
    ["to '..'", [{ name: 'l', type: 'symlink', linkname: '..' }]],
    ["to '../../x'", [{ name: 'd/l', type: 'symlink', linkname: '../../x' }]],
    [
      "to 'd/l/..'",
      [
        { name: 'd/l', type: 'symlink', linkname: '..' },
        { name: 'm', type: 'symlink', linkname: 'd/l/..' },
      ],
    ],
    [
      'EEXIST',
      [
        { name: 'l', type: 'symlink', linkname: 'd' },
        { name: 'l/x', content: 'through a link' },
      ],
    ],
    ["another name of 'etc/passwd', which is no file", [{ name: 'l', type: 'link', linkname: 'etc/passwd' }]],
    ["'/etc/passwd' is an absolute path", [{ name: 'l', type: 'link', linkname: '/etc/passwd' }]],
    ["'dev' is a character-device", [{ name: 'dev', type: 'character-device', devmajor: 1, devminor: 3 }]],
    ["'pipe' is a fifo", [{ name: 'pipe', type: 'fifo' }]],
    ["'.' is no name for a file", [{ name: '.', content: 'x' }]],
  ])('is refused: %s', async (problem, entries) => {
    await expect(unpackedTar(...entries)).rejects.toThrow(`it could not be unpacked: `);
    rmSync(root, { recursive: true });
    mkdirSync(root);
    await expect(unpackedTar(...entries)).rejects.toThrow(problem);
    expect(readdirSync(folder).sort()).toEqual(['archive', 'root']);
  });
});

describe('archives that are not what they say', () => {
  const zeros = Buffer.alloc(20_000_000);

  it('are refused: more bytes or files than allowed, packed small', async () => {
    const bomb = gzipSync(zeros);
    expect(bomb.byteLength).toBeLessThan(50_000);
    const text = 'it unpacks to more than 1000000 bytes; agent.fetcher.maxBytes says how much is allowed';
    await expect(unpacked('gz', bomb)).rejects.toThrow(text);
    const tar = await tarOf([{ name: 'zeros', content: zeros.toString() }]);
    await expect(unpacked('tar', gzipSync(tar))).rejects.toThrow(text);
    const many = await tarOf(Array.from({ length: 101 }, (_, i) => ({ name: `f${i}` })));
    await expect(unpacked('tar', many)).rejects.toThrow('it holds more than 100 files');
    if (!has('zip')) return;
    writeFileSync(join(folder, 'zeros'), zeros);
    await expect(unpacked('zip', execFileSync('zip', ['-q', '-', 'zeros'], { cwd: folder }))).rejects.toThrow(
      text,
    );
  });

  it('are refused: names and attributes that would fill the memory', async () => {
    const attributes = { pax: { comment: 'x'.repeat(20_000_000) } };
    const tar = gzipSync(await tarOf([{ name: 'x', ...attributes }]));
    const before = process.memoryUsage().arrayBuffers;
    await expect(unpacked('tar', tar)).rejects.toThrow('names and attributes between two of its files');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30_000_000);
  });

  it('are refused: cut, damaged, something else', async () => {
    const tar = await tarOf([{ name: 'a', content: 'x'.repeat(3000) }]);
    const cases: [ArchiveKind, Uint8Array][] = [
      ['tar', tar.subarray(0, 2000)],
      ['tar', tar.subarray(0, 512)],
      ['tar', Buffer.from('no archive at all')],
      ['tar', Buffer.alloc(600, 'x')],
      ['tar', gzipSync(tar).subarray(0, 60)],
      ['gz', Buffer.from('no gzip')],
      ['gz', gzipSync('content').subarray(0, 20)],
      ['zip', Buffer.from('no zip')],
    ];
    for (const [kind, bytes] of cases)
      await expect(unpacked(kind, bytes)).rejects.toThrow('it could not be unpacked: ');
  });

  it.runIf(has('xz'))('are refused: compressed by another program, and cut', async () => {
    execFileSync('tar', ['-cJf', '../x.txz', '.'], { cwd: makeTree() });
    const path = join(folder, 'x.txz');
    truncateSync(path, 100);
    await expect(unpack('tar', { path, name: 'x' }, root, LIMITS, signal)).rejects.toThrow('xz:');
  });
});

describe('whatever an archive holds', () => {
  const name = fc
    .array(fc.constantFrom('a', 'b', 'c', '.', '..', ''), { minLength: 1, maxLength: 4 })
    .map((steps) => steps.join('/'));
  const entry: fc.Arbitrary<Entry> = fc.oneof(
    fc.record({ name, content: fc.constantFrom('', 'text') }),
    fc.record({ name, type: fc.constantFrom('directory' as const) }),
    fc.record({ name, type: fc.constantFrom('symlink' as const, 'link' as const), linkname: name }),
  );

  it('nothing is written outside of its folder, and no link in there leads out', async () => {
    writeFileSync(join(folder, 'a'), 'outside');
    let whole = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 6 }), async (entries) => {
        rmSync(root, { recursive: true, force: true });
        mkdirSync(root);
        const done = await unpackedTar(...entries.filter((one) => one.name !== '')).then(
          () => true,
          () => false,
        );
        if (done) whole++;
        expect(readdirSync(folder).sort()).toEqual(['a', 'archive', 'root']);
        expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('outside');
        for (const way of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
          const at = join(root, way);
          if (existsSync(at)) expect(`${realpathSync(at)}/`.startsWith(`${root}/`)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
    expect(whole).toBeGreaterThan(20);
  });
});
