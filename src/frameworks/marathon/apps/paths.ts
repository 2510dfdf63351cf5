/** Ids of apps and groups are absolute paths such as `/prod/db/main` (marathon.md §3, §4). */

const SEGMENT = /^[a-z0-9]([a-z0-9-.]*[a-z0-9])?$/;
const RESERVED: ReadonlySet<string> = new Set(['restart', 'tasks', 'versions']);

/** Make an id absolute: `web` is `/web`; with a base, `../db` is resolved against it. Trailing slashes go. */
export function absolutePath(id: string, base = '/'): string {
  const parts = id.startsWith('/') ? [] : base.split('/');
  for (const part of id.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return `/${parts.filter((p) => p !== '').join('/')}`;
}

/** What is wrong with the absolute path of an app or group, or undefined. */
export function pathProblem(path: string): string | undefined {
  if (path === '/') return "must not be the root '/'";
  const bad = segments(path).find((s) => !SEGMENT.test(s));
  if (bad === undefined) return undefined;
  return `'${bad}' is no valid part of an id: write lower case letters, digits, '-' and '.', beginning and ending with a letter or digit`;
}

/** What is wrong with an absolute app id, or undefined. */
export function appIdProblem(id: string): string | undefined {
  const problem = pathProblem(id);
  if (problem !== undefined) return problem;
  const last = segments(id).at(-1) ?? '';
  if (RESERVED.has(last)) return `must not end with '${last}', which is a path of the API`;
  return undefined;
}

function segments(path: string): string[] {
  return path.slice(1).split('/');
}

/** The group an app stands in: `/a/b` is in `/a`. */
export function parentPath(id: string): string {
  return absolutePath('..', id);
}

/** Whether `path` is `of` itself or stands below it. */
export function isWithin(path: string, of: string): boolean {
  return of === '/' || path === of || path.startsWith(`${of}/`);
}

/** Task and discovery name: the path reversed, with dots (`/a/b` is `b.a`). */
export function discoveryName(id: string): string {
  return id.slice(1).split('/').reverse().join('.');
}

/** `/a/b` as `a_b`, for instance and task ids. */
export function safePath(id: string): string {
  return id.slice(1).replaceAll('/', '_');
}

export function newInstanceId(appId: string, uuid: string): string {
  return `${safePath(appId)}.instance-${uuid}`;
}

/** The Mesos task id of an instance (Marathon 1.8 and later). */
export function taskIdOf(instanceId: string): string {
  return `${instanceId}._app.1`;
}
