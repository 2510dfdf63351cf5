import { afterEach, describe, expect, it } from 'vitest';
import { FakeWorld } from '../../testing/fake-world.ts';
import { agent, CLUSTER, closeServers, FRAMEWORK, run, serve } from './testing/fake-cluster.ts';

afterEach(closeServers);

/** A cluster whose agent has these files, and says this of the executors of the framework. */
async function clusterWith(
  files: Readonly<Record<string, string>>,
  framework: object,
  more: Parameters<typeof serve>[0] = {},
): Promise<string> {
  const here = await serve({
    '/state': {
      frameworks: [{ id: 'another', executors: [] }],
      completed_frameworks: [{ id: FRAMEWORK, ...framework }],
    },
    LIST_FILES: (body) => (body.includes('/tasks/web.1') && '/run/tasks/web.1/stdout' in files ? {} : 404),
    READ_FILE: (body) => {
      const { read_file: asked } = JSON.parse(body) as {
        read_file: { path: string; offset: number; length: number };
      };
      const text = files[asked.path];
      if (text === undefined) return 404;
      const bytes = Buffer.from(text).subarray(asked.offset, asked.offset + asked.length);
      return { read_file: { size: Buffer.byteLength(text), data: bytes.toString('base64') } };
    },
    ...more,
  });
  const pid = `slave(1)@${new URL(here.url).host}`;
  return (await serve({ ...CLUSTER, '/slaves': { slaves: [agent({ pid })] } })).url;
}

const ofTask = { directory: '/run', tasks: [{ id: 'web.1' }] };

describe('the logs of a task', () => {
  it('are in the sandbox of its executor, wherever the agent lists it', async () => {
    const files = { '/run/stdout': 'a\nb\nc\n', '/run/stderr': 'oh\n', '/run/access.log': 'x' };
    const url = await clusterWith(files, { completed_executors: [{ directory: '/old', tasks: [] }, ofTask] });
    const logs = async (...words: string[]): Promise<unknown> =>
      run(new FakeWorld(), 'logs', 'web.1', '--master', url, ...words);
    expect(await logs()).toEqual({ status: 0, out: 'a\nb\nc\n', err: '' });
    expect(await logs('--tail', '2')).toMatchObject({ out: 'b\nc\n' });
    expect(await logs('--stderr')).toMatchObject({ out: 'oh\n' });
    expect(await logs('--file', 'access.log')).toMatchObject({ out: 'x' });
    expect(await logs('--file', 'nothing')).toMatchObject({
      status: 1,
      err: expect.stringContaining('task web.1 has no file nothing at the moment'),
    });
  });

  it('of a group are its own where it has a container of its own', async () => {
    const executors = [{ ...ofTask, type: 'DEFAULT' }];
    const own = await clusterWith(
      { '/run/stdout': 'group\n', '/run/tasks/web.1/stdout': 'own\n' },
      { executors },
    );
    expect(await run(new FakeWorld(), 'logs', 'web.1', '--master', own)).toMatchObject({ out: 'own\n' });
    const shared = await clusterWith({ '/run/stdout': 'group\n' }, { executors });
    expect(await run(new FakeWorld(), 'logs', 'web.1', '--master', shared)).toMatchObject({ out: 'group\n' });
  });

  it('are for those whom the policy lets see them', async () => {
    const url = await clusterWith({}, { executors: [ofTask] }, { READ_FILE: 403 });
    const { status, out, err } = await run(new FakeWorld(), 'logs', 'web.1', '-f', '--master', url);
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(
      /does not allow access_sandboxes\n.*rimrock policy explain user:NAME access_sandboxes/,
    );
  });

  it('of a task that is over end at once, with how it ended, when they are followed', async () => {
    const failed = {
      state: 'TASK_FAILED',
      timestamp: 3,
      reason: 'REASON_COMMAND_EXECUTOR_FAILED',
      message: 'exit 3',
    };
    const task = {
      task_id: { value: 'old.1' },
      framework_id: { value: FRAMEWORK },
      state: 'TASK_FAILED',
      statuses: [failed],
    };
    const url = await clusterWith(
      { '/run/stdout': 'last words\n' },
      { completed_executors: [{ directory: '/run', completed_tasks: [{ id: 'old.1' }] }] },
      { GET_TASKS: { get_tasks: { completed_tasks: [task] } } },
    );
    expect(await run(new FakeWorld(), 'logs', 'old', '-f', '--master', url)).toEqual({
      status: 0,
      out: 'last words\n',
      err: 'old.1 has ended: TASK_FAILED (exit 3, REASON_COMMAND_EXECUTOR_FAILED)\n',
    });
  });
});
