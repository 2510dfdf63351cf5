import { systemSockets } from '../core/http/sockets.ts';
import type { Sockets } from '../core/http/sockets.ts';
import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { Resource } from '../mesos/index.ts';
import { openFileCheckpoints } from './checkpoint/file-checkpoints.ts';
import { Layout } from './checkpoint/layout.ts';
import type { Checkpoints } from './checkpoint/records.ts';
import type { AgentConfig } from './config.ts';
import { createContainerFiles } from './containers/files.ts';
import type { ContainerFiles } from './containers/files.ts';
import { diskUsage } from './disk/measure.ts';
import { oldSandboxes } from './gc/sandbox-gc.ts';
import { agentResources } from './host/detect.ts';
import { createDockerLauncher } from './launcher/docker/index.ts';
import type { DockerLauncherParts } from './launcher/docker/index.ts';
import type { Launcher } from './launcher/launcher.ts';
import { createProcessTable } from './launcher/process/index.ts';
import { createContainedLauncher } from './launcher/contained.ts';
import type { Containment } from './launcher/contained.ts';
import { createLaunchers } from './launcher/launchers.ts';
import type { Launchers } from './launcher/launchers.ts';

/** What an agent uses of the machine that it runs on: disk, processes and sockets. */
export interface Machine {
  readonly sockets: Sockets;
  openCheckpoints(workDir: string, log: Logger): Promise<Checkpoints>;
  /** What it offers: `text` where that speaks, and for the rest what is found. */
  resources(text: string, workDir: string): Promise<readonly Resource[]>;
  /** Changes at every boot; absent or empty: nobody knows. */
  bootId?(): string;
  /** For what runs on the machine itself; throws where it cannot be contained as the configuration says. */
  createLauncher(parts: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly config: Containment;
  }): Launcher;
  /** For what has an image of Docker; absent: nothing here has. */
  createDockerLauncher?(parts: DockerLauncherParts): Launcher;
  /** Absent: clients of the API launch no containers here. */
  createContainerFiles?(workDir: string, log: Logger): ContainerFiles;
  readonly oldSandboxes: typeof oldSandboxes;
  /** Absent: nobody knows how much of the disk a sandbox takes. */
  readonly diskUsage?: typeof diskUsage;
}

/** All launchers of an agent on this machine. */
export function launchersOf(
  machine: Pick<Machine, 'createLauncher' | 'createDockerLauncher'>,
  parts: { readonly clock: Clock; readonly log: Logger; readonly config: AgentConfig },
): Launchers {
  const { clock, log, config } = parts;
  const root = new Layout(config.workDir).metaAgents;
  return createLaunchers({
    process: machine.createLauncher({ clock, log, config }),
    docker: config.docker.enabled
      ? machine.createDockerLauncher?.({ clock, log, config: config.docker, root })
      : undefined,
  });
}

export const realMachine: Machine = {
  sockets: systemSockets,
  openCheckpoints: openFileCheckpoints,
  resources: agentResources,
  bootId: () => createProcessTable(systemClock).bootId(),
  createLauncher: createContainedLauncher,
  createDockerLauncher,
  createContainerFiles,
  oldSandboxes,
  diskUsage,
};
