import { addResources, subtractResources } from '../../mesos/index.ts';
import type { AgentEntry, ExecutorEntry, FrameworkEntry } from './model.ts';
import type { Step } from './step.ts';

/** The only functions that move executors in and out of the sums of agents and frameworks. */

/** Under which an agent lists an executor. No id has a slash in it. */
export function executorKey(frameworkId: string, executorId: string): string {
  return `${frameworkId}/${executorId}`;
}

export function executorOn(
  agent: AgentEntry,
  frameworkId: string,
  executorId: string,
): ExecutorEntry | undefined {
  return agent.executors.get(executorKey(frameworkId, executorId));
}

/** Put an executor that the agent does not have yet on its framework and agent. */
export function addExecutor(framework: FrameworkEntry, agent: AgentEntry, executor: ExecutorEntry): void {
  const resources = executor.info.resources ?? [];
  agent.executors.set(executorKey(framework.id, executor.id), executor);
  framework.executors.add(executor);
  framework.used = addResources(framework.used, resources);
  agent.used = addResources(agent.used, resources);
}

/** Take an executor that is over off its framework and agent; its resources are free. */
export function removeExecutor(step: Step, executor: ExecutorEntry): void {
  const resources = executor.info.resources ?? [];
  const key = executorKey(executor.frameworkId, executor.id);
  const agent = step.state.agents.get(executor.agentId);
  if (agent?.executors.get(key) === executor) {
    agent.executors.delete(key);
    agent.used = subtractResources(agent.used, resources);
  }
  const framework = step.state.frameworks.get(executor.frameworkId);
  if (framework?.executors.delete(executor) === true)
    framework.used = subtractResources(framework.used, resources);
}

/** Whether an agent has anything of a framework: a task or an executor. */
export function runsFor(agent: AgentEntry, frameworkId: string): boolean {
  for (const task of agent.tasks) if (task.frameworkId === frameworkId) return true;
  for (const executor of agent.executors.values()) if (executor.frameworkId === frameworkId) return true;
  return false;
}
