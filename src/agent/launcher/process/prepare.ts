import { rlimitWords } from './rlimits.ts';
import { SUPERVISOR_NAME } from './supervisor.ts';
import { SYSTEM_FOLDERS, tool } from './tools.ts';
import { anotherUser } from './users.ts';
import type { User } from './users.ts';
import type { LaunchSpec } from '../launcher.ts';

/** The words and the environment that a root shell is given, so that a command runs as its user and with its limits. */
export interface Prepared {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Whom it runs as, when that is not the agent's own user. */
  readonly user: User | undefined;
}

/**
 * Between root and the command stand shells and tools that still run as root: a variable such as LD_PRELOAD, which a
 * task may set, must not reach them. So the environment travels under names that mean nothing, and this shell, which
 * is already the user, unpacks it. What no shell can hold as a variable (it starts with a blank here) goes to env(1).
 */
const BECOME_SCRIPT = `rimrock_tool=
while [ "$RIMROCK_COUNT" -gt 0 ]; do
  RIMROCK_COUNT=$((RIMROCK_COUNT - 1))
  eval "rimrock_value=\\$RIMROCK_VARIABLE_$RIMROCK_COUNT"
  unset "RIMROCK_VARIABLE_$RIMROCK_COUNT"
  case $rimrock_value in
    ' '*) rimrock_tool='/usr/bin/env --'; set -- "\${rimrock_value# }" "$@" ;;
    *) export "$rimrock_value" ;;
  esac
done
unset RIMROCK_COUNT rimrock_value
exec $rimrock_tool "$@"
`;

/** Names that a shell takes as a variable like any other. */
const PLAIN =
  /^(?!(?:IFS|OPTIND|OPTARG|PPID|E?UID|_|LINENO|GROUPS|BASH.*|SHELLOPTS|RANDOM|SECONDS|rimrock_\w+|RIMROCK_COUNT|RIMROCK_VARIABLE_\d+)$)[A-Za-z_]\w*$/;

/**
 * `ownMounts`: the command sees its own files in places of the machine's, so no program of theirs may make it root (setuid). Rejects with a plain
 * Error, in words for the framework, where it cannot be done on this machine.
 */
export async function prepare(
  spec: Pick<LaunchSpec, 'argv' | 'environment' | 'user' | 'rlimits'>,
  ownMounts = false,
): Promise<Prepared> {
  const { argv, environment } = spec;
  const user = await anotherUser(spec.user);
  const limits = rlimitWords(spec.rlimits ?? []);
  const limited = limits.length === 0 ? [] : [tool('prlimit', 'set limits'), ...limits, '--'];
  if (!user) return { words: [...limited, ...argv], environment, user };
  const become = [...becomeWords(user, ownMounts), '/bin/sh', '-c', BECOME_SCRIPT, SUPERVISOR_NAME];
  return { words: [...limited, ...become, ...argv], environment: packed(environment), user };
}

function packed(environment: Readonly<Record<string, string>>): Record<string, string> {
  const variables = Object.entries(environment).map(([name, value]) =>
    PLAIN.test(name) ? `${name}=${value}` : ` ${name}=${value}`,
  );
  return {
    PATH: SYSTEM_FOLDERS.join(':'),
    RIMROCK_COUNT: String(variables.length),
    ...Object.fromEntries(variables.map((text, i) => [`RIMROCK_VARIABLE_${i}`, text])),
  };
}

/** The words that run a command as this user. `forGood`: whatever it runs. */
export function becomeWords({ uid, gid, groups }: User, forGood = false): readonly string[] {
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(',')}`];
  const once = forGood ? ['--no-new-privs'] : [];
  return [tool('setpriv', 'run a task as another user'), ...ids, ...once, '--'];
}
