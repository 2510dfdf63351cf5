import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errorText } from '../../../core/errors.ts';
import { makeFolder, read, removeFolder } from './files.ts';
import type { Groups } from './groups.ts';
import { createGroupsV1, NEEDED_V1 } from './v1.ts';
import { createGroupsV2, NEEDED_V2 } from './v2.ts';

/** Where the kernel shows its control groups: a tree for each controller (version 1), and the one of version 2. */
export interface Mounts {
  readonly v1: ReadonlyMap<string, string>;
  readonly v2: string | undefined;
}

/** From /proc/self/mountinfo (proc(5)). */
export function readMounts(mountinfo: string): Mounts {
  const v1 = new Map<string, string>();
  let v2: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const mount = before.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, code: string) => octal(code));
    const [type, , options = ''] = after.split(' ');
    if (mount === undefined) continue;
    if (type === 'cgroup2') v2 ??= mount;
    if (type !== 'cgroup') continue;
    for (const controller of options.split(',')) if (!v1.has(controller)) v1.set(controller, mount);
  }
  return { v1, v2 };
}

function octal(code: string): string {
  return String.fromCharCode(Number.parseInt(code, 8));
}

/**
 * The control groups that this agent may use, or why there are none. Agents of one machine have work folders of their
 * own, so each gets a folder of groups by its work folder, below `root`. One group is made and removed to see that the
 * kernel lets us.
 */
export function findGroups(root: string, workDir: string): Groups | string {
  const own = createHash('sha256').update(resolve(workDir)).digest('hex').slice(0, 12);
  const below = `${root}/${own}`;
  if (process.platform !== 'linux') return 'control groups are a feature of Linux';
  if (process.getuid?.() !== 0) return 'the agent does not run as root';
  try {
    const groups = choose(readMounts(readFileSync('/proc/self/mountinfo', 'utf8')), below);
    if (typeof groups === 'string') return groups;
    groups.create('probe', { cpus: 1, memBytes: 64 * 1024 * 1024 });
    groups.remove('probe');
    return groups;
  } catch (error) {
    return `control groups below ${below} cannot be used: ${errorText(error)}`;
  }
}

function choose({ v1, v2 }: Mounts, below: string): Groups | string {
  const available = v2 === undefined ? [] : (read(v2, 'cgroup.controllers') ?? '').split(' ');
  if (v2 !== undefined && NEEDED_V2.every((c) => available.includes(c))) return createGroupsV2(v2, below);
  const missing = NEEDED_V1.filter((c) => !v1.has(c));
  if (missing.length === 0)
    return createGroupsV1(v1, below, v2 !== undefined && mayGroup(v2, below) ? v2 : undefined);
  return `the kernel offers no control groups for ${missing.join(' and ')}`;
}

/** Whether the tree of version 2 lets us make a group: it may be shown and not be ours to change. */
function mayGroup(v2: string, below: string): boolean {
  const probe = join(v2, below, 'probe');
  try {
    makeFolder(probe);
    return removeFolder(probe);
  } catch {
    return false;
  }
}
