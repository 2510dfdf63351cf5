import { mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { JsonLinesProcess } from '../support/json-lines-process.ts';
import { Site } from '../support/platform.ts';
import { canSeeProcesses } from '../support/processes.ts';
import { root } from '../support/root.ts';

// The npm package mesos-framework 0.5.3: a real Mesos scheduler client, on a master and an agent of ours that run as
// two processes. It parses per HTTP chunk, calls with chunked bodies and no Accept, and sends nulls everywhere.

interface ClientLine {
  readonly event: 'subscribed' | 'heartbeat' | 'update' | 'torn-down' | 'error';
  readonly framework?: string;
  readonly task?: string;
  readonly state?: string;
  readonly uuid?: boolean;
  readonly message?: string;
}

interface Framework {
  readonly id: string;
  readonly name: string;
  readonly tasks: readonly { readonly id: string; readonly state: string; readonly executor_id: string }[];
  readonly executors: readonly unknown[];
  readonly completed_tasks: readonly { readonly id: string; readonly state: string }[];
}

const NAME = 'interop-grüße';

describe('mesos-framework 0.5.3', () => {
  let site: Site;
  let client: JsonLinesProcess<ClientLine>;
  let framework = '';

  beforeAll(async () => {
    site = await Site.make();
    await site.start('master', { settings: ['master', 'data'] });
    await site.start('agent', { settings: ['agent', 'data'] });
    const folder = join(site.data, 'mesos-framework');
    mkdirSync(join(folder, 'logs'), { recursive: true });
    client = new JsonLinesProcess(
      join(root, 'test/interop/clients/mesos-framework.mjs'),
      [String(site.ports.master), NAME, userInfo().username],
      { cwd: folder, mark: site.data },
    );
  });
  afterAll(async () => {
    try {
      await client.kill();
    } finally {
      await site.close();
    }
  });

  const updates = (state: string) => (line: ClientLine) => line.event === 'update' && line.state === state;
  const state = async (): Promise<{ frameworks: Framework[]; completed_frameworks: Framework[] }> =>
    (await call('GET', `http://127.0.0.1:${site.ports.master}/state`)).json;

  it('subscribes and hears the heartbeat', async () => {
    const [line] = await client.heard('subscription', (l) => l.event === 'subscribed');
    framework = line?.framework ?? '';
    await client.heard('heartbeat', (l) => l.event === 'heartbeat');
    expect((await state()).frameworks).toMatchObject([{ id: framework, name: NAME, active: true }]);
  });

  it('launches tasks and sees them run and finish', async () => {
    await client.heard('three running tasks', updates('TASK_RUNNING'), 3);
    const finished = await client.heard('two finished tasks', updates('TASK_FINISHED'), 2);
    expect(new Set(finished.map((l) => l.task)).size).toBe(2);
    for (const line of finished) expect(line.uuid).toBe(true);
    await eventually('the master to count them as completed', async () => {
      const mine = (await state()).frameworks.find((f) => f.id === framework);
      return mine?.completed_tasks.length === 2 && mine.tasks.length === 1;
    });
    // commands have executors only in their statuses
    const mine = (await state()).frameworks.find((f) => f.id === framework);
    expect(mine).toMatchObject({ tasks: [{ executor_id: '' }], executors: [] });
  });

  it('kills one', async () => {
    const done = new Set(client.lines.filter(updates('TASK_FINISHED')).map((l) => l.task));
    const long = client.lines.find((l) => l.event === 'update' && !done.has(l.task))?.task ?? '';
    client.tell(`kill ${long}`);
    const [killed] = await client.heard('killed task', updates('TASK_KILLED'));
    expect(killed?.task).toBe(long);
    await eventually('no task to be left', async () => {
      const mine = (await state()).frameworks.find((f) => f.id === framework);
      return mine?.tasks.length === 0;
    });
    if (canSeeProcesses) {
      await eventually(
        'its process to be gone',
        () => !site.leftovers().some((p) => p.includes('sleep 3600')),
      );
    }
  });

  it('was never told an error, and saw each state once: its acknowledgements arrive', () => {
    expect(client.lines.filter((l) => l.event === 'error')).toEqual([]);
    const seen = client.lines.filter((l) => l.event === 'update').map((l) => `${l.task} ${l.state}`);
    expect(seen).toEqual([...new Set(seen)]);
  });

  it('tears down', async () => {
    client.tell('teardown');
    await client.heard('teardown', (l) => l.event === 'torn-down');
    expect(await client.ended()).toBe(0);
    await eventually('the framework to be completed', async () => {
      const { frameworks, completed_frameworks } = await state();
      return frameworks.length === 0 && completed_frameworks.some((f) => f.id === framework);
    });
  });

  it('sees its task go when the machine is drained, and the next one run when it is back', async () => {
    const master = `http://127.0.0.1:${site.ports.master}`;
    const order = async (type: string, more: object = {}): Promise<void> => {
      const [agent] = (await call('GET', `${master}/slaves`)).json.slaves as { id: string }[];
      const payload = { agent_id: { value: agent?.id }, ...more };
      const { status } = await call('POST', `${master}/api/v1`, { type, [type.toLowerCase()]: payload });
      expect(status).toBe(200);
    };
    const start = (): JsonLinesProcess<ClientLine> =>
      new JsonLinesProcess(
        join(root, 'test/interop/clients/mesos-framework.mjs'),
        [String(site.ports.master), 'drained', userInfo().username],
        { cwd: join(site.data, 'mesos-framework'), mark: site.data },
      );
    const drained = start();
    try {
      await drained.heard('two finished tasks', updates('TASK_FINISHED'), 2);
      await drained.heard('three running tasks', updates('TASK_RUNNING'), 3);
      await order('DRAIN_AGENT', { max_grace_period: { seconds: 1 } });
      await drained.heard('the end of the long task', updates('TASK_KILLED'));
      expect(drained.lines.filter((l) => l.event === 'error')).toEqual([]);
    } finally {
      await drained.kill();
    }
    await order('REACTIVATE_AGENT');
    const back = start();
    try {
      await back.heard('three running tasks', updates('TASK_RUNNING'), 3);
      back.tell('teardown');
      await back.heard('teardown', (l) => l.event === 'torn-down');
    } finally {
      await back.kill();
    }
  });
});
