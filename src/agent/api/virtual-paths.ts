import { dirname, join, sep } from 'node:path';
import { IDENTITY_FOLDER } from '../../core/identity.ts';
import { NESTED_FOLDER, SECRETS_FOLDER } from '../checkpoint/layout.ts';
import type { ExecutorView } from '../executors/executor.ts';
import { openInside, wayInside } from './open-inside.ts';
import type { OpenEntry } from './open-inside.ts';

export type Found =
  | { readonly kind: 'found'; readonly entry: OpenEntry; readonly root: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'outside'; readonly path: string };

/**
 * The virtual paths under which sandboxes can be read (mesos-api.md §3.7): the absolute path of the run, the same with
 * `latest`, and `/frameworks/<id>/executors/<id>/runs/latest`. Later runs win `latest`. Tasks with a container of their own are
 * below each, as `tasks/<id>`.
 */
export function attachedPaths(executors: readonly ExecutorView[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const { place, sandbox, tasks, completed } of executors) {
    const virtual = `/frameworks/${place.frameworkId}/executors/${place.executorId}/runs/latest`;
    const roots = [sandbox, join(dirname(sandbox), 'latest'), virtual];
    for (const root of roots) map.set(root, sandbox);
    for (const task of [...completed, ...tasks]) {
      if (task.sandbox === undefined || task.sandbox === sandbox) continue;
      for (const root of roots) map.set(`${root}/tasks/${task.place.taskId}`, task.sandbox);
    }
  }
  return map;
}

/**
 * Open what is behind a virtual path; what leaves the attached folder, also by links, is refused, and so are the identity and the secrets of
 * a task. Whoever gets an entry closes it.
 */
export async function openVirtual(attached: ReadonlyMap<string, string>, path: string): Promise<Found> {
  if (path.includes('\0')) return { kind: 'not-found' };
  const clean = path.length > 1 ? path.replace(/\/+$/, '') : path;
  for (let at = clean; at.includes('/'); at = at.slice(0, at.lastIndexOf('/'))) {
    const root = attached.get(at);
    if (root === undefined) continue;
    const wanted = join(root, clean.slice(at.length));
    if (wayInside(root, wanted) === undefined) return { kind: 'outside', path };
    try {
      const entry = await openShown(root, wanted);
      return entry === 'outside' ? { kind: 'outside', path } : { kind: 'found', entry, root };
    } catch {
      return { kind: 'not-found' };
    }
  }
  return { kind: 'not-found' };
}

/** Open what is inside of a sandbox and for others to see. Rejects where there is nothing. */
export async function openShown(root: string, wanted: string): Promise<OpenEntry | 'outside'> {
  const entry = await openInside(root, wanted);
  if (entry === 'outside' || !isHidden(entry.way)) return entry;
  await entry.close();
  return 'outside';
}

/** What is for the task alone lies in its sandbox, which may lie in that of its executor. */
function isHidden(way: string): boolean {
  const steps = way.split(sep);
  const step = steps[steps[0] === NESTED_FOLDER ? 2 : 0];
  return step === IDENTITY_FOLDER || step === SECRETS_FOLDER;
}
