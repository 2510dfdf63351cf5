import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { ExecutorInfo, TaskInfo, TaskStatus } from '../../mesos/index.ts';
import { CustomExecutor } from '../executors/custom-executor.ts';
import type { ExecutorEvent } from '../executors/events.ts';
import type { Launcher, LaunchSpec } from '../launcher/launcher.ts';
import { Tasks } from '../tasks/tasks.ts';
import { FakeMachine } from './fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from './memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from './task-context.ts';

export const CUSTOM: ExecutorInfo = {
  executor_id: { value: 'ex' },
  type: 'CUSTOM',
  command: { shell: false, value: 'patient', environment: { variables: [{ name: 'EXTRA', value: 'yes' }] } },
  shutdown_grace_period: { nanoseconds: 4e9 },
};

/** The tasks of an agent with executors, on a machine that is a fake; `custom` is the executor `ex` of `fw-1`. */
export function executorAgent() {
  const clock = new FakeClock();
  const machine = new FakeMachine();
  const disk = new MemoryDisk();
  const told = new Map<string, TaskStatus[]>();
  const exits: [string, number][] = [];
  const events: ExecutorEvent[] = [];
  const specs: LaunchSpec[] = [];
  const launcher = machine.launcher();
  const tasks = new Tasks(
    fakeContext({
      clock,
      checkpoints: new MemoryCheckpoints(disk),
      launcher: {
        ...bound(launcher),
        launch: (spec, commit) => {
          specs.push(spec);
          return launcher.launch(spec, commit);
        },
      },
      environment: { PATH: '/bin' },
      send: (_framework, status) =>
        told.set(status.task_id.value, [...(told.get(status.task_id.value) ?? []), status]),
      sendExited: ({ executorId }, status) => exits.push([executorId, status]),
    }),
  );
  tasks.resume();
  const give = (
    executor: ExecutorInfo,
    given: readonly TaskInfo[],
    { group = false, launch = true, framework = FRAMEWORK } = {},
  ): void => tasks.runInExecutor('agent-1', framework, executor, given, { group, launch });
  const custom = (): CustomExecutor => {
    const found = tasks.executors.find('fw-1', 'ex');
    if (!(found instanceof CustomExecutor)) throw new Error('there is no custom executor');
    return found;
  };
  const subscribe = (taskIds: string[] = []): Promise<void> =>
    custom().subscribe({ taskIds, updates: [] }, { send: (e) => void events.push(e), close: () => {} });
  const last = (id: string): TaskStatus | undefined => told.get(id)?.at(-1);
  /** Everything that was told is acknowledged, until nothing more comes. */
  const acknowledge = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      for (const statuses of told.values())
        for (const { task_id, uuid } of statuses) tasks.ack('fw-1', task_id.value, uuid ?? '');
      await settle();
    }
  };
  const says = (id: string, state: TaskStatus['state'], uuid = `${id} ${state}`): Promise<void> =>
    custom().update({ task_id: { value: id }, state, source: 'SOURCE_EXECUTOR', uuid });
  return {
    clock,
    machine,
    disk,
    told,
    exits,
    events,
    specs,
    tasks,
    give,
    custom,
    subscribe,
    last,
    acknowledge,
    says,
  };
}

/** Methods of a class, to be spread. */
function bound(launcher: Launcher): Launcher {
  return {
    launch: launcher.launch.bind(launcher),
    reattach: launcher.reattach.bind(launcher),
    kill: launcher.kill.bind(launcher),
    endForgotten: launcher.endForgotten.bind(launcher),
    usage: launcher.usage.bind(launcher),
    signal: launcher.signal.bind(launcher),
    limit: launcher.limit.bind(launcher),
    exec: launcher.exec.bind(launcher),
    close: launcher.close.bind(launcher),
  };
}

/** A task for `CUSTOM`. */
export const own = (id: string, extra: Partial<TaskInfo> = {}): TaskInfo => {
  const { command: _command, ...rest } = taskInfo(id, extra);
  return { ...rest, executor: CUSTOM };
};
