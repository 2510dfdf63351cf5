import type Dockerode from 'dockerode';
import { memoryLimitation } from '../cgroup/index.ts';
import type { ExitStatus } from '../launcher.ts';
import { limitOfMemory } from './limits.ts';

/** Highest signal number of Linux; engines report the death by signal n as 128 + n. */
const MAX_SIGNAL = 64;

/** How a container ended that does not run any more; `outOfMemory`: by the kernel, or one of its processes was. */
export function exitOf(
  { State, HostConfig }: Dockerode.ContainerInspectInfo,
  outOfMemory = State.OOMKilled,
): ExitStatus {
  const code = State.ExitCode;
  // what it used is gone with its control group; it cannot have been more, and was hardly less
  const limit = limitOfMemory(HostConfig);
  const limited = outOfMemory && code !== 0 ? { limitation: memoryLimitation(limit, limit ?? 0) } : {};
  if (code > 128 && code <= 128 + MAX_SIGNAL) return { kind: 'signaled', signal: code - 128, ...limited };
  return { kind: 'exited', code, ...limited };
}

/** Shells and engines: the command is not there, or is no program. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/**
 * The status of a container whose command could not be started for its own fault, as a shell would tell it; undefined when it was something
 * else that failed. Engines put it into the state of the container, some only in words.
 */
export function startFault(found: Dockerode.ContainerInspectInfo, said: string): ExitStatus | undefined {
  const { ExitCode } = found.State;
  if (ExitCode === NOT_FOUND || ExitCode === NOT_EXECUTABLE) return { kind: 'exited', code: ExitCode };
  if (/executable file not found|no such file or directory/i.test(said) && /exec/.test(said))
    return { kind: 'exited', code: NOT_FOUND };
  return undefined;
}
