import { execFile } from 'node:child_process';
import { mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BindMount, LaunchSpec } from '../launcher.ts';
import { becomeWords } from './prepare.ts';
import { SUPERVISOR_NAME } from './supervisor.ts';
import { tool } from './tools.ts';
import type { User } from './users.ts';

const run = promisify(execFile);

/**
 * Makes the mounts of a container, as root and in a mount namespace that nobody else is in, then runs the command there. They end with its
 * last process. In order:
 *  - all are made in a folder of root's first. What was mounted must be the file that the user reaches by that path itself: it may have put
 *    something else there meanwhile;
 *  - then they are moved to their places. A place is opened first and must be where it was asked for: its user may have put a link there;
 *  - nothing of what is mounted is run or read by root: see `ROOTS_OWN`.
 */
const MOUNT_SCRIPT = `mount=$1 stat=$2 readlink=$3
shift 3
fail() {
  echo "Volume '$1': $2" >&2
  exit 1
}
while :; do
  case $1 in
    stage)
      "$mount" -n -c --bind -- "$3" "$4" || fail "$2" 'it cannot be mounted'
      [ "$("$stat" -c %d:%i -- "$4")" = "$5" ] || fail "$2" 'what it names has changed meanwhile'
      [ "$6" = RW ] || "$mount" -n -c --options-source=mtab -o remount,bind,ro -- "$4" || fail "$2" 'it cannot be made read-only'
      shift 6 ;;
    move)
      exec 7<"$4"
      [ "$("$readlink" /proc/self/fd/7)" = "$4" ] || fail "$2" 'its place has changed meanwhile'
      "$mount" -n -c --move -- "$3" /proc/self/fd/7 || fail "$2" 'it cannot be mounted at its place'
      exec 7<&-
      shift 4 ;;
    *) break ;;
  esac
done
shift
exec "$@"
`;

/**
 * Between the mounts and the change of user, root runs programs: whoever could put files in the place of these, or of what they load, would be
 * root. So tasks of other users mount nothing there.
 */
const ROOTS_OWN = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/usr', '/etc', '/proc', '/sys'];
const ROOTS_OWN_ELSEWHERE = ['/dev', '/nix', '/gnu', '/run/current-system'];

/** Where the mounts of a container are made, in its runtime folder. */
const STAGE_FOLDER = 'volumes';

/**
 * The words that come before those of a command that has mounts; none where it has none. They are tried once, in a namespace that is gone at once, so
 * that what the machine refuses is known before the command counts as started. Rejects with a plain Error, in words for the framework.
 */
export async function mountWords(
  spec: Pick<LaunchSpec, 'mounts' | 'runtimeDir' | 'sandbox'>,
  user: User | undefined,
): Promise<readonly string[]> {
  const mounts = spec.mounts ?? [];
  const [first] = mounts;
  if (!first) return [];
  const field = first.readOnly ? 'mode RO' : 'an absolute container_path';
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw problem(first, `${field} without an image needs an agent that runs as root on Linux`);
  const purpose = 'mount volumes';
  const [staged, moved]: [string[], string[]] = [[], []];
  await mkdir(join(spec.runtimeDir, STAGE_FOLDER), { recursive: true, mode: 0o700 });
  for (const [i, mount] of mounts.entries()) {
    await checkPlace(mount, spec.sandbox, user);
    const { identity, isFolder } = await reached(mount, user);
    const stage = join(spec.runtimeDir, STAGE_FOLDER, String(i));
    await (isFolder ? mkdir(stage) : writeFile(stage, '', { flag: 'wx' }));
    staged.push('stage', mount.volume, mount.source, stage, identity, mount.readOnly ? 'RO' : 'RW');
    moved.push('move', mount.volume, stage, mount.target);
  }
  const alone = [tool('unshare', purpose), '--mount', '--propagation', 'private', '--'];
  const tools = ['mount', 'stat', 'readlink'].map((name) => tool(name, purpose));
  const shell = ['/bin/sh', '-c', MOUNT_SCRIPT, SUPERVISOR_NAME];
  const words = [...alone, ...shell, ...tools, ...staged, ...moved, 'run'];
  await rehearse([...words, tool('true', purpose)]);
  return words;
}

/** The words by which a command joins the mounts of a process, with `folder` as its working folder there. */
export function enterWords(pid: number, folder: string): readonly string[] {
  const enter = [tool('nsenter', 'run a command beside a task with volumes'), `--mount=/proc/${pid}/ns/mnt`];
  return [...enter, '--', '/bin/sh', '-c', 'cd "$0" && exec "$@"', folder];
}

const problem = (mount: BindMount, text: string): Error => new Error(`Volume '${mount.volume}': ${text}`);

async function checkPlace(mount: BindMount, sandbox: string, user: User | undefined): Promise<void> {
  if (isBelow(await realpath(sandbox), mount.target))
    throw problem(mount, 'container_path would hide the sandbox');
  if (!user) return;
  for (const folder of [...ROOTS_OWN, ...ROOTS_OWN_ELSEWHERE]) {
    const real = await realpath(folder).catch(() => folder);
    if (isBelow(mount.target, real) || isBelow(real, mount.target))
      throw problem(
        mount,
        `container_path may not be in ${folder} for a task of another user than the agent`,
      );
  }
}

const isBelow = (path: string, folder: string): boolean =>
  `${path}/`.startsWith(`${folder === '/' ? '' : folder}/`);

/** Which file the user itself reaches by the path of the source: being mounted by root must not give it more. */
async function reached(
  mount: BindMount,
  user: User | undefined,
): Promise<{ readonly identity: string; readonly isFolder: boolean }> {
  const { source } = mount;
  const stats = await stat(source, { bigint: true }).catch(() => undefined);
  if (!stats) throw problem(mount, `there is no '${source}' on the machine of this agent`);
  const own = { identity: `${stats.dev}:${stats.ino}`, isFolder: stats.isDirectory() };
  if (!user) return own;
  const words = [...becomeWords(user), tool('stat', 'mount volumes'), '-L', '-c', '%d:%i', '--', source];
  const [program = '', ...rest] = words;
  const found = await run(program, rest, { env: ENVIRONMENT }).catch(() => undefined);
  if (found?.stdout.trim() !== own.identity)
    throw problem(mount, `the user of the task does not reach '${source}' (host_path)`);
  return own;
}

const ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };

async function rehearse([program = '', ...words]: readonly string[]): Promise<void> {
  try {
    await run(program, words, { env: ENVIRONMENT });
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    throw new Error(`The volumes cannot be mounted: ${stderr.trim().replaceAll('\n', '; ')}`, {
      cause: error,
    });
  }
}
