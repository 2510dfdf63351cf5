import type { CommandInfo, ContainerInfo, TaskInfo } from '../../mesos/index.ts';
import type { Launchers } from '../launcher/launchers.ts';

/** What cannot be run by this agent, in words for the framework; undefined when it can. An image may bring a command of its own. */
export function commandProblem(
  what: { readonly command?: CommandInfo | undefined; readonly container?: ContainerInfo | undefined },
  launchers: Pick<Launchers, 'cannotRun'>,
): string | undefined {
  const { command, container } = what;
  const problem = launchers.cannotRun(container);
  if (problem !== undefined) return problem;
  const words = [command?.value ?? '', ...(command?.arguments ?? [])];
  if (words.some((word) => word.includes('\0'))) return 'Command must not contain a NUL character';
  if (container?.type === 'DOCKER') return undefined;
  if (command === undefined) return 'The task has no command';
  return command.value ? undefined : 'Command has no value; write what is to be run';
}

/**
 * Program and arguments. `shell` (the default) runs the value with `/bin/sh -c`; otherwise the value is the program and
 * `arguments[0]` only its name, as for execvp(3) (mesos-api.md §2.8). Our supervisor names a program by its path.
 */
export function commandArgv(command: CommandInfo): readonly [string, ...string[]] {
  const value = command.value ?? '';
  if (command.shell ?? true) return ['/bin/sh', '-c', value];
  return [value, ...(command.arguments ?? []).slice(1)];
}

/**
 * The same for an image, which may have a command and an entrypoint of its own: all words are handed to that, empty text in the place of the
 * program leaves its command (mesos-api.md §2.8).
 */
export function imageArgv(command: CommandInfo | undefined): readonly [string, ...string[]] {
  const { value = '', shell = true, arguments: words = [] } = command ?? {};
  if (!shell) return [value, ...words];
  return value === '' ? [''] : ['/bin/sh', '-c', value];
}

/** The name that Mesos gives to the executor of a command task (mesos-api.md §2.6). */
export function executorName(task: TaskInfo): string {
  const command = task.command;
  const text =
    (command?.shell ?? true)
      ? `sh -c '${shortened(command?.value ?? '')}'`
      : `[${(command?.arguments ?? [command?.value ?? '']).join(', ')}]`;
  return `Command Executor (Task: ${task.task_id.value}) (Command: ${text})`;
}

function shortened(value: string): string {
  return value.length > 15 ? `${value.slice(0, 12)}...` : value;
}
