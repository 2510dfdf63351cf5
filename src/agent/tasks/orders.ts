import type { AgentEvent } from '../../mesos/index.ts';
import type { Tasks } from './tasks.ts';

/**
 * Do with the tasks what the master says. Events about anything else are none of theirs. The next event must wait until the
 * promise resolves, where there is one: a kill must not overtake the launch.
 */
export function obey(tasks: Tasks, agentId: string, event: AgentEvent): Promise<void> | void {
  switch (event.type) {
    case 'RUN_TASK':
    case 'RUN_TASK_GROUP': {
      const freed = tasks.freed(...idsOf(event));
      return freed ? freed.then(() => run(tasks, agentId, event)) : run(tasks, agentId, event);
    }
    case 'KILL_TASK': {
      const { framework_id, task_id, kill_policy } = event.kill_task;
      return tasks.kill(agentId, framework_id.value, task_id.value, kill_policy);
    }
    case 'ACKNOWLEDGE': {
      const { framework_id, task_id, uuid } = event.acknowledge;
      return tasks.ack(framework_id.value, task_id.value, uuid);
    }
    case 'DRAIN':
      return tasks.draining.begin(event.drain.config);
    case 'CANCEL_DRAIN':
      return tasks.draining.cancel();
    case 'UPDATE_FRAMEWORK':
      return tasks.updateFramework(event.update_framework.framework_info);
    case 'SHUTDOWN_FRAMEWORK':
      return tasks.shutdownFramework(event.shutdown_framework.framework_id.value);
    case 'SHUTDOWN_EXECUTOR': {
      const { framework_id, executor_id } = event.shutdown_executor;
      return tasks.executors.shutdown(framework_id.value, executor_id.value);
    }
    case 'MESSAGE': {
      const { framework_id, executor_id, data } = event.message;
      return tasks.executors.message(framework_id.value, executor_id.value, data);
    }
    case 'SUBSCRIBED':
    case 'PING':
    case 'SHUTDOWN':
      return; // the business of the link and of the agent
  }
}

type Run = Extract<AgentEvent, { type: 'RUN_TASK' | 'RUN_TASK_GROUP' }>;

function idsOf(event: Run): [frameworkId: string, taskIds: readonly string[]] {
  const { framework_info } = event.type === 'RUN_TASK' ? event.run_task : event.run_task_group;
  const tasks = event.type === 'RUN_TASK' ? [event.run_task.task] : event.run_task_group.tasks;
  return [framework_info.id?.value ?? '', tasks.map(({ task_id }) => task_id.value)];
}

function run(tasks: Tasks, agentId: string, event: Run): void {
  if (event.type === 'RUN_TASK_GROUP') {
    const {
      framework_info,
      executor_info,
      tasks: group,
      launch_executor: launch = true,
    } = event.run_task_group;
    return tasks.runInExecutor(agentId, framework_info, executor_info, group, { group: true, launch });
  }
  const { framework_info, task, launch_executor: launch = true } = event.run_task;
  if (task.executor === undefined) return tasks.run(agentId, framework_info, task);
  return tasks.runInExecutor(agentId, framework_info, task.executor, [task], { group: false, launch });
}
