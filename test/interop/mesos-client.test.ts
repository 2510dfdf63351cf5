import { mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JsonScheduler } from '../support/json-scheduler.ts';
import { JsonLinesProcess } from '../support/json-lines-process.ts';
import { Site } from '../support/platform.ts';
import { root } from '../support/root.ts';

// The npm package @dcos/mesos-client 1.0.0: reads the state and follows the operator API's event stream, as the DC/OS
// console did. What happens in the cluster meanwhile is done by another real client.

interface ClientLine {
  readonly event: 'state' | 'record' | 'end' | 'error';
  readonly answer?: { readonly type: string; readonly get_state: Readonly<Record<string, unknown>> };
  readonly record?: { readonly type: string } & Readonly<Record<string, Record<string, unknown>>>;
}

describe('@dcos/mesos-client 1.0.0', () => {
  let site: Site;
  let client: JsonLinesProcess<ClientLine>;

  beforeAll(async () => {
    site = await Site.make();
    await site.start('master', { settings: ['master', 'data'] });
    client = new JsonLinesProcess(
      join(root, 'test/interop/clients/mesos-client.mjs'),
      [String(site.ports.master)],
      { cwd: site.data, mark: site.data },
    );
  });
  afterAll(async () => {
    try {
      await client.kill();
    } finally {
      await site.close();
    }
  });

  const record = (type: string) => (line: ClientLine) => line.record?.type === type;

  it('reads the state', async () => {
    const [line] = await client.heard('state', (l) => l.event === 'state');
    expect(line?.answer?.type).toBe('GET_STATE');
    for (const key of ['get_tasks', 'get_executors', 'get_frameworks', 'get_agents']) {
      expect(Object.keys(line?.answer?.get_state ?? {})).toContain(key);
    }
  });

  it('hears SUBSCRIBED first, with the whole state, then the heartbeat', async () => {
    await client.heard('heartbeat', record('HEARTBEAT'));
    const records = client.lines.filter((l) => l.event === 'record').map((l) => l.record?.type);
    expect(records.slice(0, 2)).toEqual(['SUBSCRIBED', 'HEARTBEAT']);
    const subscribed = client.lines.find(record('SUBSCRIBED'))?.record?.['subscribed'];
    expect(subscribed).toMatchObject({ get_state: {}, heartbeat_interval_seconds: 15 });
  });

  it('hears of an agent that joins', async () => {
    await site.start('agent', { settings: ['agent', 'data'] });
    await client.heard('new agent', record('AGENT_ADDED'));
  });

  it('hears of a framework and its tasks, in order', async () => {
    const folder = join(site.data, 'mesos-framework');
    mkdirSync(join(folder, 'logs'), { recursive: true });
    const framework = new JsonLinesProcess(
      join(root, 'test/interop/clients/mesos-framework.mjs'),
      [String(site.ports.master), 'interop-ναι', userInfo().username],
      { cwd: folder, mark: site.data },
    );
    try {
      await client.heard('framework', record('FRAMEWORK_ADDED'));
      await client.heard('three tasks', record('TASK_ADDED'), 3);
      const state = (l: ClientLine): unknown => l.record?.['task_updated']?.['state'];
      await client.heard('three running tasks', (l) => state(l) === 'TASK_RUNNING', 3);
      await client.heard('two finished tasks', (l) => state(l) === 'TASK_FINISHED', 2);
      framework.tell('teardown');
      await client.heard('end of the framework', record('FRAMEWORK_REMOVED'));
    } finally {
      await framework.kill();
    }
    const added = client.lines.find(record('FRAMEWORK_ADDED'))?.record?.['framework_added'];
    expect(added).toMatchObject({ framework: { framework_info: { name: 'interop-ναι' } } });
    const types = client.lines.map((l) => l.record?.type);
    const order = [
      'SUBSCRIBED',
      'AGENT_ADDED',
      'FRAMEWORK_ADDED',
      'TASK_ADDED',
      'TASK_UPDATED',
      'FRAMEWORK_REMOVED',
    ];
    const first = order.map((type) => types.indexOf(type));
    expect(first).toEqual([...first].sort((a, b) => a - b));
    expect(client.lines.filter((l) => l.event === 'error' || l.event === 'end')).toEqual([]);
  });

  it('hears of a task group and sees its executor, until both are over', async () => {
    const size = (values: Readonly<Record<string, number>>): unknown[] =>
      Object.entries(values).map(([name, value]) => ({ name, type: 'SCALAR', scalar: { value } }));
    const scheduler = new JsonScheduler(`127.0.0.1:${site.ports.master}`);
    await scheduler.subscribe({ name: 'groups' });
    const [offer] = (await scheduler.event('OFFERS'))['offers'].offers;
    const executor_id = { value: 'pod' };
    const task = (id: string): unknown => ({
      name: id,
      task_id: { value: id },
      agent_id: offer.agent_id,
      command: { value: 'sleep 86400' },
      resources: size({ cpus: 0.1, mem: 32 }),
    });
    const executor = { type: 'DEFAULT', executor_id, resources: size({ cpus: 0.1, mem: 32, disk: 16 }) };
    const task_group = { tasks: [task('pod.a'), task('pod.b')] };
    const operations = [{ type: 'LAUNCH_GROUP', launch_group: { executor, task_group } }];
    await scheduler.call('ACCEPT', { accept: { offer_ids: [offer.id], operations } });
    try {
      const ofPod = (l: ClientLine): boolean => {
        const added = l.record?.['task_added']?.['task'] as { executor_id?: { value: string } } | undefined;
        return added?.executor_id?.value === 'pod';
      };
      await client.heard('both tasks of the group', ofPod, 2);
      await Promise.all(['pod.a', 'pod.b'].map((id) => scheduler.reached(id, 'TASK_RUNNING')));
      expect(await executors()).toMatchObject([
        {
          executor_info: { ...executor, framework_id: { value: scheduler.frameworkId } },
          agent_id: offer.agent_id,
        },
      ]);
      await scheduler.call('KILL', { kill: { task_id: { value: 'pod.a' } } });
      await Promise.all(['pod.a', 'pod.b'].map((id) => scheduler.reached(id, 'TASK_KILLED')));
      const failure = await scheduler.event('FAILURE');
      expect(failure['failure']).toEqual({ agent_id: offer.agent_id, executor_id, status: 0 });
      expect(await executors()).toEqual([]);
    } finally {
      await scheduler.call('TEARDOWN');
      scheduler.close();
    }
    expect(client.lines.filter((l) => l.event === 'error' || l.event === 'end')).toEqual([]);
  });

  /** What a client that comes now is shown. */
  async function executors(): Promise<unknown> {
    const second = new JsonLinesProcess<ClientLine>(
      join(root, 'test/interop/clients/mesos-client.mjs'),
      [String(site.ports.master)],
      { cwd: site.data, mark: site.data },
    );
    try {
      const [line] = await second.heard('state', (l) => l.event === 'state');
      const shown = line?.answer?.get_state['get_executors'] as { executors: unknown } | undefined;
      return shown?.executors;
    } finally {
      await second.kill();
    }
  }
});
