import { describe, expect, it } from 'vitest';
import type { RunPlace } from '../../src/agent/checkpoint/records.ts';
import { Cluster } from './cluster.ts';
import { Disk } from './disk.ts';
import { Host } from './host.ts';
import type { TaskProcess } from './host.ts';
import { Judge } from './judge.ts';
import { SimProcess } from './process.ts';
import { settled, World } from './world.ts';

/** A machine with an agent that starts what it is told, and a judge who looks on. */
async function scene() {
  const world = new World(1);
  const hosts: Host[] = [];
  const judge = new Judge(world, () => hosts);
  for (const name of ['a', 'b']) hosts.push(new Host(name, world, judge));
  const start = async (on: number, containerId: string): Promise<TaskProcess> => {
    const host = hosts[on];
    if (!host) throw new Error('no such host');
    const process = host.create({
      containerId,
      argv: ['/bin/sh', '-c', 'serve'],
      environment: { MESOS_FRAMEWORK_ID: 'f', MESOS_TASK_ID: 'web.instance-1._app.1' },
      sandbox: '/',
      runtimeDir: '/',
    });
    host.start(process);
    return process;
  };
  return { world, judge, hosts, start };
}

const PLACE = { agentId: 'S0', frameworkId: 'f', executorId: 't', containerId: 'c' } as RunPlace;

describe('the judge', () => {
  it('sees a task that runs twice', async () => {
    const { world, start } = await scene();
    await start(0, 'c1');
    expect(world.violation).toBeUndefined();
    await start(1, 'c2');
    expect(world.violation?.message).toContain('runs twice');
  });

  it('sees a process that is ended though nobody wanted it, and lets those be ended that somebody did', async () => {
    for (const wanted of [true, false]) {
      const { world, judge, hosts, start } = await scene();
      const process = await start(0, 'c1');
      if (wanted) judge.reduced('/web');
      hosts[0]?.signal(process, 1_000, 'killed by its agent');
      await world.runUntil(2_000);
      // what is violated ends the run
      expect(process.status).toEqual(wanted ? { kind: 'signaled', signal: 15 } : undefined);
      expect(world.violation === undefined).toBe(wanted);
    }
  });

  it('sees an end that is taken back, and an acknowledgement of what nobody heard', async () => {
    const { world, judge } = await scene();
    const told = (state: 'TASK_RUNNING' | 'TASK_FAILED', uuid: string): void =>
      judge.heard('f', { task_id: { value: 't' }, state, uuid });
    told('TASK_RUNNING', 'u1');
    judge.written(PLACE, { type: 'ACK', uuid: 'u1' });
    told('TASK_FAILED', 'u2');
    expect(world.violation).toBeUndefined();
    told('TASK_RUNNING', 'u3');
    expect(world.violation?.message).toContain('was said to be over (TASK_FAILED)');
    const other = await scene();
    other.judge.written(PLACE, { type: 'ACK', uuid: 'u9' });
    expect(other.world.violation?.message).toContain('never heard');
  });

  it('is not content with a cluster that lacks anything', async () => {
    const world = new World(1);
    const cluster = new Cluster(world, { agents: 2 });
    cluster.start();
    await cluster.runUntil(15_000);
    cluster.user.size('/web', 2);
    await cluster.runUntil(60_000);
    expect(cluster.problems()).toEqual([]);
    cluster.watch.crash();
    cluster.agents[0]?.crash();
    await cluster.runUntil(61_000);
    expect(cluster.problems().join()).toContain('1 of 2 not connected');
    cluster.leader?.crash();
    expect(cluster.problems()).toEqual(['no master leads']);
    for (const node of cluster.nodes) node.crash();
  });
});

describe('an agent that has lost its id, and not its checkpoints', () => {
  it('ends what it ran and joins as a new one', async () => {
    const world = new World(1);
    const cluster = new Cluster(world, { agents: 1 });
    const [agent] = cluster.agents;
    if (!agent) throw new Error('no agent');
    cluster.start();
    await cluster.runUntil(15_000);
    cluster.user.size('/web', 2);
    await cluster.runUntil(60_000);
    expect(agent.host.running.filter((p) => p.task.includes('/web.'))).toHaveLength(2);
    agent.crash();
    agent.disk.agent = undefined;
    for (const app of ['/web', '/solo', '/pair', '/own', '/executor-own']) cluster.judge.reduced(app);
    agent.start();
    await cluster.runUntil(180_000);
    expect(cluster.problems()).toEqual([]);
    for (const node of cluster.nodes) node.crash();
  });
});

describe('the simulated disk', () => {
  it('keeps what was written when its process dies, and nothing that was on its way', async () => {
    const world = new World(1);
    const disk = new Disk(world);
    const process = new SimProcess(world, 'p', 'p', () => 0);
    const store = disk.openStore(process);
    const first = store.put('a', '1');
    await settled();
    await world.runUntil(100);
    await first;
    disk.health.slowMs = 1_000;
    void store.put('b', '2');
    await settled();
    process.die();
    await world.runUntil(10_000);
    const next = disk.openStore(new SimProcess(world, 'p', 'p', () => 0));
    expect((await next.list('')).map((e) => e.key)).toEqual(['a']);
  });
});
