import type { ContainerInfo } from '../../mesos/index.ts';
import type { Handle, Launcher, LaunchCheckpoint } from './launcher.ts';

/** All launchers of an agent as one, which knows what none of them can run. */
export interface Launchers extends Launcher {
  /** Why no launcher here can create such a container, in words for the framework; undefined when one can. */
  cannotRun(container: ContainerInfo | undefined): string | undefined;
}

/** What is known by the name that checkpoints carry. */
type Name = NonNullable<LaunchCheckpoint['launcher']>;

/**
 * Gives each container to the launcher for its kind: DOCKER containers to `docker`, everything else to `process`. What was launched
 * before is found again by the name in its checkpoint; where that launcher is not there any more, the container is `gone` for us.
 */
export function createLaunchers(parts: {
  readonly process: Launcher;
  readonly docker?: Launcher | undefined;
}): Launchers {
  const all = [parts.process, ...(parts.docker ? [parts.docker] : [])];
  const of = (handle: Handle): Launcher => parts[nameOf(handle.checkpoint)] ?? parts.process;
  return {
    cannotRun(container) {
      const image = container?.mesos?.image !== undefined;
      if (!image && (container?.type !== 'DOCKER' || parts.docker)) return undefined;
      const enabled = parts.docker ? 'docker, process' : 'process';
      return `None of the enabled containerizers (${enabled}) could create a container with an image`;
    },
    launch: (spec, commit) =>
      (spec.container?.type === 'DOCKER' ? (parts.docker ?? parts.process) : parts.process).launch(
        spec,
        commit,
      ),
    reattach: async (checkpoint) => parts[nameOf(checkpoint)]?.reattach(checkpoint) ?? 'gone',
    kill: (handle, graceMs) => of(handle).kill(handle, graceMs),
    signal: (handle, signal) => of(handle).signal(handle, signal),
    limit: (handle, quantities) => of(handle).limit(handle, quantities),
    endForgotten: async (root, known) =>
      (await Promise.all(all.map((launcher) => launcher.endForgotten(root, known)))).flat(),
    usage: (handle) => of(handle).usage(handle),
    exec: (handle, command, signal) => of(handle).exec(handle, command, signal),
    close: () => {
      for (const launcher of all) launcher.close();
    },
  };
}

function nameOf(checkpoint: LaunchCheckpoint): Name {
  return checkpoint.launcher ?? 'process';
}
