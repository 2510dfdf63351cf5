import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { ContainerView, ExecutorView } from '../executors/executor.ts';
import type { Limitation } from '../launcher/launcher.ts';
import { DiskWatch } from './disk-watch.ts';
import { diskUsage } from './measure.ts';

const MB = 1024 * 1024;
const signal = new AbortController().signal;

describe('what a folder takes of the disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'disk-'));
    await mkdir(join(folder, 'sandbox/a/b'), { recursive: true });
    await writeFile(join(folder, 'sandbox/a/b/file'), Buffer.alloc(MB, 1));
    await link(join(folder, 'sandbox/a/b/file'), join(folder, 'sandbox/same'));
    await writeFile(join(folder, 'outside'), Buffer.alloc(4 * MB, 1));
    await symlink('../outside', join(folder, 'sandbox/link'));
    await symlink('..', join(folder, 'sandbox/up'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is what du(1) says: links are not followed, other names count once', async () => {
    const said = execFileSync('du', ['-s', '--block-size=1', join(folder, 'sandbox')], { encoding: 'utf8' });
    expect(await diskUsage(join(folder, 'sandbox'), 1000, signal)).toBe(Number.parseInt(said, 10));
  });

  it('ends at a bound, or when nobody waits for it', async () => {
    for (let i = 0; i < 50; i++) await writeFile(join(folder, `sandbox/${i}`), 'x');
    const some = await diskUsage(join(folder, 'sandbox'), 10, signal);
    expect(some).toBeLessThan(await diskUsage(join(folder, 'sandbox'), 1000, signal));
    const aborted = diskUsage(join(folder, 'sandbox'), 1000, AbortSignal.abort(new Error('stop')));
    await expect(aborted).rejects.toThrow('stop');
    await expect(diskUsage(join(folder, 'none'), 1000, signal)).rejects.toThrow('ENOENT');
  });
});

describe('the watch over sandboxes', () => {
  const ended: Limitation[] = [];
  const container = (containerId: string, disk: number): ContainerView => ({
    containerId,
    pid: 1,
    resources: disk === 0 ? [] : [{ name: 'disk', type: 'SCALAR', scalar: { value: disk }, role: '*' }],
    usage: async () => undefined,
    endOverLimit: (limitation) => ended.push(limitation),
  });
  const executor = (own: ContainerView, ...nested: ContainerView[]) =>
    ({ sandbox: `/s/${own.containerId}`, container: own, nested }) as unknown as ExecutorView;
  const watchOf = (
    live: () => ExecutorView[],
    measure: typeof diskUsage,
    enforce = true,
    clock = new FakeClock(),
  ): DiskWatch => new DiskWatch({ clock, log: silentLogger, everyMs: 1000, enforce, measure, live });

  beforeEach(() => void ended.splice(0));

  it('ends what takes more than it asked for, with how much that is; what asked for none is told only', async () => {
    const sizes: Record<string, number> = {
      '/s/a': MB,
      '/s/b': MB + 1,
      '/s/c': 9 * MB,
      '/s/a/containers/n': 3 * MB,
    };
    const live = () => [
      executor(container('a', 1), container('n', 2)),
      executor(container('b', 1)),
      executor(container('c', 0)),
    ];
    const watch = watchOf(live, async (folder) => sizes[folder] ?? 0);
    await watch.look();
    const said = ended.map(({ reason, message }) => [reason, message]);
    expect(said).toEqual([
      ['REASON_CONTAINER_LIMITATION_DISK', 'Disk usage (3MB) exceeds quota (2MB)'],
      ['REASON_CONTAINER_LIMITATION_DISK', 'Disk usage (1MB) exceeds quota (1MB)'],
    ]);
    expect(ended[0]?.resources).toEqual([{ name: 'disk', type: 'SCALAR', scalar: { value: 3 }, role: '*' }]);
    expect(['a', 'n', 'b', 'c'].map((id) => watch.usedBytes(id))).toEqual([MB, 3 * MB, MB + 1, 9 * MB]);
  });

  it('ends nothing where that is not wanted, and forgets what is over', async () => {
    let live = [executor(container('a', 1))];
    const watch = watchOf(
      () => live,
      async () => 2 * MB,
      false,
    );
    await watch.look();
    expect([ended, watch.usedBytes('a')]).toEqual([[], 2 * MB]);
    live = [];
    await watch.look();
    expect(watch.usedBytes('a')).toBeUndefined();
  });

  it('leaves a large sandbox alone for nine times as long as the look took, and others not', async () => {
    const clock = new FakeClock();
    const looks: string[] = [];
    const measure: typeof diskUsage = async (folder) => {
      looks.push(folder);
      if (folder === '/s/large') clock.advance(5_000);
      return 1;
    };
    const watch = watchOf(
      () => [executor(container('large', 0)), executor(container('small', 0))],
      measure,
      false,
      clock,
    );
    for (let i = 0; i < 4; i++) {
      await watch.look();
      clock.advance(15_000);
    }
    expect(looks.filter((folder) => folder === '/s/small')).toHaveLength(4);
    expect(looks.filter((folder) => folder === '/s/large')).toHaveLength(2);
  });

  it('never looks twice at a time, and a stop does not wait for a long look', async () => {
    let looks = 0;
    const measure: typeof diskUsage = (_folder, _max, inner) => {
      looks++;
      return new Promise((_resolve, reject) => {
        inner.addEventListener('abort', () => reject(inner.reason as Error));
      });
    };
    const watch = watchOf(() => [executor(container('a', 1))], measure);
    const [first, second] = [watch.look(), watch.look()];
    await watch.stop();
    await Promise.all([first, second]);
    expect([looks, ended]).toEqual([1, []]);
  });
});
