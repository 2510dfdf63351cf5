import { describe, expect, it } from 'vitest';
import type { ExitStatus } from '../launcher/launcher.ts';
import { FRAMEWORK } from '../testing/task-context.ts';
import { terminalFacts } from './status.ts';

describe('the end of a command', () => {
  const resources = [{ name: 'mem', type: 'SCALAR' as const, scalar: { value: 48 } }];
  const message = 'Memory limit exceeded: Requested: 48MB Maximum Used: 48MB';
  const limitation = { reason: 'REASON_CONTAINER_LIMITATION_MEMORY' as const, message, resources };

  it.each<ExitStatus>([
    { kind: 'signaled', signal: 9, limitation },
    { kind: 'exited', code: 0, limitation },
  ])('at a limit fails and says at which, however it ended', (exit) => {
    expect(terminalFacts(FRAMEWORK, exit, undefined)).toEqual({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message,
      limitation: { resources },
    });
  });

  it('that was asked for stays what it was asked to be', () => {
    const exit: ExitStatus = { kind: 'signaled', signal: 9, limitation };
    expect(terminalFacts(FRAMEWORK, exit, 'kill')).toMatchObject({ state: 'TASK_KILLED' });
  });
});
