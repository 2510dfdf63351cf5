import type { TaskState, TaskStatus } from '../../mesos/index.ts';
import { isTerminal } from '../../mesos/index.ts';
import {
  completeTask,
  recordStatus,
  removeOffers,
  sendUpdate,
  setAsideTask,
  setTaskState,
  statusOf,
} from './bookkeeping.ts';
import { removeExecutor } from './executor-books.ts';
import { rescindInverseOffers } from './inverse-offers.ts';
import { firstOf } from './first.ts';
import { hasCapability } from './model.ts';
import type { AgentEntry, FrameworkEntry, TaskEntry } from './model.ts';
import { count, nanoseconds, toAgent, toFramework, toOperators } from './step.ts';
import type { Step } from './step.ts';

/** The ways in which an agent goes (mesos-api.md §4.3). */

/** The agent's stream is gone: it is not offered any more; frameworks that do not checkpoint lose their tasks at once. */
export function agentStreamClosed(step: Step, streamId: string): void {
  const agent = firstOf(step.state.agents.values(), (a) => a.streamId === streamId);
  if (!agent) return;
  agent.streamId = undefined;
  removeOffers(step, agent.offers, true);
  rescindInverseOffers(step, agent.id);
  for (const [framework, task] of tasksOn(step, agent)) {
    if (framework.info.checkpoint) continue;
    endTask(step, framework, task, 'TASK_LOST', {
      message: `Agent ${agent.info.hostname} disconnected`,
      reason: 'REASON_AGENT_DISCONNECTED',
    });
  }
  for (const executor of agent.executors.values())
    if (step.state.frameworks.get(executor.frameworkId)?.info.checkpoint === false)
      removeExecutor(step, executor);
}

/** After the registry has it: the agent is unreachable and its tasks with it, until it comes back. */
export function markUnreachable(step: Step, agentId: string): void {
  const { state } = step;
  if (state.recoveredAgents.delete(agentId)) count(step, 'master/recovery_slave_removals');
  const agent = state.agents.get(agentId);
  state.unreachableAgents.set(agentId, step.now);
  count(step, 'master/slave_unreachable_completed');
  if (!agent) return;
  const unreachable_time = nanoseconds(step.now);
  for (const [framework, task] of tasksOn(step, agent)) {
    if (isTerminal(task.state)) {
      completeTask(step, framework, task);
      continue;
    }
    const aware = hasCapability(framework.info, 'PARTITION_AWARE');
    tell(step, framework, task, aware ? 'TASK_UNREACHABLE' : 'TASK_LOST', {
      message: 'health check timed out',
      reason: 'REASON_AGENT_REMOVED',
      unreachable_time,
    });
    setAsideTask(step, framework, task);
  }
  count(step, 'master/slave_removals');
  count(step, 'master/slave_removals/reason_unhealthy');
  // Apache Mesos sends no AGENT_REMOVED here: operators learn it from the tasks.
  drop(step, agent);
}

/** The agent said goodbye, another one took its address, or its machine is DOWN: its tasks are lost for every framework. */
export function removeAgent(step: Step, agent: AgentEntry, cause: string): void {
  step.state.orders.delete(agent.id);
  for (const [framework, task] of tasksOn(step, agent))
    endTask(step, framework, task, 'TASK_LOST', {
      message: `Agent ${agent.info.hostname} removed: ${cause}`,
      reason: 'REASON_AGENT_REMOVED',
    });
  count(step, 'master/slave_removals');
  drop(step, agent);
  toOperators(step, { type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: agent.id } } });
}

/** After the registry has it: an operator said that the agent and all on it are gone for good. */
export function markGone(step: Step, agentId: string): void {
  const { state } = step;
  state.goneAgents.set(agentId, step.now);
  state.orders.delete(agentId);
  state.unreachableAgents.delete(agentId);
  state.recoveredAgents.delete(agentId);
  const agent = state.agents.get(agentId);
  const reason = { message: 'Agent has been marked gone', reason: 'REASON_AGENT_REMOVED_BY_OPERATOR' };
  for (const framework of state.frameworks.values()) {
    const tasks = [...framework.tasks.values(), ...framework.unreachableTasks.values()];
    for (const task of tasks) {
      if (task.agentId !== agentId) continue;
      const aware = hasCapability(framework.info, 'PARTITION_AWARE');
      endTask(step, framework, task, aware ? 'TASK_GONE_BY_OPERATOR' : 'TASK_LOST', reason);
    }
  }
  if (!agent) return;
  toAgent(step, agent.streamId, { type: 'SHUTDOWN', shutdown: { message: reason.message } });
  count(step, 'master/slave_removals');
  drop(step, agent);
}

/** Take the agent out: its offers are rescinded, its stream ended, all frameworks hear of its failure. */
function drop(step: Step, agent: AgentEntry): void {
  for (const executor of agent.executors.values()) removeExecutor(step, executor);
  removeOffers(step, agent.offers, true);
  rescindInverseOffers(step, agent.id);
  step.state.filters.forgetAgent(agent.id);
  step.state.inverse.forgetAgent(agent.id);
  step.state.agents.delete(agent.id);
  if (agent.streamId !== undefined) step.effects.push({ kind: 'end', streamId: agent.streamId });
  agent.streamId = undefined;
  for (const framework of step.state.frameworks.values())
    toFramework(step, framework.streamId, {
      type: 'FAILURE',
      failure: { agent_id: { value: agent.id } },
    });
}

function tasksOn(step: Step, agent: AgentEntry): (readonly [FrameworkEntry, TaskEntry])[] {
  return [...agent.tasks].flatMap((task) => {
    const framework = step.state.frameworks.get(task.frameworkId);
    return framework ? [[framework, task] as const] : [];
  });
}

type Why = Pick<TaskStatus, 'message' | 'reason' | 'unreachable_time'>;

function tell(step: Step, framework: FrameworkEntry, task: TaskEntry, state: TaskState, why: Why): void {
  const status = statusOf(step, task, state, why);
  setTaskState(step, task, state);
  recordStatus(step, task, status);
  sendUpdate(step, framework, status);
}

/** The task is over by the master's word; nobody has to acknowledge that. */
export function endTask(
  step: Step,
  framework: FrameworkEntry,
  task: TaskEntry,
  state: TaskState,
  why: Why,
): void {
  if (!isTerminal(task.state)) tell(step, framework, task, state, why);
  completeTask(step, framework, task);
}
