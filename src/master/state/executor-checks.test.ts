import { describe, expect, it } from 'vitest';
import type { ExecutorInfo, TaskInfo } from '../../mesos/index.ts';
import {
  customExecutor,
  defaultExecutor,
  executorDesk,
  groupOf,
  lastMessage,
  launchOf,
  resources,
} from '../testing/executor-desk.ts';

const BAD_COMMAND = { command: { environment: { variables: [{ name: 'V' }] } } };
const BAD_CONTAINER = {
  container: { type: 'MESOS', volumes: [{ container_path: 'c', mode: 'RW' }] },
} as const;

describe('the executor of LAUNCH', () => {
  const SHARED = { name: 'disk', type: 'SCALAR', scalar: { value: 1 }, shared: {} } as const;
  it.each<[Partial<ExecutorInfo>, string | undefined]>([
    [{ type: 'CUSTOM' }, undefined],
    // too little of everything is only a bad idea
    [{ resources: [] }, undefined],
    [{ type: 'DEFAULT' }, "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"],
    [{ type: 'DEFAULT', command: undefined as never }, "'ExecutorInfo.type' must be 'CUSTOM'"],
    [
      { type: 'CUSTOM', command: undefined as never },
      "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
    ],
    [{ command: undefined as never }, "'ExecutorInfo.command' must be set"],
    [{ executor_id: { value: 'a/b' } }, "'a/b' contains invalid characters"],
    [{ executor_id: { value: '' } }, 'ID must not be empty'],
    [
      { shutdown_grace_period: { nanoseconds: -1 } },
      "ExecutorInfo's 'shutdown_grace_period' must be non-negative",
    ],
    [
      BAD_COMMAND,
      "Executor's `CommandInfo` is invalid: Environment variable 'V' of type 'VALUE' must have a value set",
    ],
    [
      BAD_CONTAINER,
      "Executor's `ContainerInfo` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'",
    ],
    [
      { framework_id: { value: 'x' } },
      'ExecutorInfo has an invalid FrameworkID (Actual: x vs Expected: M-0000)',
    ],
    [
      { resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: -1 } }] },
      "Executor uses invalid resources: Invalid resource 'cpus': value must not be negative",
    ],
    [
      { resources: [SHARED] },
      'Executor resources disk(allocated: *):1 should not contain any shared resources',
    ],
    [
      { container: { type: 'MESOS', linux_info: { share_cgroups: true } } },
      "The 'share_cgroups' field cannot be set to 'true' on executor containers",
    ],
    [
      { resources: resources('cpus:9') },
      'Total resources cpus(allocated: *):9.5 required by task and its executor is more than available cpus(allocated: *):4; mem(allocated: *):1024; disk(allocated: *):1000; ports(allocated: *):[31000-31010]',
    ],
  ])('%j: %s', (more, message) => {
    const desk = executorDesk();
    desk.accept(launchOf(desk.on(customExecutor('e', more), 't')));
    expect(lastMessage(desk)).toBe(message);
    expect(desk.agent.executors.size).toBe(message === undefined ? 1 : 0);
  });

  it('stands instead of a command, and has no port of its task', () => {
    const desk = executorDesk();
    const executor = customExecutor('e');
    desk.accept(launchOf(desk.on(executor, 't', { command: { value: 'true' } })));
    const either = 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
    expect(lastMessage(desk)).toBe(either);
    const ports = resources('ports:[31000-31001]');
    desk.accept(launchOf(desk.on({ ...executor, resources: ports }, 't', { resources: ports })));
    expect(lastMessage(desk)).toBe(
      'There are overlapping resources in the task resources ports(allocated: *):[31000-31001] and executor resources ports(allocated: *):[31000-31001]',
    );
    desk.accept(launchOf(desk.on(executor, 't1'), desk.on({ ...executor, name: 'n' }, 't2')));
    expect(lastMessage(desk)).toMatch(
      /^ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID\.\n-{60}\nExisting ExecutorInfo:\n/,
    );
  });

  it('launches take no id: their tasks have updates', () => {
    const desk = executorDesk();
    const id = { value: 'op' };
    desk.accept(
      { ...launchOf(desk.task('t')), id },
      { ...groupOf(defaultExecutor('e'), desk.task('g')), id },
    );
    expect(desk.d.statuses('fw')).toEqual([
      't TASK_ERROR REASON_TASK_INVALID',
      'g TASK_ERROR REASON_TASK_GROUP_INVALID',
    ]);
  });
});

describe('a task group', () => {
  const own = { container: { type: 'MESOS', linux_info: { share_cgroups: false } } } as const;
  const INVALID = "Task 't' is invalid: ";
  it.each<[string, Partial<ExecutorInfo>, Partial<TaskInfo>, string | undefined]>([
    ['DEFAULT', {}, {}, undefined],
    ['CUSTOM', { type: 'CUSTOM', command: { value: 'x' } }, {}, undefined],
    ['limits of its own cgroup', {}, { ...own, limits: { cpus: { value: 1 } } }, undefined],
    ['no type', { type: undefined as never }, {}, "'ExecutorInfo.type' must be set"],
    ['unknown type', { type: 'UNKNOWN' }, {}, 'Unknown executor type'],
    [
      'command of DEFAULT',
      { command: {} },
      {},
      "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
    ],
    [
      'Docker around DEFAULT',
      { container: { type: 'DOCKER', docker: { image: 'i' } } },
      {},
      "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
    ],
    [
      'an image for DEFAULT',
      { container: { type: 'MESOS', mesos: { image: {} } } },
      {},
      "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
    ],
    [
      'Docker around CUSTOM',
      { type: 'CUSTOM', command: {}, container: { type: 'DOCKER', docker: { image: 'i' } } },
      {},
      'Docker ContainerInfo is not supported on the executor',
    ],
    [
      'few cpus',
      { resources: resources('cpus:0.001;mem:32;disk:1') },
      {},
      "Executor 'e' uses less CPUs (0.001) than the minimum required (0.01)",
    ],
    [
      'no mem',
      { resources: resources('cpus:0.1;disk:1') },
      {},
      "Executor 'e' uses less memory (None) than the minimum required (32MB)",
    ],
    ['no disk', { resources: resources('cpus:0.1;mem:32') }, {}, "Executor 'e' uses no disk"],
    [
      'another executor',
      {},
      { executor: defaultExecutor('other') },
      "The `ExecutorInfo` of task 't' is different from executor 'e'",
    ],
    ['a bad task', {}, { resources: [] }, `${INVALID}Task uses no resources`],
    [
      'Docker for a task',
      {},
      { container: { type: 'DOCKER', docker: { image: 'i' } } },
      `${INVALID}Docker ContainerInfo is not supported on the task`,
    ],
    [
      'a check over its own network',
      {},
      { container: { type: 'MESOS', network_infos: [{}] }, health_check: { tcp: { port: 1 }, type: 'TCP' } },
      `${INVALID}HTTP and TCP health checks are not supported for nested containers not joining parent's network`,
    ],
    [
      'limits of a shared cgroup',
      {},
      { limits: { cpus: { value: 1 } } },
      `${INVALID}Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.`,
    ],
    [
      'too much',
      { resources: resources('cpus:3;mem:32;disk:1') },
      { resources: resources('cpus:2') },
      'Total resources cpus(allocated: *):5; mem(allocated: *):32; disk(allocated: *):1 required by task group and its executor are more than available cpus(allocated: *):4; mem(allocated: *):1024; disk(allocated: *):1000; ports(allocated: *):[31000-31010]',
    ],
    [
      'a port twice',
      { resources: resources('cpus:1;mem:32;disk:1;ports:[31000-31000]') },
      { resources: resources('ports:[31000-31001]') },
      "There are overlapping resources in the task group's task resources { ports(allocated: *):[31000-31001] } and/or executor resources cpus(allocated: *):1; mem(allocated: *):32; disk(allocated: *):1; ports(allocated: *):[31000-31000]",
    ],
    [
      'shared cgroups of the executor',
      { container: { type: 'MESOS', linux_info: { share_cgroups: true } } },
      {},
      "The 'share_cgroups' field cannot be set to 'true' on executor containers",
    ],
  ])('%s', (_name, executor, more, message) => {
    const desk = executorDesk();
    desk.accept(groupOf(defaultExecutor('e', executor), desk.task('t', more)));
    expect(lastMessage(desk)).toBe(message);
    expect(desk.framework.tasks.size).toBe(message === undefined ? 1 : 0);
  });

  it('has every id once, and one kind of cgroups under one executor', () => {
    const desk = executorDesk();
    const executor = defaultExecutor('e');
    desk.accept(groupOf(executor, desk.task('t'), desk.task('t')));
    expect(lastMessage(desk)).toBe(`${INVALID}Task has duplicate ID: t`);
    const same =
      "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor";
    desk.accept(groupOf(executor, desk.task('a'), desk.task('b', own)));
    expect(lastMessage(desk)).toBe(same);
    desk.accept(groupOf(executor, desk.task('a')));
    desk.accept(groupOf(executor, desk.task('b', own)));
    expect(desk.d.statuses('fw').at(-1)).toBe('b TASK_ERROR REASON_TASK_GROUP_INVALID');
    expect([...desk.framework.tasks.keys()]).toEqual(['a']);
  });
});
