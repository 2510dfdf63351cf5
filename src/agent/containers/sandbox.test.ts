import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inNewSandbox, removeSandbox } from './sandbox.ts';
import type { SandboxWay } from './sandbox.ts';

const linux = process.platform === 'linux';
let folder: string;
let way: SandboxWay;

beforeEach(async () => {
  folder = realpathSync(await mkdtemp(join(tmpdir(), 'sandbox-')));
  mkdirSync(join(folder, 'task'));
  mkdirSync(join(folder, 'elsewhere'));
  way = { root: join(folder, 'task'), steps: ['containers', 'c1'] };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const path = (): string => join(folder, 'task/containers/c1');
const write = async (at: string): Promise<void> => writeFileSync(`${at}/file`, 'x');

describe('the sandbox of a container in one of a task', () => {
  it('is made where it is to be, once, and removed with all that is in it', async () => {
    await inNewSandbox(way, write);
    expect(readFileSync(join(path(), 'file'), 'utf8')).toBe('x');
    await expect(inNewSandbox(way, write)).rejects.toThrow('EEXIST');
    mkdirSync(join(path(), 'a/b'), { recursive: true });
    await removeSandbox(way);
    expect(existsSync(path())).toBe(false);
    await removeSandbox(way);
  });

  it.runIf(linux)('is not made, nor removed, behind a link that the task has put on the way', async () => {
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'task/containers'));
    mkdirSync(join(folder, 'elsewhere/c1'));
    await expect(inNewSandbox(way, write)).rejects.toThrow(/ELOOP|ENOTDIR/);
    await removeSandbox(way);
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual(['c1']);
    expect(readdirSync(join(folder, 'elsewhere/c1'))).toEqual([]);
  });

  it.runIf(linux)('is not one that was there before, nor a link', async () => {
    mkdirSync(join(folder, 'task/containers'));
    symlinkSync(join(folder, 'elsewhere'), path());
    await expect(inNewSandbox(way, write)).rejects.toThrow('EEXIST');
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual([]);
    await removeSandbox(way);
    expect(existsSync(join(folder, 'elsewhere'))).toBe(true);
  });

  it.runIf(linux)('stays the one that was made, whatever the task puts in its place meanwhile', async () => {
    await inNewSandbox(way, async (at) => {
      renameSync(path(), `${path()}.away`);
      symlinkSync(join(folder, 'elsewhere'), path());
      await write(at);
    });
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual([]);
    expect(readdirSync(`${path()}.away`)).toEqual(['file']);
  });

  it.runIf(linux && process.getuid?.() === 0)(
    'belongs to nobody but the agent before it is given',
    async () => {
      chownSync(join(folder, 'task'), 65534, 65534);
      await inNewSandbox(way, write);
      expect([statSync(path()).uid, statSync(path()).mode & 0o777]).toEqual([0, 0o750]);
    },
  );
});
