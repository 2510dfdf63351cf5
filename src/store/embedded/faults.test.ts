import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import type { Store } from '../types.ts';
import { systemFiles } from './files.ts';
import type { AppendFile, StoreFiles } from './files.ts';
import { openEmbeddedStore } from './open.ts';
import type { EmbeddedStore } from './open.ts';

type Step = 'append' | 'half' | 'sync' | 'truncate' | 'rename' | 'syncFolder' | 'open';

/** The real files, with steps that fail as long as they are in `failing`. */
function faultyFiles(failing: Set<Step>): StoreFiles {
  const fail = (step: Step, code: string): void => {
    if (failing.has(step)) throw Object.assign(new Error(`${code}: no luck`), { code });
  };
  const wrap = (file: AppendFile): AppendFile => ({
    async append(bytes) {
      fail('append', 'ENOSPC');
      if (failing.has('half')) await file.append(bytes.subarray(0, bytes.length / 2));
      fail('half', 'ENOSPC');
      await file.append(bytes);
    },
    async sync() {
      fail('sync', 'EIO');
      await file.sync();
    },
    async truncate(length) {
      fail('truncate', 'EIO');
      await file.truncate(length);
    },
    close: () => file.close(),
  });
  return {
    ...systemFiles,
    async open(path, fresh) {
      fail('open', 'ENOSPC');
      return wrap(await systemFiles.open(path, fresh));
    },
    async rename(from, to) {
      fail('rename', 'EIO');
      await systemFiles.rename(from, to);
    },
    async syncFolder(path) {
      fail('syncFolder', 'EIO');
      await systemFiles.syncFolder(path);
    },
  };
}

describe('embedded store on a failing disk', () => {
  let dir = '';
  let failing: Set<Step>;
  let store: EmbeddedStore;
  const open = (compactAfterBytes = 1e6): Promise<EmbeddedStore> =>
    openEmbeddedStore({ dir, log: silentLogger, files: faultyFiles(failing), compactAfterBytes });
  const values = async (s: Store): Promise<string[]> => (await s.list('')).map((e) => `${e.key}=${e.value}`);

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rimrock-faults-'));
    failing = new Set();
    store = await open();
    await store.put('a', '1');
  });
  afterEach(async () => {
    failing.clear();
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(['append', 'half'] as const)(
    'rejects a write that fails (%s), and takes the next',
    async (step) => {
      failing.add(step);
      await expect(store.put('a', '2')).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
      await expect(store.delete('a')).rejects.toThrow(/ENOSPC/);
      expect(await values(store)).toEqual(['a=1']);
      failing.clear();
      await store.put('b', '3');
      await store.close();
      store = await open();
      expect(await values(store)).toEqual(['a=1', 'b=3']);
    },
  );

  it('takes no more writes after a sync that failed, until it is opened again', async () => {
    failing.add('sync');
    await expect(store.put('a', '2')).rejects.toMatchObject({ code: 'STORE_BROKEN' });
    failing.clear();
    expect(store.problem()).toMatch(/EIO/);
    await expect(store.put('a', '3')).rejects.toMatchObject({ code: 'STORE_BROKEN' });
    expect(await values(store)).toEqual(['a=1']);
    await store.close();
    store = await open();
    expect((await store.put('a', '4')).value).toBe('4');
  });

  it('takes no more writes when half a write cannot be cut off, and opens again without it', async () => {
    failing.add('half').add('truncate');
    await expect(store.put('a', '2')).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    failing.clear();
    await expect(store.put('a', '3')).rejects.toMatchObject({ code: 'STORE_BROKEN' });
    await store.close();
    store = await open();
    expect(await values(store)).toEqual(['a=1']);
  });

  it('rejects only the batch that failed, whole', async () => {
    failing.add('append');
    const together = [
      { key: 'a', value: undefined },
      { key: 'd', value: '1' },
    ];
    const results = await Promise.allSettled([
      store.put('b', '1'),
      store.compareAndSet('c', 0, '1'),
      store.write(together),
    ]);
    expect(results.map((r) => r.status)).toEqual(['rejected', 'rejected', 'rejected']);
    failing.clear();
    expect(await store.compareAndSet('c', 0, '2')).toBeDefined();
    expect(await values(store)).toEqual(['a=1', 'c=2']);
  });

  it.each(['open', 'rename'] as const)(
    'goes on with the old file when compacting fails (%s)',
    async (step) => {
      await store.close();
      store = await open(1);
      failing.add(step);
      for (let i = 0; i < 20; i++) await store.put('k', String(i));
      failing.clear();
      await store.close();
      store = await open(1);
      expect(await values(store)).toEqual(['a=1', 'k=19']);
    },
  );

  it('takes no more writes when the name of the compacted file may be lost', async () => {
    await store.close();
    store = await open(1);
    failing.add('syncFolder');
    const acknowledged: string[] = [];
    const write = async (): Promise<void> => {
      for (let i = 10; i < 99; i++) {
        await store.put(`k/${i}`, 'x');
        acknowledged.push(`k/${i}=x`);
      }
    };
    await expect(write()).rejects.toMatchObject({ code: 'STORE_BROKEN' });
    failing.clear();
    await store.close();
    store = await open();
    expect(await values(store)).toEqual(['a=1', ...acknowledged]);
  });

  it('serves from the old file when the disk is full at the start', async () => {
    await store.close();
    failing.add('rename');
    store = await open();
    expect(await values(store)).toEqual(['a=1']);
    await store.put('b', '2');
    await store.close();
    failing.clear();
    store = await open();
    expect(await values(store)).toEqual(['a=1', 'b=2']);
  });

  it('says why a store cannot be made, also where no folder can be', async () => {
    if (existsSync('/proc/self'))
      await expect(openEmbeddedStore({ dir: '/proc/no/store', log: silentLogger })).rejects.toMatchObject({
        code: 'STORE_OPEN_FAILED',
      });
    failing.add('open');
    const made = openEmbeddedStore({
      dir: join(dir, 'other'),
      log: silentLogger,
      files: faultyFiles(failing),
    });
    await expect(made).rejects.toMatchObject({ code: 'STORE_OPEN_FAILED' });
    await expect(
      openEmbeddedStore({ dir: join(dir, 'store.log', 'sub'), log: silentLogger }),
    ).rejects.toMatchObject({ code: 'STORE_OPEN_FAILED' });
  });
});
