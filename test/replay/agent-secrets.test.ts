import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAY_ALL } from '../../src/core/access.ts';
import { encodeDocument } from '../../src/mesos/proto/index.ts';
import { MARKER, secretExecutor, secretTask, tellsSecret } from '../support/secret-task.ts';
import { agentConfigSchema } from '../../src/agent/config.ts';
import { Tasks } from '../../src/agent/tasks/tasks.ts';
import { FakeMachine } from '../../src/agent/testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../../src/agent/testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../../src/agent/testing/task-context.ts';
import { answerCall } from '../../src/agent/api/operator.ts';
import { stateDocument } from '../../src/agent/api/state.ts';
import { containersDocument, monitorDocument } from '../../src/agent/api/statistics.ts';
import type { AgentView } from '../../src/agent/api/view.ts';

const READS = [
  'GET_STATE',
  'GET_TASKS',
  'GET_EXECUTORS',
  'GET_FRAMEWORKS',
  'GET_CONTAINERS',
  'GET_AGENT',
  'GET_FLAGS',
  'GET_METRICS',
];

/** Everything that can be read of an agent, in every form. */
async function allReads(tasks: Tasks, context: ReturnType<typeof fakeContext>): Promise<Buffer[]> {
  const view: AgentView = {
    recovered: true,
    registered: true,
    info: { hostname: 'agent.example.test', port: 5051, resources: [] },
    address: { host: '127.0.0.1', port: 5051 },
    config: agentConfigSchema.parse({ hostname: 'agent.example.test' }),
    startedAt: 0,
    master: 'http://127.0.0.1:5050',
    live: tasks.executorViews,
    completed: tasks.completedViews,
    metrics: context.metrics,
    now: () => 0,
  };
  const documents = [stateDocument(view), await containersDocument(view), await monitorDocument(view)];
  const read = documents.map((one) => Buffer.from(JSON.stringify(one)));
  for (const type of READS) {
    const answer = await answerCall(view, { type, get_containers: { show_nested: true } }, MAY_ALL);
    if (answer.status !== 200) throw new Error(`${type}: ${answer.status}`);
    for (const form of ['application/json', 'application/x-protobuf'] as const)
      read.push(Buffer.from(encodeDocument(form, 'agent.Response', answer.body)));
  }
  return read;
}

describe('the values of secrets', () => {
  it('are in no document of the agent, wherever a task or an executor has them, queued, running, ended or remembered', async () => {
    let seen = 0;
    const given = fc.record({
      task: secretTask,
      member: secretTask,
      queued: secretTask,
      executor: secretExecutor,
    });
    await fc.assert(
      fc.asyncProperty(given, async ({ task, member, queued, executor }) => {
        const machine = new FakeMachine();
        const disk = new MemoryDisk();
        const context = fakeContext({
          launcher: machine.launcher(),
          checkpoints: new MemoryCheckpoints(disk),
          send: (_framework, status) => void sent.push(status),
        });
        const sent: { readonly task_id: { readonly value: string }; readonly uuid?: string }[] = [];
        const tasks = new Tasks(context);
        const look = async (): Promise<void> => {
          for (const read of await allReads(tasks, context))
            expect(read.toString('latin1')).not.toContain(MARKER);
          expect((await allReads(tasks, context)).some(tellsSecret)).toBe(false);
        };
        tasks.resume();
        tasks.run('agent-1', FRAMEWORK, taskInfo('t', task));
        const id = (value: string) => ({ executor_id: { value }, framework_id: { value: 'fw-1' } });
        const pod = { type: 'DEFAULT' as const, ...id('pod') };
        const how = { group: true, launch: true };
        tasks.runInExecutor('agent-1', FRAMEWORK, pod, [taskInfo('m', member)], how);
        const custom = { type: 'CUSTOM' as const, ...id('ex'), ...executor };
        const info = { ...taskInfo('q', queued), executor: custom };
        tasks.runInExecutor('agent-1', FRAMEWORK, custom, [info], { group: false, launch: true });
        await settle();
        seen += JSON.stringify([...disk.runs.values()]).includes(Buffer.from(MARKER).toString('base64'))
          ? 1
          : 0;
        await look();
        await tasks.killAll();
        for (let turn = 0; turn < 5; turn++) {
          for (const { task_id, uuid = '' } of sent.splice(0)) tasks.ack('fw-1', task_id.value, uuid);
          await settle();
        }
        expect(tasks.completedViews.length).toBeGreaterThan(0);
        await look();
        // what is kept for after a restart has none either
        expect(tellsSecret(Buffer.from(JSON.stringify([...disk.past.values()])))).toBe(false);
      }),
      { numRuns: 60 },
    );
    expect(seen).toBeGreaterThan(20); // the agent did have some
  });
});
