import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../core/http/client.ts';
import { Metrics } from '../core/metrics.ts';
import type { TaskInfo } from '../mesos/index.ts';
import { findGroups } from './launcher/cgroup/index.ts';
import { FakeMaster } from './testing/fake-master.ts';
import { realAgent } from './testing/real-agent.ts';
import type { Agent } from './testing/real-agent.ts';
import { FRAMEWORK, taskInfo } from './testing/task-context.ts';

const ROOT = `rimrock-agent-test-${process.pid}`;
const MB = 1024 * 1024;
const usable = hasGroups();

function hasGroups(): boolean {
  const groups = findGroups(ROOT, '/');
  if (typeof groups === 'object') groups.close();
  return typeof groups === 'object';
}

let folder: string;
let master: FakeMaster;
let address: string;
const http = createHttpClient();
let agents: Agent[];
let metrics: Metrics;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'contained-'));
  master = new FakeMaster();
  address = await master.listen();
  agents = [];
  metrics = new Metrics();
});
afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await master.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 20 });
});

async function start(config: Record<string, unknown>): Promise<Agent> {
  const agent = realAgent(
    {
      master: address,
      workDir: folder,
      onStop: 'kill',
      cgroupRoot: ROOT,
      ...config,
    },
    { metrics },
  );
  agents.push(agent);
  await agent.start();
  await master.until(() => master.subscriptions.length > 0);
  return agent;
}

const resources = (mem: number): TaskInfo['resources'] => [
  { name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 } },
  { name: 'mem', type: 'SCALAR', scalar: { value: mem } },
];
const run = (id: string, value: string, extra: Partial<TaskInfo>): void =>
  master.send({
    type: 'RUN_TASK',
    run_task: { framework_info: FRAMEWORK, task: taskInfo(id, { command: { value }, ...extra }) },
  });
const reached = (id: string, state: string): Promise<void> =>
  master.until(() => master.statuses(id).some((s) => s.state === state));

describe.runIf(usable)('an agent with control groups', () => {
  it('tells a task that went over its memory so, and lets the others be', async () => {
    await start({ isolation: 'cgroup' });
    run('modest', 'exec sleep 1000', { resources: resources(32) });
    run('greedy', 'head -c 200000000 /dev/zero | tail -c 200000000', { resources: resources(40) });
    await reached('greedy', 'TASK_FAILED');
    expect(master.statuses('greedy').at(-1)).toMatchObject({
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message: expect.stringMatching(/^Memory limit exceeded: Requested: 40MB Maximum Used: (39|40)/),
      limitation: { resources: [{ name: 'mem', type: 'SCALAR' }] },
    });
    expect(master.statuses('modest').map((s) => s.state)).not.toContain('TASK_FAILED');
  });

  it('shows what tasks use, and leaves no group behind', async () => {
    const agent = await start({ isolation: 'cgroup', maxPids: 50 });
    run('busy', 'while :; do :; done', { resources: resources(64) });
    await reached('busy', 'TASK_RUNNING');
    const statistics = async (): Promise<Record<string, number>> => {
      const url = `http://${agent.address.host}:${agent.address.port}/monitor/statistics`;
      const answer = await http.request({ method: 'GET', url });
      return (
        (JSON.parse(await answer.text()) as { statistics: Record<string, number> }[])[0]?.statistics ?? {}
      );
    };
    await expect
      .poll(async () => (await statistics())['cpus_user_time_secs'] ?? 0, { timeout: 30_000 })
      .toBeGreaterThan(0.1);
    expect(await statistics()).toMatchObject({ cpus_limit: 0.5, mem_limit_bytes: 64 * MB, processes: 1 });
    expect((await statistics())['mem_total_bytes']).toBeGreaterThan(0);
    const text = await metrics.text();
    expect(text).toMatch(
      /^rimrock_agent_container_memory_limit_bytes\{framework="fw-1",executor="busy"\} 67108864$/m,
    );
    await agent.stop();
    expect(await metrics.text()).not.toContain('executor="busy"');
    const trees = readdirSync('/sys/fs/cgroup');
    expect(trees.filter((tree) => existsSync(join('/sys/fs/cgroup', tree, ROOT)))).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)('volumes without an image', () => {
  it('are seen by their task alone, also over a restart of the agent; one that cannot be had fails only its own', async () => {
    const [data, place] = [join(folder, 'data'), join(folder, 'place')];
    for (const path of [data, place]) await mkdir(path);
    await writeFile(join(data, 'file'), 'x');
    const volumes = (container_path: string, host_path = data): Partial<TaskInfo> => ({
      container: { type: 'MESOS', volumes: [{ container_path, host_path, mode: 'RO' }] },
    });
    const look = `[ -f ${place}/file ] && ! touch ${place}/x`;
    const check = {
      type: 'COMMAND',
      command: { value: look },
      delay_seconds: 0,
      interval_seconds: 0.1,
    } as const;
    const first = await start({ isolation: 'process', onStop: 'leave' });
    run('seen', `${look} || exit 9; exec sleep 1000`, { ...volumes(place), health_check: check });
    run('relative', '[ -f in/it/file ] && ! touch in/it/x', volumes('in/it'));
    run('other', `[ ! -e ${place}/file ]`, {});
    run('missing', 'true', volumes('x', join(folder, 'no such')));
    run('hiding', 'true', volumes(folder));
    for (const id of ['relative', 'other']) await reached(id, 'TASK_FINISHED');
    for (const id of ['missing', 'hiding']) await reached(id, 'TASK_FAILED');
    const message = (id: string): string | undefined => master.statuses(id).at(-1)?.message;
    expect(message('missing')).toBe(
      `Volume 'x': there is no '${join(folder, 'no such')}' on the machine of this agent`,
    );
    expect(message('hiding')).toContain(`Volume '${folder}': container_path would hide the sandbox`);
    const healthy = (): number => master.statuses('seen').filter((s) => s.healthy === true).length;
    await master.until(() => healthy() > 0);
    await first.stop();
    metrics = new Metrics();
    const before = healthy();
    await start({ isolation: 'process' });
    await master.until(() => healthy() > before);
    expect(master.statuses('seen').map((s) => s.state)).not.toContain('TASK_FAILED');
  });
});

it('an agent that is told to use processes only sets no limits', async () => {
  await start({ isolation: 'process' });
  run('greedy', 'head -c 60000000 /dev/zero | tail -c 60000000 | wc -c', { resources: resources(32) });
  await reached('greedy', 'TASK_FINISHED');
});

it('an agent says what is missing where control groups are asked for', async () => {
  const never = start({ isolation: 'cgroup', cgroupRoot: 'cgroup.procs' });
  await expect(never).rejects.toMatchObject({ code: 'AGENT_ISOLATION' });
});
