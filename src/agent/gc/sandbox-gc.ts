import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { NESTED_FOLDER, runPath } from '../checkpoint/layout.ts';
import type { RunPlace } from '../checkpoint/records.ts';

/** Share of the disk that is kept free by collecting earlier (mesos-api.md §4.4). */
const HEADROOM = 0.1;

/** The age at which sandboxes go: the delay, and less of it as the disk fills. */
export function allowedAgeMs(delayMs: number, usedShare: number): number {
  return delayMs * Math.max(0, 1 - HEADROOM - usedShare);
}

/** Sandboxes under `root` that are old enough, except those for which `isLive`. */
export async function oldSandboxes(
  root: string,
  clock: Clock,
  delayMs: number,
  isLive: (place: RunPlace) => boolean,
): Promise<readonly RunPlace[]> {
  const age = delayMs === 0 ? 0 : allowedAgeMs(delayMs, await usedShare(root));
  const old: RunPlace[] = [];
  for await (const place of sandboxes(root)) {
    if (isLive(place)) continue;
    const folder = join(root, ...runPath(place));
    if (clock.now() - (await lastUse(folder)) >= age) old.push(place);
  }
  return old;
}

async function usedShare(path: string): Promise<number> {
  const fs = await statfs(path);
  return fs.blocks === 0 ? 0 : 1 - fs.bavail / fs.blocks;
}

/** The latest change of a sandbox: of the folder, or of what the executor or its tasks wrote. */
async function lastUse(folder: string): Promise<number> {
  const inside = await names(join(folder, NESTED_FOLDER));
  const roots = ['', ...inside.map((containerId) => join(NESTED_FOLDER, containerId))];
  const times = await Promise.all(
    roots
      .flatMap((root) => [root, join(root, 'stdout'), join(root, 'stderr')])
      .map((name) =>
        stat(join(folder, name)).then(
          (s) => s.mtimeMs,
          () => 0,
        ),
      ),
  );
  return Math.max(...times);
}

async function* sandboxes(root: string): AsyncGenerator<RunPlace> {
  for (const agentId of await names(root)) {
    const frameworks = join(root, agentId, 'frameworks');
    for (const frameworkId of await names(frameworks)) {
      const executors = join(frameworks, frameworkId, 'executors');
      for (const executorId of await names(executors)) {
        for (const containerId of await names(join(executors, executorId, 'runs'))) {
          if (containerId !== 'latest') yield { agentId, frameworkId, executorId, containerId };
        }
      }
    }
  }
}

async function names(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch {
    return [];
  }
}
