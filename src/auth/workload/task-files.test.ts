import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IdentityHome } from '../../core/identity.ts';
import { silentLogger } from '../../core/log.ts';
import { systemRandom } from '../../core/random.ts';
import type { KeptIdentity } from '../identity/keeper.ts';
import { programEnvironment, removeProgramFiles, removeTaskFiles, TaskFiles } from './task-files.ts';

const NOBODY = 65_534;
let sandbox: string;
beforeEach(async () => {
  sandbox = await mkdtemp(join(tmpdir(), 'task-files-'));
});
afterEach(() => rm(sandbox, { recursive: true, force: true }));

const kept = (key: string): KeptIdentity =>
  ({
    svid: { id: 'spiffe://x/y', certificateChain: 'chain', privateKey: key, notBeforeMs: 1, notAfterMs: 2 },
    bundle: { roots: ['root'] },
    root: 'root',
  }) as unknown as KeptIdentity;
const files = (home: Partial<IdentityHome> = {}): TaskFiles =>
  new TaskFiles('t1', { sandbox, ...home }, systemRandom, silentLogger);
const PROGRAM = { frameworkId: 'f', executorId: 'e', containerId: 'c' };
const folder = (): string => join(sandbox, '.rimrock');
const current = (): string => readFileSync(join(folder(), 'current/key.pem'), 'utf8');

describe('the files of an identity', () => {
  it('are replaced by a new generation, which the one before survives', async () => {
    const written = files();
    for (const key of ['one', 'two', 'three']) await written.write(kept(key));
    expect(current()).toBe('three');
    expect(readdirSync(folder()).length).toBe(3);
    expect((await files().read())?.svid.privateKey).toBe('three');
  });

  it.runIf(process.getuid?.() === 0)('are for their user, and not the folders that they lie in', async () => {
    const owner = { uid: NOBODY, gid: NOBODY };
    await files().write(kept('of the agent'));
    await files({ owner }).write(kept('two'));
    const [key, facts] = ['key.pem', 'identity.json'].map((f) => statSync(join(folder(), 'current', f)));
    expect([key?.uid, key?.gid, key && key.mode & 0o777, facts?.uid]).toEqual([NOBODY, NOBODY, 0o600, 0]);
    for (const at of [folder(), join(folder(), 'current')]) {
      const { uid, mode } = statSync(at);
      expect([uid, mode & 0o777]).toEqual([0, 0o711]);
    }
  });

  it('of a program lie in a folder for each task, and go one by one or all together', async () => {
    const program = { program: PROGRAM };
    const [one, two] = ['t1', 't2'].map((id) => {
      const home = { sandbox, ...program };
      return new TaskFiles(id, home, systemRandom, silentLogger);
    });
    await one?.write(kept('one'));
    await two?.write(kept('two'));
    const tasks = programEnvironment(sandbox)['RIMROCK_TASK_IDENTITIES'] ?? '';
    expect(readFileSync(join(tasks, 't2/current/key.pem'), 'utf8')).toBe('two');
    await removeTaskFiles('t1', { sandbox, ...program });
    await removeTaskFiles('t1', { sandbox, ...program });
    expect(readdirSync(tasks)).toEqual(['t2']);
    await removeProgramFiles(sandbox);
    await removeProgramFiles(sandbox);
    expect(readdirSync(sandbox)).toEqual([]);
  });

  it.runIf(process.platform === 'linux')(
    'are neither written nor removed where somebody has put something else',
    async () => {
      const written = files();
      await written.write(kept('one'));
      const elsewhere = join(sandbox, 'elsewhere');
      mkdirSync(elsewhere);
      writeFileSync(join(elsewhere, 'precious'), '');
      renameSync(folder(), join(sandbox, 'moved'));
      symlinkSync(elsewhere, folder());
      await expect(written.write(kept('two'))).rejects.toThrow();
      await expect(removeTaskFiles('t1', { sandbox })).rejects.toThrow();
      await expect(removeTaskFiles('precious', { sandbox, program: PROGRAM })).rejects.toThrow();
      expect(await files().read()).toBeUndefined();
      expect(readdirSync(elsewhere)).toEqual(['precious']);
      if (process.getuid?.() !== 0) return;
      await rm(folder());
      chownSync(elsewhere, NOBODY, NOBODY);
      chmodSync(elsewhere, 0o777);
      renameSync(elsewhere, folder());
      await expect(written.write(kept('two'))).rejects.toThrow('belongs to somebody else');
      expect(readdirSync(folder())).toEqual(['precious']);
    },
  );
});
