import { describe, expect, it } from 'vitest';
import type { ContainerInfo, TaskInfo, Volume } from '../../mesos/index.ts';
import { executorDesk, lastMessage, launchOf, resources } from '../testing/executor-desk.ts';

function messageOf(more: Partial<TaskInfo>): string | undefined {
  const desk = executorDesk();
  desk.accept(launchOf(desk.task('t', more)));
  expect(desk.framework.tasks.size).toBe(lastMessage(desk) === undefined ? 1 : 0);
  return lastMessage(desk);
}

const variable = (more: object): Partial<TaskInfo> => ({
  command: { value: 'true', environment: { variables: [{ name: 'V', ...more }] } },
});
const secret = (more: object): Partial<TaskInfo> => variable({ type: 'SECRET', secret: more });
const reference = { name: 's' };

describe('the command of a task', () => {
  it.each([
    [variable({ value: 'x' }), undefined],
    [variable({ type: 'UNKNOWN' }), "Environment variable of type 'UNKNOWN' is not allowed"],
    [variable({}), "Environment variable 'V' of type 'VALUE' must have a value set"],
    [
      variable({ value: 'x', secret: {} }),
      "Environment variable 'V' of type 'VALUE' must not have a secret set",
    ],
    [variable({ type: 'SECRET' }), "Environment variable 'V' of type 'SECRET' must have a secret set"],
    [
      variable({ type: 'SECRET', secret: {}, value: 'x' }),
      "Environment variable 'V' of type 'SECRET' must not have a value set",
    ],
    [secret({ type: 'REFERENCE', reference }), undefined],
    [secret({ type: 'VALUE', value: { data: 'aGk=' } }), undefined],
    [
      secret({ type: 'REFERENCE' }),
      "specifies an invalid secret: Secret of type REFERENCE must have the 'reference' field set",
    ],
    [
      secret({ type: 'REFERENCE', reference, value: { data: '' } }),
      "Secret 's' of type REFERENCE must not have the 'value' field set",
    ],
    [secret({ type: 'VALUE' }), "Secret of type VALUE must have the 'value' field set"],
    [
      secret({ type: 'VALUE', value: { data: '' }, reference }),
      "Secret of type VALUE must not have the 'reference' field set",
    ],
    [secret({ type: 'VALUE', value: { data: 'AA==' } }), 'specifies a secret containing null bytes'],
  ])('%j: %s', (more, message) => {
    const said = messageOf(more);
    if (message === undefined) expect(said).toBeUndefined();
    else {
      expect(said).toContain(message);
      expect(said).toMatch(/^Task's `CommandInfo` is invalid: /);
    }
  });
});

const volume = (more: Partial<Volume>): Partial<TaskInfo> => ({
  container: { type: 'MESOS', volumes: [{ container_path: 'c', mode: 'RW', ...more }] },
});
const docker = (more: Partial<ContainerInfo>): Partial<TaskInfo> => ({
  container: { type: 'DOCKER', ...more },
});
const ONE_SOURCE = "Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'";

describe('the container of a task', () => {
  it.each<[Partial<TaskInfo>, string | undefined]>([
    [{ container: { type: 'MESOS' } }, undefined],
    [volume({ host_path: '/h' }), undefined],
    [volume({ image: {} }), undefined],
    [volume({ source: { type: 'HOST_PATH', host_path: { path: '/h' } } }), undefined],
    [volume({}), ONE_SOURCE],
    [volume({ host_path: '/h', image: {} }), ONE_SOURCE],
    [volume({ host_path: '/h', source: { type: 'HOST_PATH', host_path: { path: '/h' } } }), ONE_SOURCE],
    [volume({ source: {} }), "Invalid volume: 'source.type' is unknown"],
    ...['DOCKER_VOLUME', 'HOST_PATH', 'SANDBOX_PATH', 'SECRET', 'CSI_VOLUME'].map(
      (type): [Partial<TaskInfo>, string] => [
        volume({ source: { type } }),
        `Invalid volume: 'source.${type.toLowerCase()}' is not set for ${type} volume`,
      ],
    ),
    [
      volume({ source: { type: 'SECRET', secret: { type: 'VALUE' } } }),
      "Invalid volume: Secret of type VALUE must have the 'value' field set",
    ],
    [docker({}), "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"],
    [docker({ docker: { image: 'i' } }), undefined],
    [docker({ docker: { image: 'i', parameters: [{ key: 'env', value: 'x' }] } }), undefined],
    [
      docker({ docker: { image: 'i', parameters: [{ key: 'name', value: 'x' }] } }),
      "Parameter in DockerInfo must not be 'name'",
    ],
  ])('%j: %s', (more, message) => {
    expect(messageOf(more)).toBe(message && `Task's \`ContainerInfo\` is invalid: ${message}`);
  });
});

const CHECK = 'Task uses invalid check: ';
const HEALTH = 'Task uses invalid health check: ';

describe('checks, limits and times of a task', () => {
  it.each<[Partial<TaskInfo>, string | undefined]>([
    [{ check: { type: 'COMMAND', command: { command: { value: 'true' } } } }, undefined],
    [
      {
        check: { type: 'HTTP', http: { port: 80, path: '/ok' } },
        health_check: { type: 'TCP', tcp: { port: 1 } },
      },
      undefined,
    ],
    [{ check: {} }, `${CHECK}CheckInfo must specify 'type'`],
    [{ check: { type: 'UNKNOWN' } }, `${CHECK}'UNKNOWN' is not a valid check type`],
    [{ check: { type: 'COMMAND' } }, `${CHECK}Expecting 'command' to be set for COMMAND check`],
    [{ check: { type: 'HTTP' } }, `${CHECK}Expecting 'http' to be set for HTTP check`],
    [{ check: { type: 'TCP' } }, `${CHECK}Expecting 'tcp' to be set for TCP check`],
    [
      { check: { type: 'COMMAND', command: { command: {} } } },
      `${CHECK}Command check must contain 'shell command'`,
    ],
    [
      { check: { type: 'COMMAND', command: { command: { shell: false } } } },
      `${CHECK}Command check must contain 'executable path'`,
    ],
    [
      { check: { type: 'COMMAND', command: { command: variable({}).command ?? {} } } },
      `${CHECK}Check's \`CommandInfo\` is invalid: Environment variable 'V' of type 'VALUE' must have a value set`,
    ],
    [
      { check: { type: 'HTTP', http: { port: 1, path: 'x' } } },
      `${CHECK}The path 'x' of HTTP check must start with '/'`,
    ],
    [
      { check: { type: 'TCP', tcp: { port: 1 }, delay_seconds: -1 } },
      `${CHECK}Expecting 'delay_seconds' to be non-negative`,
    ],
    [{ health_check: { http: { port: 1 } } }, undefined],
    [{ health_check: {} }, `${HEALTH}'UNKNOWN' is not a valid health check type`],
    [{ health_check: { type: 'TCP' } }, `${HEALTH}Expecting 'tcp' to be set for TCP health check`],
    [{ health_check: { command: {} } }, `${HEALTH}Command health check must contain 'shell command'`],
    [
      { health_check: { http: { port: 1, scheme: 'ftp' } } },
      `${HEALTH}Unsupported HTTP health check scheme: 'ftp'`,
    ],
    [
      { health_check: { http: { port: 1 }, grace_period_seconds: -1 } },
      `${HEALTH}Expecting 'grace_period_seconds' to be non-negative`,
    ],
    [{ limits: { cpus: { value: 2 } } }, undefined],
    [
      {
        resources: resources('cpus:0.1;mem:32'),
        limits: { mem: { value: 'Infinity' as unknown as number } },
      },
      undefined,
    ],
    [{ limits: { disk: { value: 2 } } }, "Only cpus and mem may be included in a task's resource limits"],
    [{ limits: { cpus: { value: 0.4 } } }, 'The cpu limit must be greater than or equal to the cpu request'],
    [
      { limits: { cpus: { value: 'much' as unknown as number } } },
      'The cpu limit must be greater than or equal to the cpu request',
    ],
    [
      { limits: { mem: { value: 64 } } },
      'When a memory limit is specified, a memory request must also be specified',
    ],
    [
      { resources: resources('mem:64'), limits: { mem: { value: 32 } } },
      'The memory limit must be greater than or equal to the memory request',
    ],
    [
      { resources: resources('mem:64'), limits: { cpus: { value: 32 } } },
      'When a CPU limit is specified, a CPU request must also be specified',
    ],
    [
      { kill_policy: { grace_period: { nanoseconds: 0 } }, max_completion_time: { nanoseconds: 1 } },
      undefined,
    ],
    [
      { kill_policy: { grace_period: { nanoseconds: -1 } } },
      "Task's 'kill_policy.grace_period' must be non-negative",
    ],
    [{ max_completion_time: { nanoseconds: -1 } }, "Task's `max_completion_time` must be non-negative"],
    [
      { container: { type: 'MESOS', linux_info: { share_cgroups: false } } },
      "Only tasks in a task group may have 'share_cgroups' set to 'false'",
    ],
  ])('%j: %s', (more, message) => {
    expect(messageOf(more)).toBe(message);
  });
});

describe('the resources of a task', () => {
  const revocable = { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, revocable: {} } as const;
  const volumeOf = (id: string): object => ({ persistence: { id } });
  const disk = { name: 'disk', type: 'SCALAR', scalar: { value: 1 }, role: 'r' } as const;
  it.each<[Partial<TaskInfo>, string]>([
    [{ resources: [] }, 'Task uses no resources'],
    [
      { resources: [...resources('cpus:1'), revocable] },
      "Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus' at the same time",
    ],
    [
      {
        resources: [
          { ...disk, disk: volumeOf('v') },
          { ...disk, disk: volumeOf('v'), revocable: {} },
        ],
      },
      "Task uses duplicate persistence ID: Persistence ID 'v' is not unique",
    ],
    [
      { resources: [...resources('cpus:1'), { ...disk, allocation_info: { role: 'r' } }] },
      "Invalid task resources: The resources have multiple allocation roles ('*' and 'r') but only one allocation role is allowed",
    ],
    [
      { resources: resources('ports:[1-2];ports:[2-3]') },
      'Task uses invalid resources: some of its ranges or sets overlap',
    ],
  ])('%j: %s', (more, message) => {
    expect(messageOf(more)).toBe(message);
  });

  it('an id of an unreachable task is not used again', () => {
    const desk = executorDesk({ capabilities: [{ type: 'PARTITION_AWARE' }] });
    desk.accept(launchOf(desk.task('t')));
    const entry = desk.framework.tasks.get('t');
    if (entry) desk.framework.unreachableTasks.set('t', entry);
    desk.framework.tasks.delete('t');
    desk.accept(launchOf(desk.task('t')));
    expect(lastMessage(desk)).toBe('Task reuses the ID of an unreachable task: t');
  });
});
