import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { openFileCheckpoints } from './file-checkpoints.ts';
import type { RunPlace } from './records.ts';

const NOBODY = 65_534;
let folder: string;
let workDir: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parents-'));
  workDir = join(folder, 'work');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const place = (executorId: string): RunPlace => ({
  agentId: 'S0',
  frameworkId: 'fw-1',
  executorId,
  containerId: `c-${executorId}`,
});
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** Folders as earlier versions made them: for nobody else. */
function closeAll(from: string): void {
  for (let at = from; at !== folder; at = dirname(at)) chmodSync(at, 0o750);
}

describe.runIf(process.getuid?.() === 0)('the folders above sandboxes', () => {
  it('let everybody through after the next start, and show nothing', async () => {
    const before = await openFileCheckpoints(workDir, silentLogger);
    const sandbox = await before.createSandbox(place('t'));
    chownSync(sandbox, NOBODY, NOBODY);
    await before.createSandbox(place('pod'));
    const nested = await before.createSandbox(place('pod'), 'inside');
    chownSync(nested, NOBODY, NOBODY);
    for (const path of [sandbox, nested]) closeAll(path);
    await openFileCheckpoints(workDir, silentLogger);
    for (const path of [sandbox, nested]) {
      expect(mode(path)).toBe('750');
      for (let at = dirname(path); at !== folder; at = dirname(at))
        expect([at, mode(at)]).toEqual([at, '751']);
    }
    expect(mode(join(workDir, 'meta'))).toBe('755');
    expect(mode(before.runtimeDir(place('pod'), 'inside'))).toBe('750');
  });

  it('are ours, or are left alone: what a user has put there leads nowhere', async () => {
    const checkpoints = await openFileCheckpoints(workDir, silentLogger);
    const sandbox = await checkpoints.createSandbox(place('t'));
    const elsewhere = join(folder, 'elsewhere');
    for (const path of [elsewhere, join(sandbox, 'containers')]) mkdirSync(path, { mode: 0o700 });
    chownSync(sandbox, NOBODY, NOBODY);
    symlinkSync(elsewhere, join(workDir, 'slaves/S1'));
    symlinkSync(elsewhere, join(dirname(sandbox), 'c-link'));
    await openFileCheckpoints(workDir, silentLogger);
    expect([elsewhere, join(sandbox, 'containers')].map(mode)).toEqual(['700', '700']);
  });
});
