import type { FrameworkInfo, Resource, TaskInfo, TaskState } from '../../mesos/index.ts';
import { parseResources } from '../../mesos/index.ts';
import type { AgentSubscribe } from '../input/agent-call.ts';
import * as machine from '../state/index.ts';
import type { Effect, MasterState, SchedulerEvent, Step } from '../state/index.ts';

const POLICY: machine.Policy = {
  heartbeatSeconds: 15,
  pingIntervalSeconds: 15,
  maxPingTimeouts: 5,
  allocationIntervalMs: 1000,
  offerTimeoutMs: undefined,
  maxCompletedFrameworks: 3,
  maxCompletedTasksPerFramework: 5,
  maxUnreachableTasksPerFramework: 5,
  minAllocatable: [],
  rootSubmissions: true,
  filterGpuResources: true,
  compileRegex: () => 'is not compiled here',
  recoveryRemovalLimitPercent: 100,
};
const INFO = {
  id: 'M',
  ip: 0,
  port: 5050,
  pid: 'master@127.0.0.1:5050',
  hostname: 'm',
  version: '1.11.0',
  address: { ip: '127.0.0.1', port: 5050 },
};
const parsed = parseResources('cpus:4;mem:1024;ports:[31000-31010]');
export const RESOURCES: readonly Resource[] = parsed.ok ? parsed.value : [];

/** The state machine with a clock and a list of what it said. */
export class Driver {
  readonly state: MasterState;
  now = 1_000_000;
  effects: Effect[] = [];

  constructor(policy: Partial<machine.Policy> = {}) {
    this.state = machine.newState(INFO, { ...POLICY, ...policy });
  }

  turn<T>(f: (step: Step) => T): T {
    const step = machine.newStep(this.state, this.now, this.now);
    const result = f(step);
    this.effects.push(...step.effects);
    return result;
  }

  agent(stream: string, call: Partial<AgentSubscribe> = {}): string {
    const subscribe: AgentSubscribe = {
      agent_info: { hostname: 'h', port: 5051, resources: RESOURCES },
      address: { ip: '127.0.0.1', port: 5051 },
      version: '1.11.0',
      capabilities: [],
      frameworks: [],
      tasks: [],
      ...call,
    };
    const admission = machine.admitAgent(this.state, subscribe);
    if (admission.kind === 'refused') throw new Error(admission.message);
    this.turn((step) => machine.subscribeAgent(step, admission.info, subscribe, stream));
    return admission.info.id?.value ?? '';
  }

  framework(stream: string, info: Partial<FrameworkInfo> = {}): machine.FrameworkEntry {
    const full = { user: 'u', name: 'n', failover_timeout: 100, checkpoint: true, ...info };
    this.turn((step) => machine.subscribeFramework(step, full, [], stream));
    const entry = [...this.state.frameworks.values()].find((f) => f.streamId === stream);
    if (!entry) throw new Error('refused');
    return entry;
  }

  allocate(): void {
    this.turn((step) => machine.runAllocation(step, (items) => items));
  }

  /** What a stream was sent. */
  sent(stream: string): SchedulerEvent[] {
    return this.effects.flatMap((e) =>
      e.kind === 'send' && e.streamId === stream ? [e.event as SchedulerEvent] : [],
    );
  }

  statuses(stream: string): string[] {
    return this.sent(stream).flatMap((e) =>
      e.type === 'UPDATE'
        ? [`${e.update.status.task_id.value} ${e.update.status.state} ${e.update.status.reason}`]
        : [],
    );
  }

  launch(framework: machine.FrameworkEntry, ...tasks: TaskInfo[]): void {
    const offer_ids = [...framework.offers].map((value) => ({ value }));
    const operations = [{ type: 'LAUNCH', launch: { task_infos: tasks } }];
    this.turn((step) =>
      machine.accept(step, framework, { offer_ids, operations, filters: { refuse_seconds: 0 } }),
    );
  }

  update(agentId: string, frameworkId: string, id: string, state: TaskState, uuid: string): void {
    const agent = this.state.agents.get(agentId);
    if (!agent) return;
    this.turn((step) =>
      machine.statusUpdate(step, agent, {
        framework_id: { value: frameworkId },
        status: { task_id: { value: id }, state, uuid, source: 'SOURCE_EXECUTOR' },
        latest_state: state,
      }),
    );
  }
}

export function task(id: string, agentId: string, more: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: { value: agentId },
    resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 } }],
    command: { value: 'true' },
    ...more,
  };
}
