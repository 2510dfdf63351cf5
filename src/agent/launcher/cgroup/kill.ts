import type { Groups } from './groups.ts';

/** How often the kernel is asked whether it holds all of a group; a group that is slow is killed as it goes on. */
const LOOKS = 100;

/**
 * SIGKILL for all processes of a group but `spare`. They are held meanwhile, so that none starts another and none of their
 * pids becomes a stranger's between the look and the signal; an agent that dies here leaves them held until it is back.
 */
export function killGroup(groups: Groups, name: string, spare?: number): void {
  if (groups.pids(name).every((pid) => pid === spare)) return;
  groups.freeze(name, true);
  try {
    for (let look = 0; look < LOOKS && !groups.frozen(name); look++);
    for (const pid of groups.pids(name)) {
      if (pid === spare) continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended in the meantime
      }
    }
  } finally {
    groups.freeze(name, false);
  }
}
