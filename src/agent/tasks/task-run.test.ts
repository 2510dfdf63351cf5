import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import type { ProbeContext } from './probe.ts';
import { ownHome } from './task-home.ts';
import { TaskRun } from './task-run.ts';

describe('the health checks of a task', () => {
  it('belong to its container: they run beside it, so what they leave behind ends with it', async () => {
    const clock = new FakeClock();
    const probed: ProbeContext[] = [];
    const context = fakeContext({
      clock,
      launcher: new FakeMachine().launcher(),
      checkpoints: new MemoryCheckpoints(new MemoryDisk()),
      probe: async (_check, probe) => {
        probed.push(probe);
        return { command: { exit_code: 0 } };
      },
    });
    const place = {
      agentId: 'agent-1',
      frameworkId: 'fw-1',
      executorId: 't1',
      taskId: 't1',
      containerId: 'c1',
    };
    const check = { type: 'COMMAND' as const, command: { value: 'true' }, delay_seconds: 1 };
    const task = taskInfo('t1', { health_check: check });
    const home = ownHome(context.checkpoints, place, { framework: FRAMEWORK, task, at: 0 });
    const run = new TaskRun(context, place, home, FRAMEWORK, task, () => {});
    await run.start();
    clock.advance(1000);
    await settle();
    expect(probed).toMatchObject([{ sandbox: run.sandbox, environment: { MESOS_TASK_ID: 't1' } }]);
    expect(
      await probed[0]?.exec(
        { argv: ['exit', '7'], environment: {}, sandbox: '/' },
        AbortSignal.timeout(60_000),
      ),
    ).toBe(7);
    await run.release();
  });
});
