import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveVirtual } from './virtual-paths.ts';

let folder: string;
let attached: Map<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'virtual-'));
  await mkdir(join(folder, 'sandbox/sub'), { recursive: true });
  await writeFile(join(folder, 'sandbox/sub/file'), 'x');
  await writeFile(join(folder, 'secret'), 'x');
  await symlink('../secret', join(folder, 'sandbox/out'));
  await symlink('sub', join(folder, 'sandbox/in'));
  attached = new Map([['/virtual', join(folder, 'sandbox')]]);
});
afterAll(() => rm(folder, { recursive: true }));

describe('virtual paths', () => {
  it('lead to what is attached, through links that stay inside', async () => {
    const real = join(folder, 'sandbox/sub/file');
    expect(await resolveVirtual(attached, '/virtual/sub/file')).toEqual({ kind: 'file', real });
    expect(await resolveVirtual(attached, '/virtual/in/file')).toEqual({ kind: 'file', real });
    expect(await resolveVirtual(attached, '/virtual/')).toEqual({
      kind: 'file',
      real: join(folder, 'sandbox'),
    });
  });

  it('never lead out, by dots or by links', async () => {
    for (const path of ['/virtual/../secret', '/virtual/sub/../../secret', '/virtual/out'])
      expect([path, (await resolveVirtual(attached, path)).kind]).toEqual([path, 'outside']);
    for (const path of ['/', '', '/virtuals', 'virtual/sub', '/virtual/none', '/virtual/sub\0'])
      expect([path, (await resolveVirtual(attached, path)).kind]).toEqual([path, 'not-found']);
  });

  it('hold against whatever is made of dots, slashes and names', async () => {
    const piece = fc.constantFrom('..', '.', '', 'sub', 'out', 'in', 'file', 'secret', '%2e%2e', '...');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const found = await resolveVirtual(attached, `/virtual/${pieces.join('/')}`);
        if (found.kind === 'file')
          expect(`${found.real}/`.startsWith(`${join(folder, 'sandbox')}/`)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
