import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { AgentConfig } from '../config.ts';
import { agentErrors } from '../errors.ts';
import { findGroups } from './cgroup/index.ts';
import type { Launcher } from './launcher.ts';
import { createProcessLauncher } from './process/index.ts';

/** What of the configuration says how tasks are contained. */
export type Containment = Pick<AgentConfig, 'isolation' | 'cgroupRoot' | 'maxPids' | 'workDir'>;

/**
 * The launcher for what runs on the machine itself: in control groups where the configuration asks for them, or leaves it
 * open and they can be used. Throws AGENT_ISOLATION where they are asked for and cannot be used.
 */
export function createContainedLauncher(parts: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Containment;
}): Launcher {
  const { clock, log, config } = parts;
  const { isolation, maxPids } = config;
  const groups =
    isolation === 'process' ? 'the configuration says so' : findGroups(config.cgroupRoot, config.workDir);
  if (typeof groups !== 'string') {
    log.info({ isolation: 'cgroup', groups: groups.description }, 'tasks are contained in control groups');
    return createProcessLauncher({ clock, groups, maxPids });
  }
  if (isolation === 'cgroup') throw agentErrors.AGENT_ISOLATION({ problem: groups });
  log.info({ isolation: 'process', why: groups }, 'tasks are processes without limits');
  return createProcessLauncher({ clock });
}
