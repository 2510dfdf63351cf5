import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExitStatus } from '../launcher.ts';

/**
 * The parent of a task: a POSIX shell of about one megabyte that leads a session of its own, so that the task's exit
 * status outlives the agent. In order:
 *  - signals sent to the group reach the task, not this shell (a handler, since what is ignored would be inherited);
 *  - nothing runs before the agent says `go`: an agent that died before it wrote the checkpoint closes the pipe;
 *  - `exec` in a subshell, because a builtin such as `exit` must not end the supervisor;
 *  - the record counts once its line feed is there;
 *  - what the task left in its process group ends with it, the shell included.
 * Descriptor 3 is the task's stderr: what the shell itself says ("Terminated") goes nowhere.
 */
export const SUPERVISOR_SCRIPT = `trap : HUP INT QUIT TERM USR1 USR2 ALRM PIPE
status=$1
shift
IFS= read -r go || exit 0
[ "$go" = go ] || exit 0
( exec "$@" ) </dev/null 2>&3 3>&-
printf '%d\\n' "$?" >"$status"
kill -s KILL 0
`;

/** What runs beside a container begins at the word of the agent too: not before it is in the container's group. */
export const EXEC_SCRIPT = `IFS= read -r go || exit 0
[ "$go" = go ] || exit 0
exec "$@" </dev/null
`;

/** The `$0` of the scripts: tells a supervisor, and a copy of it that has not yet become its task, from a task. */
export const SUPERVISOR_NAME = 'rimrock-supervisor';

export const STATUS_FILE = 'exit-status';

/** Highest signal number of Linux; shells report the death by signal n as 128 + n. */
const MAX_SIGNAL = 64;

/**
 * The status that the supervisor left, or undefined. POSIX shells cannot tell `exit 143` from SIGTERM: 129 to 192 are
 * read as signals.
 */
export function readExitStatus(runtimeDir: string): ExitStatus | undefined {
  let text: string;
  try {
    text = readFileSync(join(runtimeDir, STATUS_FILE), 'latin1');
  } catch {
    return undefined;
  }
  const m = /^(\d+)\n$/.exec(text);
  if (!m) return undefined;
  const code = Number(m[1]);
  if (code > 128 && code <= 128 + MAX_SIGNAL) return { kind: 'signaled', signal: code - 128 };
  return { kind: 'exited', code };
}
