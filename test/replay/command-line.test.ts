import { afterEach, describe, expect, it } from 'vitest';
import { outputs } from '../../src/platform/cli/operate/shapes.ts';
import { closeServers, run, serve } from '../../src/platform/cli/operate/testing/fake-cluster.ts';
import { FakeWorld } from '../../src/platform/testing/fake-world.ts';
import { recordedBody } from '../support/replay-captures.ts';

// The commands for operators in front of what a real Apache Mesos answered.

afterEach(closeServers);

const SITUATION = 'master-running';
const RECORDED = {
  '/slaves': 'GET_slaves',
  '/tasks': 'GET_tasks',
  '/state-summary': 'GET_state-summary',
  '/registrar(1)/registry': 'GET_registrar(1)_registry',
  '/maintenance/schedule': 'GET_maintenance_schedule',
  '/maintenance/status': 'GET_maintenance_status',
  '/version': 'GET_version',
  GET_FRAMEWORKS: 'v1_GET_FRAMEWORKS',
  GET_MASTER: 'v1_GET_MASTER',
  GET_TASKS: 'v1_GET_TASKS',
};

async function mesos(): Promise<string> {
  const answers = Object.entries(RECORDED).map(([what, name]) => [
    what,
    recordedBody(SITUATION, name) as object,
  ]);
  const { url } = await serve(Object.fromEntries(answers) as Record<string, object>);
  return url;
}

/** What a command prints for machines, in the shape that is promised. */
async function shown<C extends 'agents' | 'tasks' | 'frameworks' | 'leader' | 'maintenance'>(
  command: C,
  ...words: string[]
): Promise<ReturnType<(typeof outputs)[C]['parse']>> {
  const { status, out, err } = await run(
    new FakeWorld(),
    command,
    '--json',
    '--master',
    await mesos(),
    ...words,
  );
  expect([status, err]).toEqual([0, '']);
  return outputs[command].parse(JSON.parse(out)) as ReturnType<(typeof outputs)[C]['parse']>;
}

describe('the command line in front of an Apache Mesos', () => {
  it('agents', async () => {
    const { agents } = await shown('agents');
    expect(agents).toMatchObject([
      { host: '127.0.0.1', address: '127.0.0.1:5052', state: 'active', tasks: 4, attributes: { rack: 'r2' } },
      { host: 'agent1.example.com', address: '127.0.0.1:5051', state: 'active', tasks: 6, version: '1.12.0' },
    ]);
    expect(agents[1]).toMatchObject({
      since: '2026-11-22T00:10:15.732Z',
      attributes: { rack: 'r1', zone: 'us-east-1a', level: 3, rng: '[1-5]' },
      total: { cpus: 8, mem: 8192, ports: '[31000-32000]' },
      used: { mem: 288, ports: '[31000-31001, 31005-31005]' },
    });
  });

  it('tasks', async () => {
    const { tasks } = await shown('tasks');
    expect(tasks.map(({ id }) => id)).toEqual([
      'ct:1700000000000:0:batch:',
      'hc.1',
      'hostnet.1',
      'my_app.v2.1',
      'nodisc.1',
      'pod.a',
      'pod.b',
      'px.1',
      'web.instance-1',
      'web.instance-2',
    ]);
    expect(tasks[1]).toMatchObject({ healthy: true, framework: { name: 'marathon' }, state: 'TASK_RUNNING' });
    expect(tasks[9]).toMatchObject({ ports: [31000, 31001], agent: { host: '127.0.0.1' }, healthy: null });
    const { tasks: failed } = await shown('tasks', '--state', 'failed', '--agent', 'agent1');
    expect(failed.map(({ id }) => id)).toEqual(['badcmd.1', 'fail.1', 'sig.1']);
  });

  it('frameworks', async () => {
    const { frameworks } = await shown('frameworks');
    expect(frameworks).toMatchObject([
      { name: 'chronos', state: 'active', tasks: 3, roles: ['*'], principal: null, webUi: null },
      {
        name: 'marathon',
        tasks: 7,
        roles: ['web', 'infra'],
        principal: 'marathon',
        webUi: 'http://127.0.0.1:8080',
      },
    ]);
  });

  it('leader and maintenance', async () => {
    const since = '2026-11-22T00:10:12.448Z';
    expect((await shown('leader')).masters).toMatchObject([{ role: 'leads', version: '1.12.0', since }]);
    expect(await shown('maintenance')).toEqual({ machines: [] });
  });

  it('task show: statuses have their reasons from the operator API', async () => {
    const url = await mesos();
    const { tasks } = recordedBody(SITUATION, 'GET_tasks') as { tasks: { id: string; name: string }[] };
    for (const { id } of tasks) {
      const { status, out } = await run(new FakeWorld(), 'task', 'show', id, '--json', '--master', url);
      expect([id, status]).toEqual([id, 0]);
      const shown = outputs['task show'].parse(JSON.parse(out));
      expect(shown.statuses.map(({ source }) => source)).not.toContain(null);
    }
  });
});
