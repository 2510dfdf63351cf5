import { describe, expect, it } from 'vitest';
import type { ControlGroup, MeshTask, TaskMesh, TaskWiring } from '../../core/mesh.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { ContainerInfo } from '../../mesos/index.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import { Wiring } from './wiring.ts';

const PLACE = { agentId: 'agent-1', frameworkId: 'fw-1', executorId: 't1', taskId: 't1', containerId: 'c1' };
const WIRING: TaskWiring = {
  mode: 'strict',
  guarded: [{ published: 31000, own: 17001 }],
  upstreams: [{ service: 'test/db', port: '0', variable: 'RIMROCK_UPSTREAM_DB', local: 17002 }],
};

class FakeMesh implements TaskMesh {
  readonly said: string[] = [];
  failures = 0;
  planned: MeshTask | undefined;

  async plan(task: MeshTask): Promise<TaskWiring> {
    this.planned = task;
    return WIRING;
  }
  async open({ taskId }: MeshTask): Promise<void> {
    if (this.failures-- > 0) throw new Error('not yet');
    this.said.push(`open ${taskId}`);
  }
  async enter({ taskId }: MeshTask, { path }: ControlGroup): Promise<void> {
    this.said.push(`enter ${taskId} ${path}`);
  }
  close({ taskId }: { readonly taskId: string }): void {
    this.said.push(`close ${taskId}`);
  }
}

function setUp(
  mesh: TaskMesh | undefined,
  labels: Readonly<Record<string, string>> = {},
  container?: ContainerInfo,
) {
  const clock = new FakeClock();
  const [launcher, checkpoints] = [new FakeMachine().launcher(), new MemoryCheckpoints(new MemoryDisk())];
  const context = fakeContext({ clock, launcher, checkpoints, mesh });
  const task = taskInfo('t1', {
    resources: [{ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 31001 }] } }],
    ...(container && { container }),
    labels: { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) },
    discovery: {
      visibility: 'FRAMEWORK',
      name: 'web',
      ports: { ports: [{ number: 31001, name: 'dns', protocol: 'udp' }] },
    },
  });
  return { clock, wiring: new Wiring(context, PLACE, FRAMEWORK, task) };
}

const GROUP = { path: '/sys/fs/cgroup/rimrock/c1', level: 2 };

describe('the listeners of a task that mutual TLS is spoken for', () => {
  it('are refused where a container has a network of its own: nobody would come by them', async () => {
    for (const network of ['BRIDGE', 'USER', 'NONE'] as const) {
      const mesh = new FakeMesh();
      mesh.plan = async () => ({ guarded: [], upstreams: [] }) as unknown as TaskWiring;
      const open: unknown[] = [];
      const container = { type: 'DOCKER' as const, docker: { image: 'i', network } };
      const { wiring } = setUp(mesh, { 'rimrock.mtls': 'strict' }, container);
      const begun = wiring.begin(async (one) => void open.push(one));
      await expect(begun).rejects.toMatchObject({ code: 'AGENT_MTLS_NETWORK' });
      await expect(begun).rejects.toThrow(`the network ${network} of Docker`);
      expect([open, mesh.said]).toEqual([[], []]);
    }
  });

  it('the mesh hears of the group of a task, again after a restart, and of its end in any case', async () => {
    const mesh = new FakeMesh();
    await setUp(mesh).wiring.enter(undefined);
    expect(mesh.said).toEqual([]);
    const { wiring } = setUp(mesh);
    await wiring.enter(GROUP);
    const next = setUp(mesh).wiring;
    const checkpoint = {
      containerId: 'c1',
      runtimeDir: '/r',
      pid: 1,
      startTime: '1',
      bootId: 'b',
      group: GROUP,
    };
    next.recall([{ type: 'FORKED', checkpoint }]);
    await next.reopen();
    next.close();
    expect(mesh.said).toEqual([`enter t1 ${GROUP.path}`, `enter t1 ${GROUP.path}`, 'close t1']);
  });

  it('are on disk before they are open, and what the task is told of its ports are its own', async () => {
    const mesh = new FakeMesh();
    const { wiring } = setUp(mesh);
    await wiring.begin(async (wired) => void mesh.said.push(`written ${wired.mode}`));
    expect(mesh.said).toEqual(['written strict', 'open t1']);
    expect(mesh.planned).toMatchObject({
      service: 'test/web',
      ip: '127.0.0.1',
      ports: [
        { number: 31000, protocol: '' },
        { number: 31001, protocol: 'udp' },
      ],
    });
    const told = {
      HOST: 'agent',
      PORT: '31000',
      PORT0: '31000',
      PORTS: '31000,31001',
      PORT_WEB: '31000',
      X: '31000',
    };
    expect(wiring.environment(told)).toEqual({
      HOST: '127.0.0.1',
      PORT: '17001',
      PORT0: '17001',
      PORTS: '17001,31001',
      PORT_WEB: '17001',
      X: '31000',
      RIMROCK_UPSTREAM_DB: '127.0.0.1:17002',
    });
    expect(wiring.check({ type: 'HTTP', http: { port: 31000, path: '/' } })?.http?.port).toBe(17001);
    expect(wiring.check({ type: 'TCP', tcp: { port: 31001 } })?.tcp?.port).toBe(31001);
    wiring.close();
    expect(mesh.said.at(-1)).toBe('close t1');
  });

  it('are opened again by the next agent process, as often as it takes, until the task has ended', async () => {
    const mesh = new FakeMesh();
    mesh.failures = 2;
    const { wiring, clock } = setUp(mesh);
    wiring.recall([{ type: 'WIRED', wiring: WIRING }]);
    expect(wiring.environment({ PORT0: '31000' })['PORT0']).toBe('17001');
    await wiring.reopen();
    expect(mesh.said).toEqual([]);
    await clock.advanceAsync(2_000, 1_000);
    await settle();
    expect(mesh.said).toEqual(['open t1']);
    wiring.close();
    expect([mesh.said, clock.pending]).toEqual([['open t1', 'close t1'], 0]);
  });

  it('a task that asks for what nobody here can give does not run without', async () => {
    const write = async (): Promise<void> => {};
    await setUp(undefined).wiring.begin(write);
    await setUp(undefined, { 'rimrock.mtls': 'off' }).wiring.begin(write);
    for (const labels of [
      { 'rimrock.mtls': 'strict' },
      { 'rimrock.mtls': 'x' },
      { 'rimrock.upstreams': 'db' },
    ])
      await expect(setUp(undefined, labels).wiring.begin(write)).rejects.toMatchObject({
        code: 'AGENT_NO_MTLS',
      });
  });
});
