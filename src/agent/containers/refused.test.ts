import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import type { ContainerInfo } from '../../mesos/index.ts';
import type { ExecutorView } from '../executors/executor.ts';
import { createLaunchers } from '../launcher/launchers.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK } from '../testing/task-context.ts';
import { ApiContainers } from './containers.ts';
import type { ContainerFiles } from './files.ts';

/** A container of the API in that of an executor, and what was done for it on the disk. */
function inside(ofExecutor: ContainerInfo | undefined) {
  const machine = new FakeMachine();
  const launcher = machine.launcher();
  const context = fakeContext({ launcher, checkpoints: new MemoryCheckpoints(new MemoryDisk()) });
  const launchers = createLaunchers({ process: launcher, docker: launcher });
  const made: string[] = [];
  const files: Partial<ContainerFiles> = { create: async (name) => void made.push(name) };
  const place = { agentId: 'agent-1', frameworkId: 'fw-1', executorId: 'ex', containerId: 'c' };
  const running = { containerId: 'c', pid: 1, resources: [], ended: new Promise(() => {}) };
  const executor: Partial<ExecutorView> = {
    place,
    framework: FRAMEWORK,
    sandbox: '/nowhere',
    info: { executor_id: { value: 'ex' }, ...(ofExecutor && { container: ofExecutor }) },
    container: { ...running, usage: async () => undefined },
    tasks: [],
  };
  const containers = new ApiContainers(
    { ...context, launcher: launchers, log: silentLogger },
    files as ContainerFiles,
    () => [executor as ExecutorView],
  );
  const id = { value: 'n', parent: { value: 'c' } };
  const parent = containers.parent(id.parent);
  const launch = (container?: ContainerInfo): Promise<boolean> => {
    const wish = { id, command: { value: 'true' }, container, resources: [], limits: undefined };
    return containers.launch(wish, parent);
  };
  return { launch, parent, made, machine };
}

const secret = { type: 'VALUE', value: { data: 'eA==' } } as const;
const ENGINE = 'Containers of a Docker engine have no others inside, and are not launched by this call';

describe('a nested container of the agent API', () => {
  it.each<[string, ContainerInfo | undefined, ContainerInfo | undefined, string]>([
    [
      'an image',
      undefined,
      { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'busybox' } } } },
      'None of the enabled containerizers (docker, process) could create a container with an image',
    ],
    ['an image of an engine', undefined, { type: 'DOCKER', docker: { image: 'busybox' } }, ENGINE],
    [
      'a volume of a secret',
      undefined,
      { type: 'MESOS', volumes: [{ container_path: 's', mode: 'RO', source: { type: 'SECRET', secret } }] },
      "Volume 's': containers of this call have no volumes of secrets",
    ],
    ['a parent in an engine', { type: 'DOCKER', docker: { image: 'busybox' } }, undefined, ENGINE],
  ])('cannot have %s', async (_what, ofParent, container, problem) => {
    const { launch, parent, made, machine } = inside(ofParent);
    expect(parent).toBeDefined();
    await expect(launch(container)).rejects.toThrow(problem);
    expect([made, machine.started]).toEqual([[], []]);
  });
});
