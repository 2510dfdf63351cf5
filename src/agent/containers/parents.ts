import { createHash } from 'node:crypto';
import type { CommandInfo, ContainerId, FrameworkInfo } from '../../mesos/index.ts';
import { NESTED_FOLDER } from '../checkpoint/layout.ts';
import type { ContainerView, ExecutorView } from '../executors/executor.ts';
import { userOf } from '../tasks/launch-spec.ts';
import type { SandboxWay } from './sandbox.ts';

/** A container that runs, as one inside of it sees it. */
export interface Parent {
  /** What the launcher knows it by. */
  readonly name: string;
  readonly way: SandboxWay;
  /** Whom it runs as, as its framework wrote it; undefined: the agent's own user. */
  readonly user: string | undefined;
  readonly hasImage: boolean;
  /** Resolves when it is over. */
  readonly ended: Promise<unknown>;
}

/** The container of an executor, or of a task inside of one, that runs under this id. */
export function parentAmong(executors: readonly ExecutorView[], id: ContainerId): Parent | undefined {
  const top = id.parent ?? id;
  if (top.parent !== undefined) return undefined;
  const executor = executors.find(({ place, container }) => container && place.containerId === top.value);
  if (!executor) return undefined;
  const { sandbox, framework, info, isOfCommand, tasks } = executor;
  if (!id.parent) {
    const image = isOfCommand === true ? tasks[0]?.task.container : info.container;
    return parentOf(executor.container, { root: sandbox, steps: [] }, info.command, framework, image?.type);
  }
  const inside = executor.nested.find(({ containerId }) => containerId === id.value);
  const task = tasks.find(({ place }) => place.containerId === id.value)?.task;
  const way = { root: sandbox, steps: [NESTED_FOLDER, id.value] };
  return parentOf(inside, way, task?.command, framework, task?.container?.type);
}

function parentOf(
  container: ContainerView | undefined,
  way: SandboxWay,
  command: CommandInfo | undefined,
  framework: FrameworkInfo,
  type: string | undefined,
): Parent | undefined {
  if (!container?.ended) return undefined;
  const { containerId: name, ended } = container;
  return { name, way, user: userOf(command, framework), hasImage: type === 'DOCKER', ended };
}

/** What the launcher knows a container of the API by: clients choose ids, which are unique only among those with the same parent. */
export function launcherName(id: ContainerId): string {
  return `api-${createHash('sha256')
    .update(JSON.stringify(chainOf(id)))
    .digest('hex')
    .slice(0, 32)}`;
}

/** As Mesos writes it: outermost first, dots between. */
export const idText = (id: ContainerId): string => chainOf(id).join('.');

/** Outermost first. */
export function chainOf(id: ContainerId): string[] {
  return [...(id.parent ? chainOf(id.parent) : []), id.value];
}
