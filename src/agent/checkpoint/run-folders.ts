import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Layout } from './layout.ts';
import type { RunPlace } from './records.ts';

/** The places of all runs of which there is a folder among the checkpoints. */
export async function runPlaces(layout: Layout): Promise<RunPlace[]> {
  const found: RunPlace[] = [];
  const root = layout.metaAgents;
  for (const agentId of await folders(root)) {
    const frameworks = join(root, agentId, 'frameworks');
    for (const frameworkId of await folders(frameworks)) {
      const executors = join(frameworks, frameworkId, 'executors');
      for (const executorId of await folders(executors)) {
        for (const containerId of await folders(join(executors, executorId, 'runs')))
          found.push({ agentId, frameworkId, executorId, containerId });
      }
    }
  }
  return found;
}

/** Remove a run's folder, then the parents that became empty, up to `root`. */
export async function removeRun(path: string, root: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  const runs = dirname(path);
  const left = await folders(runs);
  if (left.every((name) => name === 'latest')) await rm(join(runs, 'latest'), { force: true });
  for (let at = runs; at !== root && at.startsWith(root); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return; // not empty: something else lives there
    }
  }
}

/** What is in a folder; nothing where there is none. */
async function folders(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch {
    return [];
  }
}
