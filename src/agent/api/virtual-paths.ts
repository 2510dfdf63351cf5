import { realpath } from 'node:fs/promises';
import { dirname, join, relative, isAbsolute, sep } from 'node:path';
import type { TaskRun } from '../tasks/task-run.ts';

export type Resolved =
  | { readonly kind: 'file'; readonly real: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'outside'; readonly path: string };

/**
 * The virtual paths under which sandboxes can be read (mesos-api.md §3.7): the absolute path of the run, the same with
 * `latest`, and `/frameworks/<id>/executors/<id>/runs/latest`. Later runs of a task win `latest`.
 */
export function attachedPaths(runs: readonly TaskRun[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const run of runs) {
    map.set(run.sandbox, run.sandbox);
    map.set(join(dirname(run.sandbox), 'latest'), run.sandbox);
    map.set(`/frameworks/${run.place.frameworkId}/executors/${run.place.taskId}/runs/latest`, run.sandbox);
  }
  return map;
}

/** Find the real file behind a virtual path; what leaves the attached folder, also by links, is refused. */
export async function resolveVirtual(attached: ReadonlyMap<string, string>, path: string): Promise<Resolved> {
  if (path.includes('\0')) return { kind: 'not-found' };
  const clean = path.length > 1 ? path.replace(/\/+$/, '') : path;
  for (let at = clean; at.includes('/'); at = at.slice(0, at.lastIndexOf('/'))) {
    const root = attached.get(at);
    if (root === undefined) continue;
    const wanted = join(root, clean.slice(at.length));
    if (!inside(root, wanted)) return { kind: 'outside', path };
    try {
      const real = await realpath(wanted);
      return inside(await realpath(root), real) ? { kind: 'file', real } : { kind: 'outside', path };
    } catch {
      return { kind: 'not-found' };
    }
  }
  return { kind: 'not-found' };
}

function inside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
