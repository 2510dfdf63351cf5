import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerId } from '../../mesos/index.ts';
import { decodeProtobuf, encodeDocument } from '../../mesos/proto/index.ts';
import { findGroups } from '../launcher/cgroup/index.ts';
import { FakeMaster } from '../testing/fake-master.ts';
import { realAgent } from '../testing/real-agent.ts';
import type { Agent } from '../testing/real-agent.ts';
import { FRAMEWORK, taskInfo } from '../testing/task-context.ts';

const ROOT = `rimrock-containers-test-${process.pid}`;
const SOON = { timeout: 30_000 };
let folder: string;
let master: FakeMaster;
let address: string;
let agents: Agent[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'api-containers-'));
  master = new FakeMaster();
  address = await master.listen();
  agents = [];
});
afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await master.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 20 });
});

async function start(config: Record<string, unknown> = {}): Promise<void> {
  const agent = realAgent({
    master: address,
    workDir: folder,
    onStop: 'kill',
    isolation: 'process',
    cgroupRoot: ROOT,
    ...config,
  });
  const before = master.subscriptions.length;
  agents.push(agent);
  await agent.start();
  await master.until(() => master.subscriptions.length > before);
}

interface Answer {
  readonly status: number;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test knows what it asked for
  readonly json: any;
}

async function call(type: string, payload: object, binary = false): Promise<Answer> {
  const { host, port } = agents.at(-1)!.address;
  const form = binary ? 'application/x-protobuf' : 'application/json';
  const answer = await fetch(`http://${host}:${port}/api/v1`, {
    method: 'POST',
    headers: { 'content-type': form, accept: form },
    body: Buffer.from(encodeDocument(form, 'agent.Call', { type, [type.toLowerCase()]: payload })),
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const text = Buffer.from(bytes).toString();
  const json = binary
    ? decodeProtobuf('agent.Response', bytes)
    : text.startsWith('{')
      ? JSON.parse(text)
      : {};
  return { status: answer.status, text, json };
}

/** A command task that runs; its container. */
async function parentTask(id: string, value = 'exec sleep 1000', user?: string): Promise<ContainerId> {
  const task = taskInfo(id, {
    command: { value, ...(user === undefined ? {} : { user }) },
    resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: 64 } }],
    kill_policy: { grace_period: { nanoseconds: 1000e9 } },
  });
  master.send({ type: 'RUN_TASK', run_task: { framework_info: FRAMEWORK, task } });
  await master.until(() => master.statuses(id).some((s) => s.state === 'TASK_RUNNING'));
  const found = master.statuses(id).at(-1)?.container_status?.container_id;
  if (!found) throw new Error('the status names no container');
  return found;
}
const sandboxOf = (task: string, parent: ContainerId, id: string): string =>
  join(folder, `slaves/agent-S0/frameworks/fw-1/executors/${task}/runs/${parent.value}/containers/${id}`);
const containers = async (options: object): Promise<string[]> =>
  (await call('GET_CONTAINERS', options)).json.get_containers.containers.map(
    (c: { container_id: { value: string } }) => c.container_id.value,
  );

describe.each([false, true])('nested containers of the agent API (protobuf: %j)', (binary) => {
  it('run in the sandbox of their parent; are waited for, killed and removed', async () => {
    await start();
    const parent = await parentTask('t');
    const container_id = { value: 'n1', parent };
    const command = {
      value: 'echo "$GREETING $MESOS_SANDBOX"; exit 5',
      environment: { variables: [{ name: 'GREETING', value: 'hello' }] },
    };
    const ask = (type: string, payload: object): Promise<Answer> => call(type, payload, binary);
    expect(await ask('LAUNCH_NESTED_CONTAINER', { container_id, command })).toMatchObject({
      status: 200,
      text: '',
    });
    expect((await ask('LAUNCH_CONTAINER', { container_id, command })).status).toBe(202);
    expect((await ask('WAIT_NESTED_CONTAINER', { container_id })).json).toEqual({
      type: 'WAIT_NESTED_CONTAINER',
      wait_nested_container: { exit_status: 5 << 8 },
    });
    const sandbox = sandboxOf('t', parent, 'n1');
    expect(readFileSync(join(sandbox, 'stdout'), 'utf8')).toBe(`hello ${sandbox}\n`);
    const inner = { value: 'n2', parent: { value: 'n3', parent } };
    const sleep = { command: { value: 'exec sleep 1000' } };
    expect((await ask('LAUNCH_CONTAINER', { container_id: inner.parent, ...sleep })).status).toBe(200);
    expect((await ask('LAUNCH_CONTAINER', { container_id: inner, ...sleep })).status).toBe(200);
    expect(existsSync(join(sandboxOf('t', parent, 'n3'), 'containers/n2/stdout'))).toBe(true);
    expect(await containers({ show_nested: true })).toEqual([parent.value, 'n3', 'n2']);
    expect(await containers({ show_standalone: true })).toEqual([parent.value]);
    expect(await ask('REMOVE_CONTAINER', { container_id: inner })).toMatchObject({ status: 400 });
    await expect
      .poll(
        () => ask('KILL_CONTAINER', { container_id: inner, signal: 15 }).then(({ status }) => status),
        SOON,
      )
      .toBe(404); // dead by then
    expect((await ask('WAIT_CONTAINER', { container_id: inner })).json.wait_container).toEqual({
      exit_status: 15,
    });
    expect((await ask('KILL_CONTAINER', { container_id: inner.parent })).status).toBe(200);
    expect((await ask('WAIT_CONTAINER', { container_id: inner.parent })).json.wait_container).toEqual({
      exit_status: 9,
    });
    expect((await ask('REMOVE_CONTAINER', { container_id: inner.parent })).status).toBe(200);
    expect(existsSync(sandboxOf('t', parent, 'n3'))).toBe(false);
    expect((await ask('REMOVE_NESTED_CONTAINER', { container_id })).status).toBe(200);
    expect((await ask('REMOVE_NESTED_CONTAINER', { container_id })).status).toBe(200);
    expect((await ask('WAIT_NESTED_CONTAINER', { container_id })).status).toBe(404);
    expect(master.statuses('t').at(-1)?.state).toBe('TASK_RUNNING');
  });
});

describe('containers of the agent API', () => {
  it('run on their own, too, and are refused as Mesos refuses them', async () => {
    await start();
    const container_id = { value: 's1' };
    const command = { value: 'pwd; exec sleep 1000' };
    const nope = { value: 'nope' };
    expect((await call('LAUNCH_CONTAINER', { container_id, command })).status).toBe(200);
    expect(await containers({ show_standalone: true })).toEqual(['s1']);
    const answers: [string, object, number, string][] = [
      ['WAIT_CONTAINER', { container_id: nope }, 404, 'Container nope cannot be found'],
      [
        'KILL_CONTAINER',
        { container_id: nope },
        404,
        "Container 'nope' cannot be found (or is already killed)",
      ],
      [
        'LAUNCH_CONTAINER',
        { container_id: { value: 'x', parent: nope }, command },
        400,
        'Parent container nope does not exist',
      ],
      [
        'LAUNCH_NESTED_CONTAINER',
        { container_id: nope, command },
        400,
        "Failed to validate agent::Call: Expecting 'container_id.parent' to be present",
      ],
      [
        'LAUNCH_CONTAINER',
        { command },
        400,
        "Failed to validate agent::Call: Expecting 'container_id' to be present",
      ],
      [
        'LAUNCH_CONTAINER',
        { container_id: { value: '../x' }, command },
        400,
        "Failed to validate agent::Call: 'container_id' is invalid: '../x' contains invalid characters",
      ],
      [
        'LAUNCH_CONTAINER',
        { container_id: { value: '..' }, command },
        400,
        "Failed to validate agent::Call: 'container_id' is invalid: '..' is disallowed",
      ],
      [
        'LAUNCH_CONTAINER',
        { container_id: nope, command: { value: { x: 1 } } },
        400,
        'Command has no value; write what is to be run',
      ],
      [
        'KILL_CONTAINER',
        { container_id, signal: 99 },
        400,
        "Failed to validate agent::Call: 'signal' is no signal: 99",
      ],
    ];
    for (const [type, payload, status, text] of answers)
      expect(await call(type, payload)).toMatchObject({ status, text });
    expect(await call('LAUNCH_NESTED_CONTAINER_SESSION', { container_id })).toMatchObject({ status: 501 });
    expect((await call('KILL_CONTAINER', { container_id })).status).toBe(200);
    await call('WAIT_CONTAINER', { container_id });
    expect(readFileSync(join(folder, 'containers/s1/stdout'), 'utf8')).toBe(
      `${join(folder, 'containers/s1')}\n`,
    );
    expect((await call('REMOVE_CONTAINER', { container_id })).status).toBe(200);
    expect(existsSync(join(folder, 'containers/s1'))).toBe(false);
    // one that was refused has left nothing behind
    expect((await call('LAUNCH_CONTAINER', { container_id: nope, command })).status).toBe(200);
  });

  it('outlive their agent, and are waited for after it; whoever waits meanwhile hears that it stops', async () => {
    await start({ onStop: 'leave' });
    const parent = await parentTask('t');
    const [ends, stays, alone] = [{ value: 'ends', parent }, { value: 'stays', parent }, { value: 'alone' }];
    const launch = (container_id: ContainerId, value: string): Promise<Answer> =>
      call('LAUNCH_CONTAINER', { container_id, command: { value } });
    await launch(ends, `while [ ! -e ${folder}/go ]; do sleep 0.05; done; exit 3`);
    await launch(stays, 'exec sleep 1000');
    await launch(alone, 'exec sleep 1000');
    const waiting = call('WAIT_CONTAINER', { container_id: stays });
    await Promise.all([agents.pop()?.stop(), expect(waiting).resolves.toMatchObject({ status: 503 })]);
    writeFileSync(join(folder, 'go'), '');
    await start();
    expect(await containers({ show_nested: true, show_standalone: true })).toEqual(
      expect.arrayContaining([parent.value, 'stays', 'alone']),
    );
    expect((await call('WAIT_CONTAINER', { container_id: ends })).json.wait_container).toEqual({
      exit_status: 3 << 8,
    });
    for (const container_id of [stays, alone]) {
      expect((await call('KILL_CONTAINER', { container_id })).status).toBe(200);
      expect((await call('WAIT_CONTAINER', { container_id })).json.wait_container).toEqual({
        exit_status: 9,
      });
    }
  });

  it('end with their parent, also one that ended while no agent was there', async () => {
    await start({ onStop: 'leave' });
    const [first, second] = [await parentTask('t1'), await parentTask('t2')];
    const launch = (parent: ContainerId): Promise<Answer> =>
      call('LAUNCH_CONTAINER', {
        container_id: { value: 'n', parent },
        command: { value: 'echo $$; exec sleep 1000' },
      });
    await launch(first);
    await launch(second);
    const pidOf = (task: string, parent: ContainerId): number =>
      Number(readFileSync(join(sandboxOf(task, parent, 'n'), 'stdout'), 'utf8'));
    await expect.poll(() => pidOf('t1', first) * pidOf('t2', second), SOON).toBeGreaterThan(0);
    const pids = [pidOf('t1', first), pidOf('t2', second)];
    const runs = (pid = 0): boolean => {
      try {
        return /^State:\s+[^ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return false;
      }
    };
    process.kill(master.statuses('t1').at(-1)!.container_status!.executor_pid!, 'SIGKILL');
    await expect.poll(() => runs(pids[0]), SOON).toBe(false);
    await expect
      .poll(
        async () => (await call('WAIT_CONTAINER', { container_id: { value: 'n', parent: first } })).status,
        SOON,
      )
      .toBe(404);
    expect(runs(pids[1])).toBe(true);
    const supervisor = master.statuses('t2').at(-1)!.container_status!.executor_pid!;
    await agents.pop()?.stop();
    process.kill(supervisor, 'SIGKILL');
    await start();
    await expect.poll(() => runs(pids[1]), SOON).toBe(false);
  });

  it.runIf(process.getuid?.() === 0)(
    'run as the user of their parent, or as their own, in a sandbox of theirs',
    async () => {
      chmodSync(folder, 0o711);
      await start({ switchUser: true });
      const parent = await parentTask('t', 'exec sleep 1000', 'nobody');
      const command = { value: 'id -un; stat -c %U .; touch made; pwd -P' };
      for (const [value, user] of [
        ['same', 'nobody'],
        ['other', 'daemon'],
      ] as const) {
        const container_id = { value, parent };
        const own = value === 'other' ? { user } : {};
        const launched = await call('LAUNCH_CONTAINER', { container_id, command: { ...command, ...own } });
        expect(launched).toMatchObject({ status: 200, text: '' });
        expect((await call('WAIT_CONTAINER', { container_id })).json.wait_container).toEqual({
          exit_status: 0,
        });
        const sandbox = sandboxOf('t', parent, value);
        expect(readFileSync(join(sandbox, 'stdout'), 'utf8')).toBe(`${user}\n${user}\n${sandbox}\n`);
      }
    },
  );

  it.runIf(hasGroups())('share the control group of their parent unless they say otherwise', async () => {
    await start({ isolation: 'cgroup' });
    const parent = await parentTask('t');
    const group = async (value: string, extra: object): Promise<string> => {
      const container_id = { value, parent };
      const launched = await call('LAUNCH_CONTAINER', {
        container_id,
        command: { value: 'cat /proc/self/cgroup; exec sleep 1000' },
        ...extra,
      });
      expect(launched).toMatchObject({ status: 200, text: '' });
      const read = (): string => readFileSync(join(sandboxOf('t', parent, value), 'stdout'), 'utf8');
      await expect.poll(read, SOON).toContain(ROOT);
      return read();
    };
    expect(await group('shares', {})).toContain(`/${parent.value}\n`);
    const own = {
      container: { type: 'MESOS', linux_info: { share_cgroups: false } },
      resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: 40 } }],
    };
    expect(await group('has-its-own', own)).not.toContain(parent.value);
    const limits = { mem: { value: 50 } };
    expect(
      await call('LAUNCH_CONTAINER', {
        container_id: { value: 'x', parent },
        command: { value: 'true' },
        limits,
      }),
    ).toMatchObject({ status: 400 });
    // the parent hears SIGTERM, though others are in its group
    master.send({
      type: 'KILL_TASK',
      kill_task: { framework_id: { value: 'fw-1' }, task_id: { value: 't' } },
    });
    await master.until(() => master.statuses('t').some((s) => s.state === 'TASK_KILLED'));
    expect(master.statuses('t').at(-1)?.message).toContain('signal');
    const wait = async (value: string): Promise<number> =>
      (await call('WAIT_CONTAINER', { container_id: { value, parent } })).status;
    for (const value of ['shares', 'has-its-own']) await expect.poll(() => wait(value), SOON).toBe(404);
  });
});

function hasGroups(): boolean {
  const groups = findGroups(ROOT, '/');
  if (typeof groups === 'object') groups.close();
  return typeof groups === 'object';
}
