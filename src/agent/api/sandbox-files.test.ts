import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listFolder, openDownload, readPart } from './sandbox-files.ts';

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

  it('do not include the identity of the task, by whatever way', async () => {
    await mkdir(join(folder, '.rimrock', '1'), { recursive: true });
    await writeFile(join(folder, '.rimrock', '1', 'key.pem'), 'secret');
    await symlink('1', join(folder, '.rimrock', 'current'));
    await symlink(join(folder, '.rimrock', 'current', 'key.pem'), join(folder, 'innocent'));
    for (const path of ['.rimrock/1/key.pem', '.rimrock/current/key.pem', 'innocent', 'x/../innocent']) {
      const at = `/sandbox/${path}`;
      expect(await openDownload(attached, at)).toMatchObject({ ok: false });
      expect(await readPart(attached, at, 0, -1)).toMatchObject({ ok: false });
    }
    for (const path of ['/sandbox/.rimrock', '/sandbox/.rimrock/current'])
      expect(await listFolder(attached, path)).toMatchObject({ ok: false });
    expect(await readPart(attached, '/sandbox/stdout', 0, -1)).toMatchObject({ ok: true });
  });

  it('a pipe that a task made is refused: opening it would wait for a writer', async () => {
    for (const path of ['/sandbox/pipe', '/sandbox/link']) {
      expect(await openDownload(attached, path)).toMatchObject({ ok: false, status: 400 });
      expect(await readPart(attached, path, 0, -1)).toMatchObject({ ok: false, status: 400 });
    }
  });
});

describe('a sandbox whose task exchanges its folders while others read', () => {
  it('never shows what is outside, whatever the moment', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'));
    const sandbox = await mkdtemp(join(tmpdir(), 'racing-'));
    await writeFile(join(outside, 'file'), 'outside!');
    await mkdir(join(sandbox, 'real'));
    await writeFile(join(sandbox, 'real/file'), 'inside!!');
    const inner = statSync(join(sandbox, 'real/file')).ino;
    // what the task does, in a process of its own: the folder is itself, then a link that leads out, and so on
    const script = `cd ${sandbox}; ln -s ${outside} out; while :; do mv -T real kept; mv -T out real; mv -T real out; mv -T kept real; done`;
    const task = spawn('/bin/sh', ['-c', script], { stdio: 'ignore' });
    try {
      const racing = new Map([['/racing', sandbox]]);
      const seen = { inside: 0, refused: 0 };
      for (let i = 0; i < 20_000 && (i < 2_000 || seen.inside === 0 || seen.refused === 0); i++) {
        const part = await readPart(racing, '/racing/real/file', 0, -1);
        const listed = await listFolder(racing, '/racing/real');
        if (part.ok) expect(part.value.bytes.toString()).toBe('inside!!');
        if (part.ok) seen.inside++;
        else seen.refused++;
        for (const { stats } of listed.ok ? listed.value : []) expect(stats.ino).toBe(inner);
      }
      expect([seen.inside > 0, seen.refused > 0]).toEqual([true, true]);
    } finally {
      task.kill('SIGKILL');
      await once(task, 'exit');
      await rm(outside, { recursive: true, force: true });
      await rm(sandbox, { recursive: true, force: true });
    }
  });
});
