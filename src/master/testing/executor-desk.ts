import type { ExecutorInfo, FrameworkInfo, Resource, TaskInfo } from '../../mesos/index.ts';
import { parseResources } from '../../mesos/index.ts';
import type { OfferOperation } from '../input/scheduler-call.ts';
import * as machine from '../state/index.ts';
import { Driver, task } from './driver.ts';

/** For tests of executors: an agent with a disk, a framework with an offer of it, and what to launch there. */

export function resources(text: string): readonly Resource[] {
  const parsed = parseResources(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

export function customExecutor(id: string, more: Partial<ExecutorInfo> = {}): ExecutorInfo {
  return {
    executor_id: { value: id },
    command: { value: './executor' },
    resources: resources('cpus:0.1;mem:32'),
    ...more,
  };
}

export function defaultExecutor(id: string, more: Partial<ExecutorInfo> = {}): ExecutorInfo {
  return {
    type: 'DEFAULT',
    executor_id: { value: id },
    resources: resources('cpus:0.1;mem:32;disk:10'),
    ...more,
  };
}

export const launchOf = (...task_infos: TaskInfo[]): OfferOperation => ({
  type: 'LAUNCH',
  launch: { task_infos },
});

export const groupOf = (executor: ExecutorInfo, ...tasks: TaskInfo[]): OfferOperation => ({
  type: 'LAUNCH_GROUP',
  launch_group: { executor, task_group: { tasks } },
});

export interface ExecutorDesk {
  readonly d: Driver;
  readonly agentId: string;
  readonly agent: machine.AgentEntry;
  readonly framework: machine.FrameworkEntry;
  /** Accept everything that is offered, with these operations. */
  readonly accept: (...operations: OfferOperation[]) => void;
  /** A task for `executor`. */
  readonly on: (executor: ExecutorInfo, id: string, more?: Partial<TaskInfo>) => TaskInfo;
  /** A task for this agent. */
  readonly task: (id: string, more?: Partial<TaskInfo>) => TaskInfo;
}

export function executorDesk(info: Partial<FrameworkInfo> = {}): ExecutorDesk {
  const d = new Driver();
  const agentId = d.agent('agent', {
    agent_info: {
      hostname: 'h',
      port: 5051,
      resources: resources('cpus:4;mem:1024;disk:1000;ports:[31000-31010]'),
    },
  });
  const framework = d.framework('fw', info);
  const agent = d.state.agents.get(agentId);
  if (!agent) throw new Error('refused');
  return {
    d,
    agentId,
    agent,
    framework,
    accept: (...operations) => {
      d.allocate();
      const offer_ids = [...framework.offers].map((value) => ({ value }));
      d.turn((step) =>
        machine.accept(step, framework, { offer_ids, operations, filters: { refuse_seconds: 0 } }),
      );
    },
    on: (executor, id, more = {}) => {
      const { command, ...rest } = task(id, agentId);
      return { ...rest, executor, ...more };
    },
    task: (id, more = {}) => task(id, agentId, more),
  };
}

/** What the framework was told of the last task that was not launched. */
export function lastMessage({ d }: ExecutorDesk): string | undefined {
  const update = d.sent('fw').findLast((e) => e.type === 'UPDATE');
  return update?.type === 'UPDATE' ? update.update.status.message : undefined;
}
