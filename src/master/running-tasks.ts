import type { RunningTasks } from '../core/identity.ts';
import { isTerminal, taskFacts } from '../mesos/index.ts';
import type { Registry } from './registry.ts';
import type { MasterState } from './state/index.ts';

/** Tasks that have been given to an agent and have not ended, whether or not the agent is connected now. */
export function runningTasks(
  current: () => { readonly state: MasterState; readonly registry: Registry },
): RunningTasks {
  return {
    find(agentId, frameworkId, taskId) {
      const framework = current().state.frameworks.get(frameworkId);
      const task = framework?.tasks.get(taskId);
      if (!framework || !task || task.agentId !== agentId || isTerminal(task.state)) return undefined;
      return taskFacts(
        agentId,
        { ...framework.info, id: { value: frameworkId } },
        {
          ...task.info,
          task_id: { value: task.id },
          ...(task.commandUser !== undefined && { command: { user: task.commandUser } }),
        },
      );
    },
    agentIdentity(agentId) {
      return current().registry.identityOf(agentId);
    },
  };
}
