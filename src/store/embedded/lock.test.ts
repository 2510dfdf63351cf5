import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { systemFiles } from './files.ts';
import { lockFolder, systemProcesses } from './lock.ts';
import type { LockOutcome, ProcessTable } from './lock.ts';
import { openEmbeddedStore } from './open.ts';

/** A machine on which only the given pids run. */
function machine(self: number, alive: readonly number[]): ProcessTable {
  return {
    self: Promise.resolve({ pid: self, start: `start-${self}` }),
    alive: async ({ pid, start }) => alive.includes(pid) && start === `start-${pid}`,
  };
}

describe('the lock on the folder', () => {
  let dir = '';
  let path = '';
  const lock = (self: number, alive: readonly number[]): Promise<LockOutcome> =>
    lockFolder(path, systemFiles, machine(self, alive));

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'rimrock-lock-'));
    path = join(dir, 'lock');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('keeps a second process out and names the first', async () => {
    const first = await lock(1, [1, 2]);
    expect(first.kind).toBe('held');
    expect(await lock(2, [1, 2])).toEqual({ kind: 'taken', pid: 1 });
    if (first.kind === 'held') await first.release();
    expect((await lock(2, [1, 2])).kind).toBe('held');
  });

  it('takes over from a process that is dead, or whose pid is another process now', async () => {
    await lock(1, [1]);
    expect((await lock(2, [2])).kind).toBe('held');
    writeFileSync(path, JSON.stringify({ pid: 3, start: 'an earlier boot' }));
    expect((await lock(4, [3, 4])).kind).toBe('held');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ pid: 4, start: 'start-4' });
  });

  it('takes over a lock that nobody can have written', async () => {
    writeFileSync(path, 'garbage');
    expect((await lock(1, [1])).kind).toBe('held');
  });

  it('lets one of many win who find a dead lock at the same moment', async () => {
    const all = Array.from({ length: 20 }, (_, i) => i + 10);
    for (let round = 0; round < 40; round++) {
      const dead = JSON.stringify({ pid: 1, start: 'start-1' });
      writeFileSync(path, dead);
      // Every other round one has died while it took over.
      if (round % 2 === 1)
        writeFileSync(`${path}.after-${crc32(dead).toString(16)}`, JSON.stringify({ pid: 2, start: '' }));
      const outcomes = await Promise.all(all.map((self) => lock(self, all)));
      const winners = all.filter((_, i) => outcomes[i]?.kind === 'held');
      expect(winners).toHaveLength(1);
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: winners[0] });
    }
    expect(readdirSync(dir)).toEqual(['lock']);
  });

  it('knows the processes of this machine', async () => {
    const self = await systemProcesses.self;
    expect(self.pid).toBe(process.pid);
    expect(await systemProcesses.alive(self)).toBe(true);
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((ended) => child.once('exit', ended));
    expect(await systemProcesses.alive({ pid: child.pid ?? 0, start: '' })).toBe(false);
    if (existsSync('/proc/self/stat'))
      expect(await systemProcesses.alive({ ...self, start: 'before' })).toBe(false);
  });

  it('makes the store tell who has it, and lets it go on close', async () => {
    const store = await openEmbeddedStore({ dir, log: silentLogger });
    await expect(openEmbeddedStore({ dir, log: silentLogger })).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      details: { pid: process.pid },
    });
    await store.put('still', 'works');
    await store.close();
    const again = await openEmbeddedStore({ dir, log: silentLogger });
    await again.close();
    expect(existsSync(path)).toBe(false);
  });
});
