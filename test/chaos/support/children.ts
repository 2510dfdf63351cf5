import { readFileSync } from 'node:fs';
import { eventually } from '../../support/eventually.ts';
import type { Running } from '../../support/platform.ts';

/** The first process that this one has started and that still runs. */
export function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return child === undefined || child === '' ? undefined : Number(child);
  } catch {
    return undefined; // it has ended
  }
}

/** kill -9 of what was started through a program that stays its parent (strace, nsenter). */
export async function killInner(running: Running): Promise<void> {
  const inner = childOf(running.pid);
  if (inner !== undefined) process.kill(inner, 'SIGKILL');
  await eventually('the inner process to be gone', () => childOf(running.pid) !== inner);
  try {
    process.kill(running.pid, 'SIGTERM'); // strace goes on with the tasks: it lets go of them
  } catch {
    // ended with its child
  }
  await running.gone;
}
