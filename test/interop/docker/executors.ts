import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askEngine } from '../../support/dockerd.ts';
import type { TestEngine } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { JsonScheduler } from '../../support/json-scheduler.ts';
import type { SchedulerEvent } from '../../support/json-scheduler.ts';
import { NetworkNamespace } from '../../support/network-namespace.ts';
import { Site } from '../../support/platform.ts';
import type { Running } from '../../support/platform.ts';
import { root } from '../../support/root.ts';

/** The image has nothing but busybox: what runs the executor is the machine's. */
const VOLUMES = ['/lib', '/lib64', '/usr/lib', dirname(dirname(process.execPath)), join(root, 'test/support')]
  .filter((path) => existsSync(path))
  .map((path) => ({ container_path: path, host_path: path, mode: 'RO' }));

const SCALARS = (cpus: number, mem: number) =>
  Object.entries({ cpus, mem }).map(([name, value]) => ({
    name,
    type: 'SCALAR',
    scalar: { value },
    allocation_info: { role: '*' },
  }));

const MB = 2 ** 20;
const LONG = { timeoutMs: 30_000 };

/** Executors of a framework in containers of the engine, between our agent, our master and a scheduler by hand. */
export function dockerExecutors(engine: () => TestEngine): void {
  describe('an executor in a container', () => {
    let network: NetworkNamespace;
    let site: Site;
    let agent: Running;
    let scheduler: JsonScheduler;
    /** Events before this one are about an agent process that is gone, with its offers. */
    let since = 0;
    const used = new Set<string>();

    const startAgent = (): Promise<Running> => {
      const settings = {
        ...site.settings(['data', 'agent']),
        'agent.docker.socket': engine().socket,
        'agent.executorReregistrationTimeoutSeconds': '15',
      };
      const given = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
      return site.start('agent', { arguments: given });
    };
    beforeAll(async () => {
      network = new NetworkNamespace(engine().namespace);
      network.enter();
      site = await Site.make();
      scheduler = new JsonScheduler(`127.0.0.1:${site.ports.master}`);
      await site.start('master', { settings: ['data', 'master', 'auth'] });
      agent = await startAgent();
      await scheduler.subscribe({ failover_timeout: 600, checkpoint: true });
    });
    afterAll(async () => {
      scheduler.close();
      await site.close().finally(() => network.leave());
      for (const { Id } of await containers()) await ask('DELETE', `/containers/${Id}?force=1&v=1`);
    });

    const ask = (method: string, path: string, body?: object): Promise<string> =>
      askEngine(engine().socket, method, path, body && JSON.stringify(body));
    const containers = async (): Promise<{ Id: string }[]> =>
      (
        JSON.parse(await ask('GET', '/containers/json?all=1')) as {
          Id: string;
          Labels: Record<string, string>;
        }[]
      ).filter((c) => c.Labels['rimrock.runtime-dir']?.startsWith(site.data));
    /** What the engine says of the container of these tasks. */
    const limits = async (
      taskId: string,
    ): Promise<{ id: string; mem: number; swap: number; cpus: number }> => {
      const name = `mesos-${containerOf(taskId)}`;
      const { Id, HostConfig } = JSON.parse(await ask('GET', `/containers/${name}/json`)) as {
        Id: string;
        HostConfig: { Memory: number; MemorySwap: number; CpuShares: number };
      };
      const { Memory, MemorySwap, CpuShares } = HostConfig;
      const cpus = Math.round((CpuShares / 1024) * 10) / 10;
      return { id: Id, mem: Memory / MB, swap: MemorySwap / MB, cpus };
    };
    const containerOf = (taskId: string): string =>
      scheduler.statuses(taskId)[0]?.['container_status'].container_id.value as string;

    /** Launch one more task of an executor; resolves with its agent once it runs. */
    const launch = async (id: string, executor: string, mem: number): Promise<{ value: string }> => {
      const fresh = (e: SchedulerEvent) =>
        (e['offers'].offers as { id: { value: string }; agent_id: { value: string } }[]).find(
          (o) => !used.has(o.id.value),
        );
      const offered = fresh(await scheduler.event('OFFERS', (e) => fresh(e) !== undefined, since));
      if (!offered) throw new Error('no offer');
      used.add(offered.id.value);
      const { agent_id } = offered;
      const script = join(root, 'test/support/echo-executor.mjs');
      const task = {
        name: id,
        task_id: { value: id },
        agent_id,
        resources: SCALARS(0.1, mem),
        executor: {
          executor_id: { value: executor },
          type: 'CUSTOM',
          command: { value: `exec ${process.execPath} ${script}` },
          container: { type: 'DOCKER', docker: { image: 'busybox', network: 'HOST' }, volumes: VOLUMES },
          resources: SCALARS(0.1, 128),
          shutdown_grace_period: { nanoseconds: 30e9 },
        },
      };
      const operations = [{ type: 'LAUNCH', launch: { task_infos: [task] } }];
      const filters = { refuse_seconds: 0 };
      await scheduler.call('ACCEPT', { accept: { offer_ids: [offered.id], operations, filters } });
      await scheduler.reached(id, 'TASK_RUNNING');
      return agent_id;
    };
    const tell = async (agent_id: { value: string }, executor: string, text: string): Promise<void> => {
      const data = Buffer.from(text).toString('base64');
      await scheduler.call('MESSAGE', { message: { agent_id, executor_id: { value: executor }, data } });
    };
    const heard = (text: string): Promise<unknown> =>
      scheduler.event(
        'MESSAGE',
        (e) => Buffer.from(e['message'].data, 'base64').toString() === `echo:${text}`,
      );

    it('has what its tasks have, before they run, over kill -9 of its agent, and not more', async () => {
      const agent_id = await launch('d.1', 'eater', 32);
      const first = await limits('d.1');
      expect(first).toMatchObject({ mem: 160, swap: 160, cpus: 0.2 });
      await launch('d.2', 'eater', 512);
      expect(await limits('d.1')).toEqual({ id: first.id, mem: 672, swap: 672, cpus: 0.3 });
      await tell(agent_id, 'eater', 'eat:250');
      await heard('eat:250');

      await agent.kill9();
      since = scheduler.events.length;
      // what it is not held to any more, it is held to again
      await ask('POST', `/containers/${first.id}/update`, { Memory: 900 * MB, MemorySwap: 900 * MB });
      agent = await startAgent();
      expect(await limits('d.1')).toEqual({ id: first.id, mem: 672, swap: 672, cpus: 0.3 });
      await launch('d.3', 'eater', 64);
      expect(await limits('d.1')).toEqual({ id: first.id, mem: 736, swap: 736, cpus: 0.4 });

      // it uses more than is left without that one: all else follows at once, and it lives
      await scheduler.call('KILL', { kill: { task_id: { value: 'd.2' }, agent_id } });
      await scheduler.reached('d.2', 'TASK_KILLED');
      await eventually('the share', async () => (await limits('d.1')).cpus === 0.3, LONG);
      expect(await limits('d.1')).toMatchObject({ mem: 736 });
      await tell(agent_id, 'eater', 'alive');
      await heard('alive');

      await tell(agent_id, 'eater', 'eat:600');
      await Promise.all(['d.1', 'd.3'].map((id) => scheduler.reached(id, 'TASK_FAILED')));
      for (const id of ['d.1', 'd.3'])
        expect(scheduler.statuses(id).at(-1)).toMatchObject({
          source: 'SOURCE_AGENT',
          reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
          message: expect.stringMatching(/^Memory limit exceeded: Requested: 736MB/) as string,
        });
    });

    it('gives back what its tasks had', async () => {
      const agent_id = await launch('b.1', 'modest', 32);
      await launch('b.2', 'modest', 300);
      expect(await limits('b.1')).toMatchObject({ mem: 460, cpus: 0.3 });
      await scheduler.call('KILL', { kill: { task_id: { value: 'b.2' }, agent_id } });
      await eventually('the limit', async () => (await limits('b.1')).mem === 160, LONG);
      expect(await limits('b.1')).toMatchObject({ swap: 160, cpus: 0.2 });
    });

    it('gets tasks while the engine is away, and what they have when it is back', async () => {
      const agent_id = await launch('away.1', 'patient', 32);
      const { id } = await limits('away.1');
      await engine().stop();
      await launch('away.2', 'patient', 256);
      await engine().start();
      await eventually('the limit', async () => (await limits('away.1')).mem === 416, LONG);
      expect((await limits('away.1')).id).toBe(id);
      await tell(agent_id, 'patient', 'eat:200');
      await heard('eat:200');
    });
  });
}
