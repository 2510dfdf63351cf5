import { expect, it } from 'vitest';
import type { ExecutorInfo } from '../../mesos/index.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import { Tasks } from './tasks.ts';

const LARGE = Buffer.alloc(1_000_000).toString('base64');
const EXECUTOR: ExecutorInfo = {
  executor_id: { value: 'e' },
  framework_id: { value: 'fw-1' },
  command: { shell: false, value: 'patient', user: 'nobody', arguments: [LARGE] },
  data: LARGE,
};

it('a master that may not know the tasks of an agent is told what it shows of them, however large the rest is', async () => {
  const launcher = new FakeMachine().launcher();
  const tasks = new Tasks(fakeContext({ launcher, checkpoints: new MemoryCheckpoints(new MemoryDisk()) }));
  const shown = { labels: { labels: [{ key: 'a', value: 'b' }] }, kill_policy: {} };
  const command = { shell: false, value: 'patient', user: 'nobody', arguments: [LARGE] };
  tasks.run('agent-1', FRAMEWORK, taskInfo('t', { ...shown, data: LARGE, command }));
  const { command: _command, ...ofExecutor } = taskInfo('q', { executor: EXECUTOR, data: LARGE });
  tasks.runInExecutor('agent-1', FRAMEWORK, EXECUTOR, [ofExecutor], { group: false, launch: true });
  await settle();

  const report = tasks.report();
  const own = { name: 't', task_id: { value: 't' }, agent_id: { value: 'agent-1' }, resources: [] };
  expect(report.tasks.map(({ task }) => task)).toEqual([
    { ...own, ...shown, command: { user: 'nobody' } },
    {
      ...own,
      name: 'q',
      task_id: { value: 'q' },
      executor: { executor_id: { value: 'e' }, command: { user: 'nobody' } },
    },
  ]);
  // one that launches more for this executor must be able to compare
  expect(report.executors).toEqual([{ framework_id: { value: 'fw-1' }, executor_info: EXECUTOR }]);
  await tasks.release();
});
