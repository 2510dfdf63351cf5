import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findGroups } from '../../src/agent/launcher/cgroup/index.ts';
import { eventually } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { JsonScheduler } from '../support/json-scheduler.ts';
import type { SchedulerEvent } from '../support/json-scheduler.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { canSeeProcesses } from '../support/processes.ts';
import { root } from '../support/root.ts';

// A program that speaks the executor API as any user's would, between our agent, our master and a scheduler by hand.

const SCALARS = (cpus: number, mem: number, disk = 0) =>
  Object.entries({ cpus, mem, disk })
    .filter(([, value]) => value > 0)
    .map(([name, value]) => ({
      name,
      type: 'SCALAR',
      scalar: { value },
      allocation_info: { role: '*' },
    }));

/** Whether an agent here may use control groups. */
const limits = (() => {
  const groups = findGroups(`rimrock-executors-${process.pid}`, '/');
  if (typeof groups === 'object') groups.close();
  return typeof groups === 'object';
})();

describe.skipIf(!canSeeProcesses)('executors (needs /proc)', () => {
  let site: Site;
  let agent: Running;
  let scheduler: JsonScheduler;

  /** Executors have long to come back: on a machine that is full they need it. */
  const startAgent = () => {
    const settings = {
      ...site.settings(['data', 'agent']),
      'agent.executorReregistrationTimeoutSeconds': '15',
      'agent.enforceDiskQuota': 'true',
      'agent.diskWatchIntervalSeconds': '0.5',
    };
    const given = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    return site.start('agent', { arguments: given });
  };
  const state = async () => (await call('GET', `http://127.0.0.1:${site.ports.agent}/state`)).json;

  beforeAll(async () => {
    site = await Site.make();
    scheduler = new JsonScheduler(`127.0.0.1:${site.ports.master}`);
    await site.start('master', { settings: ['data', 'master', 'auth'] });
    agent = await startAgent();
    await scheduler.subscribe({ failover_timeout: 600, checkpoint: true });
  });
  afterAll(async () => {
    scheduler.close();
    await site.close();
  });

  /** Events before this one are about an agent process that is gone, with its offers. */
  let since = 0;
  const restartAgent = async (meanwhile = () => {}) => {
    await agent.kill9();
    since = scheduler.events.length;
    meanwhile();
    agent = await startAgent();
  };

  /** An offer that has not been used, nor taken back: one that was on its way when its agent was killed is. */
  const used = new Set<string>();
  const rescinded = (id: string) =>
    scheduler.events.some((e) => e.type === 'RESCIND' && e['rescind'].offer_id.value === id);
  const offer = async () => {
    const fresh = (e: SchedulerEvent) =>
      (e['offers'].offers as { id: { value: string }; agent_id: { value: string } }[]).find(
        (o) => !used.has(o.id.value) && !rescinded(o.id.value),
      );
    const event = await scheduler.event('OFFERS', (e) => fresh(e) !== undefined, since);
    const found = fresh(event)!;
    used.add(found.id.value);
    return found;
  };
  const accept = async (operations: (agentId: { value: string }) => unknown[]) => {
    const { id, agent_id } = await offer();
    const filters = { refuse_seconds: 0 };
    const body = { offer_ids: [id], operations: operations(agent_id), filters };
    await scheduler.call('ACCEPT', { accept: body });
    return agent_id;
  };

  const executorInfo = (id: string) => ({
    executor_id: { value: id },
    type: 'CUSTOM',
    name: 'echo',
    source: 'test',
    command: { value: `exec ${process.execPath} ${join(root, 'test/support/echo-executor.mjs')}` },
    resources: SCALARS(0.1, 128, 4),
    shutdown_grace_period: { nanoseconds: 30e9 },
  });
  const task = (id: string, executor: string, agent_id: unknown, extra = {}) => ({
    name: id,
    task_id: { value: id },
    agent_id,
    executor: executorInfo(executor),
    resources: SCALARS(0.1, 32),
    ...extra,
  });
  const pidOf = (taskId: string): number =>
    Number(
      /^pid (\d+)/.exec(
        scheduler.statuses(taskId).find((s) => s['state'] === 'TASK_RUNNING')?.['message'],
      )?.[1],
    );

  it('takes two tasks, echoes, outlives kill -9 of its agent, and its death is told', async () => {
    const finish = { data: Buffer.from('finish').toString('base64') };
    const agent_id = await accept((id) => [
      {
        type: 'LAUNCH',
        launch: { task_infos: [task('e.1', 'echo', id), task('e.once', 'echo', id, finish)] },
      },
    ]);
    await Promise.all([
      scheduler.reached('e.1', 'TASK_RUNNING'),
      scheduler.reached('e.once', 'TASK_FINISHED'),
    ]);
    expect(scheduler.states('e.once')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    const pid = pidOf('e.1');
    expect(pid).toBeGreaterThan(1);
    expect(pidOf('e.once')).toBe(pid);
    const executor_id = { value: 'echo' };
    expect(scheduler.statuses('e.1')[0]).toMatchObject({
      source: 'SOURCE_EXECUTOR',
      agent_id,
      executor_id,
      container_status: { network_infos: [{ ip_addresses: [{ ip_address: '127.0.0.1' }] }] },
    });

    const data = Buffer.from('ping').toString('base64');
    await scheduler.call('MESSAGE', { message: { agent_id, executor_id, data } });
    const message = await scheduler.event('MESSAGE');
    expect(Buffer.from(message['message'].data, 'base64').toString()).toBe('echo:ping');

    const [shown] = (await state()).frameworks[0].executors;
    expect(shown).toMatchObject({
      id: 'echo',
      name: 'echo',
      source: 'test',
      type: 'CUSTOM',
      resources: { cpus: 0.2, mem: 160, disk: 4 },
      tasks: [{ id: 'e.1', executor_id: 'echo', state: 'TASK_RUNNING' }],
      completed_tasks: [{ id: 'e.once' }],
    });
    const sandbox = shown.directory as string;

    await restartAgent();
    await eventually('the agent to have its executor again', async () => {
      const again = (await state()).frameworks[0].executors[0];
      return again.container === shown.container && again.tasks[0].state === 'TASK_RUNNING';
    });
    expect(() => process.kill(pid, 0)).not.toThrow();
    const log = readFileSync(join(sandbox, 'stdout'), 'utf8').split('\n');
    expect(log.filter((line) => line === 'SUBSCRIBED').length).toBe(2);

    // it is the same one that takes the next task
    await accept((id) => [{ type: 'LAUNCH', launch: { task_infos: [task('e.2', 'echo', id)] } }]);
    await scheduler.reached('e.2', 'TASK_RUNNING');
    expect(pidOf('e.2')).toBe(pid);
    await scheduler.call('KILL', { kill: { task_id: { value: 'e.2' }, agent_id } });
    await scheduler.reached('e.2', 'TASK_KILLED');

    process.kill(pid, 'SIGKILL');
    const failure = await scheduler.event('FAILURE', (e) => e['failure'].executor_id !== undefined);
    expect(failure['failure']).toEqual({ agent_id, executor_id, status: 9 });
    await scheduler.reached('e.1', 'TASK_FAILED');
    expect(scheduler.states('e.1')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
    expect(scheduler.statuses('e.1').at(-1)).toMatchObject({
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: 'Executor terminated',
    });
  });

  it('updates that are made while the agent is away are not lost', async () => {
    await accept((id) => [{ type: 'LAUNCH', launch: { task_infos: [task('away.1', 'away', id)] } }]);
    await scheduler.reached('away.1', 'TASK_RUNNING');
    await restartAgent(() => process.kill(pidOf('away.1'), 'SIGUSR2'));
    await scheduler.reached('away.1', 'TASK_FINISHED');
    expect(scheduler.states('away.1')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    const agent_id = scheduler.statuses('away.1')[0]?.['agent_id'];
    await scheduler.call('SHUTDOWN', { shutdown: { executor_id: { value: 'away' }, agent_id } });
    const failure = await scheduler.event('FAILURE', (e) => e['failure'].executor_id?.value === 'away');
    expect(failure['failure'].status).toBe(0);
  });

  it('a container that the agent API has launched inside of an executor outlives kill -9 of the agent', async () => {
    const agent_id = await accept((id) => [
      { type: 'LAUNCH', launch: { task_infos: [task('outer', 'host', id)] } },
    ]);
    await scheduler.reached('outer', 'TASK_RUNNING');
    const parent = scheduler.statuses('outer')[0]?.['container_status'].container_id;
    const container_id = { value: 'inner', parent };
    const ask = (type: string, payload: object = {}) =>
      call('POST', `http://127.0.0.1:${site.ports.agent}/api/v1`, {
        type,
        [type.toLowerCase()]: { container_id, ...payload },
      });
    expect((await ask('LAUNCH_CONTAINER', { command: { value: 'exec sleep 86400' } })).status).toBe(200);
    await restartAgent();
    expect((await ask('LAUNCH_CONTAINER', { command: { value: 'exec sleep 86400' } })).status).toBe(202);
    expect((await ask('KILL_CONTAINER', { signal: 15 })).status).toBe(200);
    expect((await ask('WAIT_CONTAINER')).json.wait_container).toEqual({ exit_status: 15 });
    expect((await ask('REMOVE_CONTAINER')).status).toBe(200);
    await scheduler.call('SHUTDOWN', { shutdown: { executor_id: { value: 'host' }, agent_id } });
    await scheduler.event('FAILURE', (e) => e['failure'].executor_id?.value === 'host');
  });

  const says = async (agent_id: unknown, executor: string, text: string): Promise<void> => {
    const data = Buffer.from(text).toString('base64');
    await scheduler.call('MESSAGE', { message: { agent_id, executor_id: { value: executor }, data } });
  };
  const heard = (text: string): Promise<unknown> =>
    scheduler.event('MESSAGE', (e) => Buffer.from(e['message'].data, 'base64').toString() === `echo:${text}`);

  it.runIf(limits)(
    'has the memory of its tasks, one more after kill -9 of its agent, and not more',
    async () => {
      const larger = (mem: number) => ({ resources: SCALARS(0.1, mem) });
      const launch = (id: string, mem: number) =>
        accept((on) => [{ type: 'LAUNCH', launch: { task_infos: [task(id, 'eater', on, larger(mem))] } }]);
      const agent_id = await launch('eat.1', 32);
      await scheduler.reached('eat.1', 'TASK_RUNNING');
      await restartAgent();
      await launch('eat.2', 512);
      await scheduler.reached('eat.2', 'TASK_RUNNING');
      await says(agent_id, 'eater', 'eat:250');
      await heard('eat:250');
      await says(agent_id, 'eater', 'eat:600');
      await Promise.all(['eat.1', 'eat.2'].map((id) => scheduler.reached(id, 'TASK_FAILED')));
      for (const id of ['eat.1', 'eat.2'])
        expect(scheduler.statuses(id).at(-1)).toMatchObject({
          source: 'SOURCE_AGENT',
          reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
          message: expect.stringMatching(/^Memory limit exceeded: Requested: 672MB/),
          limitation: { resources: [{ name: 'mem', type: 'SCALAR' }] },
        });
    },
  );

  it('that fills the disk is ended with its tasks, and nobody else', async () => {
    const tasks = (id: unknown) => [task('fill.1', 'filler', id), task('fill.2', 'bystander', id)];
    const agent_id = await accept((id) => [{ type: 'LAUNCH', launch: { task_infos: tasks(id) } }]);
    for (const id of ['fill.1', 'fill.2']) await scheduler.reached(id, 'TASK_RUNNING');
    await says(agent_id, 'filler', 'fill:6');
    await scheduler.reached('fill.1', 'TASK_FAILED');
    expect(scheduler.statuses('fill.1').at(-1)).toMatchObject({
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LIMITATION_DISK',
      message: expect.stringMatching(/^Disk usage \(6.*MB\) exceeds quota \(4MB\)$/),
    });
    expect(() => process.kill(pidOf('fill.2'), 0)).not.toThrow();
    expect(scheduler.states('fill.2').at(-1)).toBe('TASK_RUNNING');
    await scheduler.call('SHUTDOWN', { shutdown: { executor_id: { value: 'bystander' }, agent_id } });
    await scheduler.event('FAILURE', (e) => e['failure'].executor_id?.value === 'bystander');
  });

  it('a task group lives and dies together, also over kill -9 of the agent', async () => {
    const executor = { executor_id: { value: 'pod' }, type: 'DEFAULT', resources: SCALARS(0.1, 32, 16) };
    const member = (id: string, agent_id: unknown) => ({
      name: id,
      task_id: { value: id },
      agent_id,
      command: { value: `echo ${id}; exec sleep 86400` },
      resources: SCALARS(0.1, 32),
    });
    const agent_id = await accept((id) => [
      {
        type: 'LAUNCH_GROUP',
        launch_group: { executor, task_group: { tasks: [member('pod.a', id), member('pod.b', id)] } },
      },
    ]);
    await Promise.all(['pod.a', 'pod.b'].map((id) => scheduler.reached(id, 'TASK_RUNNING')));
    const [a] = scheduler.statuses('pod.a');
    expect(a).toMatchObject({ executor_id: { value: 'pod' }, source: 'SOURCE_EXECUTOR' });
    const shown = (await state()).frameworks[0].executors[0];
    expect(shown).toMatchObject({
      id: 'pod',
      type: 'DEFAULT',
      container: a?.['container_status'].container_id.parent.value,
    });
    const ask = async (type: string, payload = {}) =>
      (await call('POST', `http://127.0.0.1:${site.ports.agent}/api/v1`, { type, ...payload })).json;
    const { containers } = (await ask('GET_CONTAINERS', { get_containers: { show_nested: true } }))
      .get_containers as { containers: Record<string, unknown>[] };
    expect(containers.length).toBe(3);
    expect(containers[0]).toMatchObject({
      executor_id: { value: 'pod' },
      container_id: { value: shown.container },
      resource_statistics: { cpus_soft_limit: 0.3 },
    });
    expect(containers[1]).toMatchObject({
      container_status: { container_id: { parent: { value: shown.container } } },
    });
    expect((await ask('GET_CONTAINERS')).get_containers.containers.length).toBe(1);
    const { executors } = (await ask('GET_EXECUTORS')).get_executors;
    expect(executors).toMatchObject([{ executor_info: { executor_id: { value: 'pod' }, type: 'DEFAULT' } }]);
    const path = `/frameworks/${scheduler.frameworkId}/executors/pod/runs/latest/tasks/pod.a/stdout`;
    const read = () => call('GET', `http://127.0.0.1:${site.ports.agent}/files/read?path=${path}&offset=0`);
    await eventually('its output', async () => (await read()).json.data === 'pod.a\n');

    await restartAgent();
    await scheduler.call('KILL', { kill: { task_id: { value: 'pod.a' }, agent_id } });
    await Promise.all(['pod.a', 'pod.b'].map((id) => scheduler.reached(id, 'TASK_KILLED')));
    expect(scheduler.states('pod.b')).toEqual([
      'TASK_STARTING',
      'TASK_RUNNING',
      'TASK_KILLING',
      'TASK_KILLED',
    ]);
    const failure = await scheduler.event('FAILURE', (e) => e['failure'].executor_id?.value === 'pod');
    expect(failure['failure'].status).toBe(0);
  });
});
