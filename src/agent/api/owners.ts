import { readFileSync } from 'node:fs';

/** Names of users and groups as the system's files give them; a number where they do not. */
export function createOwners(): { user(uid: number): string; group(gid: number): string } {
  const users = table('/etc/passwd');
  const groups = table('/etc/group');
  return {
    user: (uid) => users.get(uid) ?? String(uid),
    group: (gid) => groups.get(gid) ?? String(gid),
  };
}

/** `name:x:id:...` by id. */
function table(path: string): Map<number, string> {
  try {
    const rows = readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
    return new Map(rows.flatMap(([name, , id]) => (name && id ? [[Number(id), name] as const] : [])));
  } catch {
    return new Map();
  }
}
