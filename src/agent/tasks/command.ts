import type { CommandInfo, TaskInfo } from '../../mesos/index.ts';

/** What cannot be run by this agent, in words for the framework; undefined when it can. */
export function commandProblem(task: TaskInfo): string | undefined {
  if (task.executor !== undefined)
    return 'This agent runs command tasks only; give the task a command instead of an executor';
  const container = task.container as { type?: string; mesos?: { image?: unknown } } | undefined;
  if (container?.type === 'DOCKER' || container?.mesos?.image !== undefined)
    return 'None of the enabled containerizers (process) could create a container with an image';
  if (task.command === undefined) return 'The task has no command';
  if (!task.command.value) return 'Command has no value; write what is to be run';
  if (task.command.value.includes('\0') || task.command.arguments?.some((a) => a.includes('\0')))
    return 'Command must not contain a NUL character';
  return undefined;
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
