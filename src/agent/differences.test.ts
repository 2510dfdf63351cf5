import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { createHttpClient } from '../core/http/client.ts';
import type { ContainerId, ContainerInfo, FrameworkInfo, TaskStatus } from '../mesos/index.ts';
import { createProcessTable, hasContainer } from './launcher/process/index.ts';
import { FakeMaster } from './testing/fake-master.ts';
import { realAgent } from './testing/real-agent.ts';
import type { Agent } from './testing/real-agent.ts';
import { FRAMEWORK, taskInfo } from './testing/task-context.ts';

// What docs/reference/mesos-compatibility.md says of how agents differ, and no other test shows.

const http = createHttpClient();
afterAll(() => http.close());
const table = createProcessTable(systemClock);
let folder: string;
let master: FakeMaster;
let address: string;
let agents: Agent[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'differences-'));
  master = new FakeMaster();
  address = await master.listen();
  agents = [];
});
afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  // whatever a failed test left running
  await start({ onStop: 'kill' });
  await agents.at(-1)?.stop();
  await master.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 20 });
});

async function start(config: Record<string, unknown> = {}): Promise<Agent> {
  const agent = realAgent({ master: address, workDir: folder, isolation: 'process', ...config });
  const before = master.subscriptions.length;
  agents.push(agent);
  await agent.start();
  await master.until(() => master.subscriptions.length > before);
  // the agent answers a ping after it has taken in its registration
  const pongs = (): number => master.calls.filter(({ type }) => type === 'PONG').length;
  const answered = pongs();
  master.send({ type: 'PING' });
  await master.until(() => pongs() > answered);
  return agent;
}

function run(
  id: string,
  value: string,
  more: { readonly framework?: FrameworkInfo; readonly container?: ContainerInfo } = {},
): void {
  const { framework = FRAMEWORK, container } = more;
  const task = taskInfo(id, { command: { value }, ...(container && { container }) });
  master.send({ type: 'RUN_TASK', run_task: { framework_info: framework, task } });
}

async function reached(id: string, state: TaskStatus['state']): Promise<TaskStatus> {
  const found = (): TaskStatus | undefined => master.statuses(id).find((s) => s.state === state);
  await master.until(() => found() !== undefined);
  return found() as TaskStatus;
}

async function get({ address: { host, port } }: Agent, path: string): Promise<[number, string]> {
  const answer = await http.request({ method: 'GET', url: `http://${host}:${port}${path}` });
  return [answer.status, await answer.text()];
}

const sandboxOf = (id: string): string =>
  join(folder, `slaves/agent-S0/frameworks/fw-1/executors/${id}/runs/latest`);
const outputOf = (id: string): string => readFileSync(join(sandboxOf(id), 'stdout'), 'utf8');

/** A call of operators that has a payload. */
async function call(agent: Agent, type: string, payload: object): Promise<Answer> {
  const answer = await http.request({
    method: 'POST',
    url: `http://${agent.address.host}:${agent.address.port}/api/v1`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type, [type.toLowerCase()]: payload }),
    timeoutMs: 0,
  });
  const text = await answer.text();
  return { status: answer.status, json: text.startsWith('{') ? (JSON.parse(text) as Answer['json']) : {} };
}

interface Shown {
  readonly container_id: ContainerId;
  readonly container_status: { readonly executor_pid?: number };
  readonly resource_statistics: Readonly<Record<string, number>>;
}

interface Answer {
  readonly status: number;
  readonly json: {
    readonly get_containers?: { readonly containers: readonly Shown[] };
    readonly wait_container?: { readonly exit_status: number };
  };
}

async function shown(agent: Agent): Promise<readonly Shown[]> {
  const { json } = await call(agent, 'GET_CONTAINERS', { show_nested: true, show_standalone: true });
  return json.get_containers?.containers ?? [];
}

describe('an agent differs from one of Apache Mesos', () => {
  it('told to shut down it ends its tasks, forgets its id, and stays to say why', async () => {
    const agent = await start();
    run('t', 'setsid sleep 1000 & exec sleep 1000');
    const container = (await reached('t', 'TASK_RUNNING')).container_status?.container_id?.value ?? '';
    const running = (): number => table.all().filter((p) => hasContainer(table, p, container)).length;
    expect([running() > 0, (await get(agent, '/ready'))[0]]).toEqual([true, 200]);
    const record = join(folder, 'meta/agent.json');
    expect(existsSync(record)).toBe(true);
    master.send({ type: 'SHUTDOWN', shutdown: { message: 'the machine is DOWN' } });
    await expect.poll(() => existsSync(record), { timeout: 30_000 }).toBe(false);
    expect(running()).toBe(0);
    const [status, text] = await get(agent, '/ready');
    expect([status, text]).toEqual([503, expect.stringContaining('refused: the machine is DOWN')]);
    expect((await get(agent, '/state'))[0]).toBe(200);
    expect(master.subscriptions.length).toBe(1);
    await agent.stop();
    master.nextAgentId = 'agent-S1';
    expect((await get(await start(), '/ready'))[0]).toBe(200);
    expect(master.subscriptions.at(-1)).toMatchObject({ tasks: [], frameworks: [] });
    expect(master.subscriptions.at(-1)?.agent_info.id).toBeUndefined();
  });

  it('tasks of frameworks without checkpoint outlive it, too', async () => {
    const first = await start();
    run('t', 'exec sleep 1000', { framework: { ...FRAMEWORK, checkpoint: false } });
    const pid = (await reached('t', 'TASK_RUNNING')).container_status?.executor_pid ?? 0;
    const began = table.stat(pid)?.startTime;
    expect(began).toBeDefined();
    await first.stop();
    await start();
    expect(master.subscriptions.at(-1)?.tasks).toMatchObject([
      { task: { task_id: { value: 't' } }, state: 'TASK_RUNNING' },
    ]);
    expect(table.stat(pid)?.startTime).toBe(began);
    const { checkpoint } = master.subscriptions.at(-1)?.frameworks[0] ?? {};
    expect(checkpoint).toBe(false);
  });

  it('takes exit codes 129 to 192 for signals', async () => {
    await start();
    const ends: [string, string][] = [
      ['exit 128', 'Command exited with status 128'],
      ['exit 129', 'Command terminated with signal Hangup'],
      ['exit 143', 'Command terminated with signal Terminated'],
      ['kill -TERM $$', 'Command terminated with signal Terminated'],
      ['exit 192', 'Command terminated with signal Unknown signal 64'],
      ['exit 193', 'Command exited with status 193'],
    ];
    for (const [value] of ends) run(value.replaceAll(/\W/g, '-'), value);
    for (const [value, message] of ends)
      expect(await reached(value.replaceAll(/\W/g, '-'), 'TASK_FAILED')).toMatchObject({ message });
  });

  it('has no images for containers of its own', async () => {
    await start();
    const image = { type: 'DOCKER', docker: { name: 'busybox' } };
    run('t', 'true', { container: { type: 'MESOS', mesos: { image } } });
    expect(await reached('t', 'TASK_FAILED')).toMatchObject({
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: expect.stringMatching(/could create a container with an image$/),
    });
  });

  it.runIf(process.platform === 'linux')(
    'gives no namespaces, takes no capabilities, filters no system calls',
    async () => {
      await start();
      const namespaces = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
      const linux_info = {
        bounding_capabilities: { capabilities: ['NET_RAW'] },
        effective_capabilities: { capabilities: [] },
        share_pid_namespace: false,
        ipc_mode: 'PRIVATE',
        seccomp: { profile_name: 'default.json' },
      };
      run('t', `cd /proc/self; grep -E '^(Cap|Seccomp)' status; cd ns; readlink ${namespaces.join(' ')}`, {
        container: { type: 'MESOS', linux_info, network_infos: [{ name: 'cni' }] },
      });
      await reached('t', 'TASK_FINISHED');
      const status = readFileSync('/proc/self/status', 'utf8').split('\n');
      const own = status.filter((line) => /^(Cap|Seccomp)/.test(line));
      expect(own.length).toBeGreaterThanOrEqual(6);
      own.push(...namespaces.map((name) => readlinkSync(`/proc/self/ns/${name}`)));
      expect(outputOf('t').trim().split('\n')).toEqual(own);
    },
  );

  it('answers /monitor/statistics and /metrics/snapshot as often as it is asked', async () => {
    const agent = await start();
    for (const path of ['/monitor/statistics', '/metrics/snapshot', '/slave(1)/monitor/statistics']) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => get(agent, path)));
      expect(new Set(answers.map(([status]) => status))).toEqual(new Set([200]));
    }
  });
});

const SOON = { timeout: 30_000 };

describe('containers by API differ from those of Apache Mesos', () => {
  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'inside of another they have neither its namespaces nor its volumes',
    async () => {
      const [data, place] = [join(folder, 'data'), join(folder, 'place')];
      for (const path of [data, place]) await mkdir(path);
      await writeFile(join(data, 'file'), '');
      const agent = await start();
      const look = `readlink /proc/self/ns/mnt; ls ${place}; pwd -P`;
      const volumes = [{ container_path: place, host_path: data, mode: 'RO' as const }];
      run('t', `${look}; exec sleep 1000`, { container: { type: 'MESOS', volumes } });
      const parent = (await reached('t', 'TASK_RUNNING')).container_status?.container_id;
      const container_id = { value: 'n', parent };
      expect((await call(agent, 'LAUNCH_CONTAINER', { container_id, command: { value: look } })).status).toBe(
        200,
      );
      const { json } = await call(agent, 'WAIT_CONTAINER', { container_id });
      expect(json.wait_container).toEqual({ exit_status: 0 });
      const own = readlinkSync('/proc/self/ns/mnt');
      const sandbox = await realpath(sandboxOf('t'));
      const inner = join(sandbox, 'containers/n');
      expect(readFileSync(join(inner, 'stdout'), 'utf8')).toBe(`${own}\n${inner}\n`);
      await expect.poll(() => outputOf('t'), SOON).toContain(`\nfile\n${sandbox}\n`);
      expect(outputOf('t')).not.toContain(own);
    },
  );

  it('on their own they are in no files, their disk is not measured, and REMOVE takes only them', async () => {
    const agent = await start({ diskWatchIntervalSeconds: 0.02, enforceDiskQuota: true });
    const step = '[ -e go$n ]; do sleep 0.02; done; head -c 1000000 /dev/zero >file$n';
    run('t', `for n in 1 2 3; do until ${step}; done; exec sleep 1000`);
    await reached('t', 'TASK_RUNNING');
    const container_id = { value: 's' };
    const launched = await call(agent, 'LAUNCH_CONTAINER', {
      container_id,
      command: { value: 'head -c 5000000 /dev/zero >file; exec sleep 1000' },
      resources: [{ name: 'disk', type: 'SCALAR', scalar: { value: 1 } }],
    });
    expect(launched.status).toBe(200);
    const sandbox = join(folder, 'containers/s');
    const size = (): number => statSync(join(sandbox, 'file'), { throwIfNoEntry: false })?.size ?? 0;
    await expect.poll(size, SOON).toBe(5_000_000);
    const used = async (): Promise<(number | undefined)[]> =>
      (await shown(agent)).map((one) => one.resource_statistics['disk_used_bytes']);
    // what has grown twice has been looked at in two rounds, the first of which is over
    for (const n of [1, 2, 3]) {
      await writeFile(join(sandboxOf('t'), `go${n}`), '');
      await expect.poll(async () => (await used())[0] ?? 0, SOON).toBeGreaterThanOrEqual(n * 1_000_000);
    }
    expect(await used()).toEqual([expect.any(Number), undefined]);
    const browse = async (path: string): Promise<number> =>
      (await get(agent, `/files/browse?path=${encodeURIComponent(path)}`))[0];
    expect(await browse('/frameworks/fw-1/executors/t/runs/latest')).toBe(200);
    for (const path of [sandbox, '/containers/s', '/containers/s/runs/latest', '/s'])
      expect(await browse(path)).toBe(404);
    expect((await call(agent, 'KILL_CONTAINER', { container_id })).status).toBe(200);
    const { json } = await call(agent, 'WAIT_CONTAINER', { container_id });
    expect(json.wait_container).toEqual({ exit_status: 9 });
    expect((await call(agent, 'REMOVE_CONTAINER', { container_id })).status).toBe(200);
    expect([existsSync(sandbox), (await call(agent, 'WAIT_CONTAINER', { container_id })).status]).toEqual([
      false,
      404,
    ]);
    expect((await shown(agent)).length).toBe(1);
    expect(master.statuses('t').at(-1)?.state).toBe('TASK_RUNNING');
  });
});
