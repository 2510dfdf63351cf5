import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDownload, readPart } from './sandbox-files.ts';

let folder: string;
let attached: Map<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  await writeFile(join(folder, 'stdout'), 'hello\n');
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await symlink('pipe', join(folder, 'link'));
  attached = new Map([['/sandbox', folder]]);
});
afterAll(() => rm(folder, { recursive: true }));

describe('files of a sandbox', () => {
  it('are read from where one says', async () => {
    expect(await readPart(attached, '/sandbox/stdout', 2, 3)).toMatchObject({
      value: { bytes: Buffer.from('llo'), offset: 2, size: 6 },
    });
    const file = await openDownload(attached, '/sandbox/stdout');
    if (!file.ok) throw new Error(file.text);
    expect(file.value.name).toBe('stdout');
    expect(await file.value.handle.readFile('utf8')).toBe('hello\n');
    await file.value.handle.close();
  });

  it('a pipe that a task made is refused: opening it would wait for a writer', async () => {
    for (const path of ['/sandbox/pipe', '/sandbox/link']) {
      expect(await openDownload(attached, path)).toMatchObject({ ok: false, status: 400 });
      expect(await readPart(attached, path, 0, -1)).toMatchObject({ ok: false, status: 400 });
    }
  });
});
