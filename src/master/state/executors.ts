import type { AgentCall } from '../../mesos/index.ts';
import type { SchedulerCall } from '../input/scheduler-call.ts';
import { executorOn, removeExecutor } from './executor-books.ts';
import type { AgentEntry, FrameworkEntry } from './model.ts';
import { count, toAgent, toFramework } from './step.ts';
import type { Step } from './step.ts';

type Exited = Extract<AgentCall, { type: 'EXITED_EXECUTOR' }>['exited_executor'];

/** An executor is over: its resources are free, its framework hears of it. Of its tasks the agent tells by itself. */
export function exitedExecutor(step: Step, agent: AgentEntry, exited: Exited): void {
  count(step, 'master/messages_exited_executor');
  const { framework_id, executor_id, status } = exited;
  const executor = executorOn(agent, framework_id.value, executor_id.value);
  if (!executor) return;
  removeExecutor(step, executor);
  toFramework(step, step.state.frameworks.get(framework_id.value)?.streamId, {
    type: 'FAILURE',
    failure: { agent_id: { value: agent.id }, executor_id, status },
  });
}

/** SHUTDOWN of an executor (mesos-api.md §1.10). An agent that is not there is not told, now or later. */
export function shutdownExecutor(
  step: Step,
  framework: FrameworkEntry,
  { executor_id, agent_id }: NonNullable<SchedulerCall['shutdown']>,
): void {
  toAgent(step, step.state.agents.get(agent_id.value)?.streamId, {
    type: 'SHUTDOWN_EXECUTOR',
    shutdown_executor: { framework_id: { value: framework.id }, executor_id },
  });
}

/** MESSAGE to an executor, best effort. */
export function messageToExecutor(
  step: Step,
  framework: FrameworkEntry,
  call: NonNullable<SchedulerCall['message']>,
): void {
  count(step, 'master/messages_framework_to_executor');
  const streamId = step.state.agents.get(call.agent_id.value)?.streamId;
  count(step, `master/${streamId === undefined ? 'invalid' : 'valid'}_framework_to_executor_messages`);
  toAgent(step, streamId, {
    type: 'MESSAGE',
    message: { framework_id: { value: framework.id }, executor_id: call.executor_id, data: call.data },
  });
}

type ExecutorMessage = Extract<AgentCall, { type: 'MESSAGE' }>['message'];

/** MESSAGE from an executor to its scheduler. */
export function messageToFramework(step: Step, agent: AgentEntry, message: ExecutorMessage): void {
  count(step, 'master/messages_executor_to_framework');
  const framework = step.state.frameworks.get(message.framework_id.value);
  count(step, `master/${framework ? 'valid' : 'invalid'}_executor_to_framework_messages`);
  toFramework(step, framework?.streamId, {
    type: 'MESSAGE',
    message: { agent_id: { value: agent.id }, executor_id: message.executor_id, data: message.data },
  });
}
