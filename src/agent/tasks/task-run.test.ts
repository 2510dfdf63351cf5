import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { CONTAINER_VARIABLE } from '../launcher/launcher.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import type { ProbeContext } from './probe.ts';
import { TaskRun } from './task-run.ts';

describe('the health checks of a task', () => {
  it('belong to its container: what they leave behind ends with it', async () => {
    const clock = new FakeClock();
    const probed: ProbeContext[] = [];
    const context = fakeContext({
      clock,
      launcher: new FakeMachine().launcher(),
      checkpoints: new MemoryCheckpoints(new MemoryDisk()),
      probe: async (_check, probe) => probed.push(probe) > 0,
    });
    const place = { agentId: 'agent-1', frameworkId: 'fw-1', taskId: 't1', containerId: 'c1' };
    const check = { type: 'COMMAND' as const, command: { value: 'true' }, delay_seconds: 1 };
    const task = taskInfo('t1', { health_check: check });
    const run = new TaskRun(context, place, FRAMEWORK, task, () => {});
    await run.start();
    clock.advance(1000);
    await settle();
    expect(probed).toMatchObject([
      { sandbox: run.sandbox, environment: { MESOS_TASK_ID: 't1', [CONTAINER_VARIABLE]: 'c1' } },
    ]);
    await run.release();
  });
});
