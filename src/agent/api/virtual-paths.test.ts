import { statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IDENTITY_FOLDER } from '../../core/identity.ts';
import type { ExecutorView } from '../executors/executor.ts';
import { attachedPaths, openVirtual } from './virtual-paths.ts';

/** As a tale: what it is, and where in its root. */
async function look(path: string): Promise<{ kind: string; way?: string }> {
  const found = await openVirtual(attached, path);
  if (found.kind !== 'found') return { kind: found.kind };
  await found.entry.close();
  return { kind: 'found', way: found.entry.way };
}

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
    expect(await look('/virtual/sub/file')).toEqual({ kind: 'found', way: 'sub/file' });
    expect(await look('/virtual/in/file')).toEqual({ kind: 'found', way: 'sub/file' });
    expect(await look('/virtual/')).toEqual({ kind: 'found', way: '' });
  });

  it('never lead out, by dots or by links', async () => {
    for (const path of ['/virtual/../secret', '/virtual/sub/../../secret', '/virtual/out'])
      expect([path, (await look(path)).kind]).toEqual([path, 'outside']);
    for (const path of ['/', '', '/virtuals', 'virtual/sub', '/virtual/none', '/virtual/sub\0'])
      expect([path, (await look(path)).kind]).toEqual([path, 'not-found']);
  });

  it('never lead to the identity or the secrets of a task, in its sandbox or in that of its executor', async () => {
    const nested = join(folder, 'sandbox/containers/c1');
    for (const root of [join(folder, 'sandbox'), nested]) {
      await mkdir(join(root, IDENTITY_FOLDER), { recursive: true });
      await writeFile(join(root, IDENTITY_FOLDER, 'key.pem'), 'x');
    }
    await symlink(`containers/c1/${IDENTITY_FOLDER}`, join(folder, 'sandbox/link'));
    const kinds = async (paths: string[]): Promise<string[]> =>
      Promise.all(paths.map(async (path) => (await look(path)).kind));
    const ways = [IDENTITY_FOLDER, `containers/c1/${IDENTITY_FOLDER}`, 'link'];
    expect(await kinds(ways.flatMap((way) => [`/virtual/${way}`, `/virtual/${way}/key.pem`]))).toEqual(
      Array.from({ length: 6 }, () => 'outside'),
    );
    expect(await kinds(['/virtual/containers/c1'])).toEqual(['found']);
  });

  it('of a task with a container of its own lie below those of its executor', () => {
    const place = { agentId: 'S0', frameworkId: 'fw', executorId: 'pod', containerId: 'c' };
    const task = (id: string, sandbox: string) => ({ place: { ...place, taskId: id }, sandbox });
    const executor = {
      place,
      sandbox: '/w/runs/c',
      tasks: [task('a', '/w/runs/c/containers/1')],
      completed: [task('b', '/w/runs/c/containers/2'), task('own', '/w/runs/c')],
    };
    const roots = ['/w/runs/c', '/w/runs/latest', '/frameworks/fw/executors/pod/runs/latest'];
    expect(attachedPaths([executor as unknown as ExecutorView])).toEqual(
      new Map(
        roots.flatMap((root) => [
          [root, '/w/runs/c'],
          [`${root}/tasks/a`, '/w/runs/c/containers/1'],
          [`${root}/tasks/b`, '/w/runs/c/containers/2'],
        ]),
      ),
    );
  });

  it('hold against whatever is made of dots, slashes and names', async () => {
    const piece = fc.constantFrom('..', '.', '', 'sub', 'out', 'in', 'file', 'secret', '%2e%2e', '...');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const found = await openVirtual(attached, `/virtual/${pieces.join('/')}`);
        if (found.kind !== 'found') return;
        const { dev, ino } = found.entry.stats;
        await found.entry.close();
        const inside = ['', 'sub', 'sub/file'].map((way) => statSync(join(folder, 'sandbox', way)));
        expect(inside.some((stats) => stats.dev === dev && stats.ino === ino)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
