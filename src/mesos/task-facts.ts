import type { TaskFacts } from '../core/identity.ts';
import type { CommandInfo, FrameworkInfo, Labels, TaskInfo } from './types.ts';

/** What of a task its identity is made of. */
type NamedTask = Pick<TaskInfo, 'task_id' | 'name' | 'labels' | 'discovery'> & {
  readonly command?: Pick<CommandInfo, 'user'>;
};

/** What an identity is made of, out of what a framework said of itself and of its task. */
export function taskFacts(agentId: string, framework: FrameworkInfo, task: NamedTask): TaskFacts {
  const { discovery, command } = task;
  return {
    taskId: task.task_id.value,
    taskName: task.name,
    frameworkId: framework.id?.value ?? '',
    frameworkName: framework.name,
    agentId,
    user: command?.user ?? framework.user,
    labels: labelsOf(task.labels),
    ...(discovery?.name === undefined ? {} : { discoveryName: discovery.name }),
    portLabels: (discovery?.ports?.ports ?? []).map((port) => labelsOf(port.labels)),
  };
}

function labelsOf(labels: Labels | undefined): ReadonlyMap<string, string> {
  return new Map((labels?.labels ?? []).map(({ key, value }) => [key, value ?? '']));
}
