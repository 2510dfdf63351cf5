import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { createHttpClient } from '../core/http/client.ts';
import type { FrameworkInfo, TaskInfo } from '../mesos/index.ts';
import { createProcessTable, hasContainer } from './launcher/process/index.ts';
import { FakeMaster } from './testing/fake-master.ts';
import { realAgent } from './testing/real-agent.ts';
import type { Agent } from './testing/real-agent.ts';
import { FRAMEWORK, taskInfo } from './testing/task-context.ts';

let folder: string;
let master: FakeMaster;
let address: string;
let agents: Agent[];
const http = createHttpClient();
const table = createProcessTable(systemClock);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-'));
  master = new FakeMaster();
  address = await master.listen();
  agents = [];
});
afterEach(async () => {
  await Promise.all(agents.map((a) => a.stop()));
  // whatever a failed test left running
  await start({ onStop: 'kill' }).then((a) => a.stop());
  await master.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 20 });
});

const DOMAIN = { fault_domain: { region: { name: 'eu' }, zone: { name: 'eu-1' } } };

async function start(config: Record<string, unknown> = {}): Promise<Agent> {
  const agent = realAgent({
    master: address,
    workDir: folder,
    hostname: 'agent.example.test',
    attributes: 'rack:r1;level:3',
    domain: { region: 'eu', zone: 'eu-1' },
    killDrainMs: 50,
    ...config,
  });
  await agent.start();
  agents.push(agent);
  return agent;
}

async function registered(config: Record<string, unknown> = {}): Promise<Agent> {
  const before = master.subscriptions.length;
  const agent = await start(config);
  await master.until(() => master.subscriptions.length > before);
  // the agent answers a ping after it has taken in its registration
  const pongs = (): number => master.calls.filter((c) => c.type === 'PONG').length;
  const answered = pongs();
  master.send({ type: 'PING' });
  await master.until(() => pongs() > answered);
  return agent;
}

async function stop(agent: Agent): Promise<void> {
  agents = agents.filter((a) => a !== agent);
  await agent.stop();
}

function run(task: TaskInfo, framework: FrameworkInfo = FRAMEWORK): void {
  master.send({ type: 'RUN_TASK', run_task: { framework_info: framework, task } });
}

const shell = (id: string, value: string, extra: Partial<TaskInfo> = {}): TaskInfo =>
  taskInfo(id, { command: { value }, ...extra });

const states = (id: string): string[] => master.statuses(id).map((s) => s.state);
const reached = (id: string, state: string): Promise<void> => master.until(() => states(id).includes(state));

async function get(agent: Agent, path: string): Promise<{ status: number; text: string }> {
  const response = await http.request({
    method: 'GET',
    url: `http://127.0.0.1:${agent.address.port}${path}`,
  });
  return { status: response.status, text: await response.text() };
}

async function call(agent: Agent, body: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await http.request({
    method: 'POST',
    url: `http://127.0.0.1:${agent.address.port}/slave%281%29/api/v1`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, json: response.status === 200 ? JSON.parse(text) : { text } };
}

describe('an agent and its master', () => {
  it('registers with what it offers and comes back under its id', async () => {
    const first = await registered();
    expect(master.subscriptions[0]).toMatchObject({
      agent_info: {
        hostname: 'agent.example.test',
        port: first.address.port,
        resources: [{ name: 'cpus', scalar: { value: 4 } }, {}, {}, { name: 'ports' }],
        attributes: [{ name: 'rack', text: { value: 'r1' } }, { name: 'level' }],
        domain: DOMAIN,
      },
      address: { ip: '127.0.0.1', port: first.address.port },
      tasks: [],
    });
    expect(master.subscriptions[0]?.agent_info.id).toBeUndefined();
    await stop(first);
    await registered();
    expect(master.subscriptions.at(-1)?.agent_info.id).toEqual({ value: 'agent-S0' });
  });

  it('follows a redirect, answers pings, subscribes again when the stream breaks', async () => {
    const standby = new FakeMaster();
    standby.redirectTo = address;
    await registered({ master: `http://${await standby.listen()}` });
    master.send({ type: 'PING' });
    await master.until(() => master.calls.some((c) => c.type === 'PONG'));
    master.drop();
    await master.until(() => master.subscriptions.length === 2);
    await standby.close();
  });

  it('looks for a master again when the pings stop', async () => {
    master.pingTimeoutSeconds = 0.05;
    await registered({ registrationBackoffMs: 0 });
    await master.until(() => master.subscriptions.length >= 2);
  });

  it('corrects a master that believes in tasks which are not here', async () => {
    master.unknownTasks = [{ framework_id: { value: 'fw-9' }, task_id: { value: 'ghost' } }];
    await registered();
    await reached('ghost', 'TASK_LOST');
    expect(master.statuses('ghost')[0]).toMatchObject({
      source: 'SOURCE_AGENT',
      reason: 'REASON_RECONCILIATION',
      agent_id: { value: 'agent-S0' },
    });
  });
});

describe('tasks', () => {
  it('run in their sandbox with the environment of Mesos and tell their life in order', async () => {
    const agent = await registered({ taskEnvironment: { FROM_AGENT: 'yes' } });
    const variables = [{ name: 'PORT0', value: '31000' }];
    run(
      taskInfo('web.1', {
        command: { value: 'env | sort; echo err >&2; exit 3', environment: { variables } },
      }),
    );
    await reached('web.1', 'TASK_FAILED');
    expect(states('web.1')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
    const last = master.statuses('web.1').at(-1);
    expect(last).toMatchObject({
      message: 'Command exited with status 3',
      source: 'SOURCE_EXECUTOR',
      agent_id: { value: 'agent-S0' },
      executor_id: { value: 'web.1' },
      container_status: {
        network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }],
      },
    });
    expect(Buffer.from(last?.uuid ?? '', 'base64').length).toBe(16);
    const sandbox = join(folder, 'slaves/agent-S0/frameworks/fw-1/executors/web.1/runs/latest');
    const out = readFileSync(join(sandbox, 'stdout'), 'utf8');
    expect(out).toContain('PORT0=31000\n');
    expect(out).toContain('FROM_AGENT=yes\n');
    expect(out).toContain('MESOS_TASK_ID=web.1\n');
    expect(out).toContain(`MESOS_AGENT_ENDPOINT=127.0.0.1:${agent.address.port}\n`);
    expect(readFileSync(join(sandbox, 'stderr'), 'utf8')).toBe('err\n');
  });

  it('are not launched twice, whatever the master says', async () => {
    await registered();
    const task = shell('once', `echo x >> ${folder}/ran; sleep 1000`);
    run(task);
    run(task);
    await reached('once', 'TASK_RUNNING');
    run(task);
    run(shell('after', 'true'));
    await reached('after', 'TASK_FINISHED');
    expect(readFileSync(join(folder, 'ran'), 'utf8')).toBe('x\n');
  });

  it('drain, then end at SIGTERM; the framework sees KILLING first', async () => {
    await registered();
    const discovery = { visibility: 'CLUSTER' as const, ports: { ports: [{ number: 31000 }] } };
    run(shell('k', 'exec sleep 1000', { discovery }));
    await reached('k', 'TASK_RUNNING');
    master.send({
      type: 'KILL_TASK',
      kill_task: { framework_id: { value: 'fw-1' }, task_id: { value: 'k' } },
    });
    await reached('k', 'TASK_KILLED');
    expect(states('k').slice(2)).toEqual(['TASK_KILLING', 'TASK_KILLED']);
    const [killing, killed] = master.statuses('k').slice(2);
    expect(killed?.message).toBe('Command terminated with signal Terminated');
    expect((killed?.timestamp ?? 0) - (killing?.timestamp ?? 0)).toBeGreaterThanOrEqual(0.045);
  });

  it('outlive the agent and are killed by the next one, grandchildren included', async () => {
    const first = await registered();
    run(shell('long', 'trap "" TERM; setsid sleep 1000 & sleep 1000'));
    await reached('long', 'TASK_RUNNING');
    await stop(first);
    await registered();
    const reported = master.subscriptions.at(-1)?.tasks[0];
    expect([reported?.task.task_id.value, reported?.state]).toEqual(['long', 'TASK_RUNNING']);
    master.send({
      type: 'KILL_TASK',
      kill_task: {
        framework_id: { value: 'fw-1' },
        task_id: { value: 'long' },
        kill_policy: { grace_period: { nanoseconds: 1e6 } },
      },
    });
    await reached('long', 'TASK_KILLED');
    const container = master.statuses('long')[0]?.container_status?.container_id?.value ?? '';
    expect(table.all().filter((p) => hasContainer(table, p, container))).toEqual([]);
  });

  it('tell how they ended while the agent was away', async () => {
    const first = await registered();
    await writeFile(join(folder, 'gate'), '');
    run(shell('t', `while [ -e ${folder}/gate ]; do sleep 0.02; done; exit 9`));
    await reached('t', 'TASK_RUNNING');
    await stop(first);
    await rm(join(folder, 'gate'));
    await registered();
    await reached('t', 'TASK_FAILED');
    expect(master.statuses('t').at(-1)?.message).toBe('Command exited with status 9');
  });

  it('fail with the name of the URI that could not be fetched; what can be is put in place', async () => {
    await registered();
    await writeFile(join(folder, 'tool.sh'), '#!/bin/sh\necho fetched\n');
    const uris = [{ value: `file://${folder}/tool.sh`, executable: true }];
    run(taskInfo('good', { command: { value: './tool.sh > out; cat out', uris } }));
    run(taskInfo('bad', { command: { value: 'true', uris: [{ value: `http://${address}/none` }] } }));
    await reached('good', 'TASK_FINISHED');
    await reached('bad', 'TASK_FAILED');
    expect(master.statuses('bad').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      source: 'SOURCE_AGENT',
      message: expect.stringContaining(`http://${address}/none`),
    });
  });

  it('are killed when their health check fails too often, and at their time limit', async () => {
    await registered();
    const check = {
      delay_seconds: 0,
      interval_seconds: 0.01,
      grace_period_seconds: 0,
      consecutive_failures: 2,
    };
    run(
      shell('sick', 'touch ok; exec sleep 1000', {
        health_check: { ...check, type: 'COMMAND', command: { value: 'test ! -e ok' } },
      }),
    );
    run(shell('slow', 'exec sleep 1000', { max_completion_time: { nanoseconds: 1e7 } }));
    await reached('sick', 'TASK_KILLED');
    await reached('slow', 'TASK_FAILED');
    expect(master.statuses('sick').at(-1)?.healthy).toBe(false);
    expect(master.statuses('slow').at(-1)?.reason).toBe('REASON_MAX_COMPLETION_TIME_REACHED');
  });

  it('end with their framework', async () => {
    await registered();
    run(shell('a', 'exec sleep 1000'));
    await reached('a', 'TASK_RUNNING');
    master.acknowledges = false;
    master.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: { value: 'fw-1' } } });
    await reached('a', 'TASK_KILLED');
  });

  it("leave nothing behind when the agent stops with 'kill'", async () => {
    const agent = await registered({ onStop: 'kill' });
    run(shell('x', 'setsid sleep 1000 & exec sleep 1000'));
    run(shell('y', 'exec sleep 1000'));
    await reached('x', 'TASK_RUNNING');
    await reached('y', 'TASK_RUNNING');
    const ids = ['x', 'y'].map((t) => master.statuses(t)[0]?.container_status?.container_id?.value ?? '');
    await stop(agent);
    expect(table.all().filter((p) => ids.some((id) => hasContainer(table, p, id)))).toEqual([]);
    expect(master.calls.at(-1)?.type).toBe('UNREGISTER');
    expect(existsSync(join(folder, 'meta/agent.json'))).toBe(false);
    expect(readdirSync(join(folder, 'meta/slaves'))).toEqual([]);
    expect(states('x').at(-1)).toBe('TASK_KILLED');
  });
});

describe('the HTTP API', () => {
  it('shows state, containers and sandboxes in the shapes of Mesos', async () => {
    const agent = await registered();
    const check = { type: 'COMMAND' as const, delay_seconds: 0, interval_seconds: 0.02 };
    const command = { value: 'test -e ready' };
    run(shell('web.1', 'echo hello; touch ready; exec sleep 1000', { health_check: { ...check, command } }));
    await master.until(() => master.statuses('web.1').at(-1)?.healthy === true);
    for (const prefix of ['', '/slave(1)', '/slave%281%29']) {
      expect((await get(agent, `${prefix}/state`)).status).toBe(200);
      expect((await get(agent, `${prefix}/version`)).text).toContain('"version":"1.11.0"');
    }
    const state = JSON.parse((await get(agent, '/state')).text);
    expect(state).toMatchObject({
      id: 'agent-S0',
      pid: `slave(1)@127.0.0.1:${agent.address.port}`,
      resources: { cpus: 4, mem: 1024, disk: 1000, gpus: 0, ports: '[31000-31010]' },
      attributes: { rack: 'r1', level: 3 },
      domain: DOMAIN,
      frameworks: [
        { id: 'fw-1', executors: [{ id: 'web.1', tasks: [{ state: 'TASK_RUNNING', executor_id: '' }] }] },
      ],
    });
    const sandbox = state.frameworks[0].executors[0].directory as string;
    const names = JSON.parse((await get(agent, `/files/browse?path=${sandbox}`)).text) as { path: string }[];
    expect(names.map((n) => n.path)).toEqual([`${sandbox}/ready`, `${sandbox}/stderr`, `${sandbox}/stdout`]);
    const virtual = '/frameworks/fw-1/executors/web.1/runs/latest/stdout';
    expect(JSON.parse((await get(agent, `/files/read?path=${virtual}&offset=0`)).text)).toEqual({
      data: 'hello\n',
      offset: 0,
    });
    expect(JSON.parse((await get(agent, `/files/read?path=${virtual}`)).text)).toEqual({
      data: '',
      offset: 6,
    });
    expect((await get(agent, `/files/download?path=${virtual}`)).text).toBe('hello\n');
    expect((await get(agent, `/files/read?path=${sandbox}/../../../../../../../../etc/passwd`)).status).toBe(
      400,
    );
    expect((await get(agent, '/files/read?path=/etc/passwd')).status).toBe(404);
    expect((await get(agent, '/files/browse')).text).toBe("Expecting 'path=value' in query.\n");
    expect((await get(agent, '/state.json')).text).toBe('404 Not Found.');
    expect((await get(agent, '/health')).text).toBe('');
    expect((await get(agent, '/ready')).status).toBe(200);
    expect((await get(agent, '/metrics')).text).toContain('rimrock_agent_registered 1');
    const usage = JSON.parse((await get(agent, '/monitor/statistics')).text);
    expect(usage[0].statistics.mem_rss_bytes).toBeGreaterThan(0);
    expect(JSON.parse((await get(agent, '/metrics/snapshot')).text)['slave/tasks_running']).toBe(1);
  });

  it('answers the operator calls, refuses the others', async () => {
    const agent = await registered();
    run(shell('t', 'exec sleep 1000'));
    await reached('t', 'TASK_RUNNING');
    for (const type of [
      'HEALTH',
      'VERSION',
      'FLAGS',
      'METRICS',
      'STATE',
      'TASKS',
      'EXECUTORS',
      'FRAMEWORKS',
      'AGENT',
    ]) {
      const answer = await call(agent, { type: `GET_${type}`, get_metrics: {} });
      expect([type, answer.status, answer.json['type']]).toEqual([type, 200, `GET_${type}`]);
    }
    const { json } = await call(agent, { type: 'GET_CONTAINERS' });
    expect(json).toMatchObject({ get_containers: { containers: [{ executor_id: { value: 't' } }] } });
    const session = { type: 'LAUNCH_NESTED_CONTAINER_SESSION', launch_nested_container_session: {} };
    expect((await call(agent, session)).status).toBe(501);
    expect((await call(agent, { type: 'NONSENSE' })).status).toBe(400);
    expect((await call(agent, {})).status).toBe(400);
    const path = '/frameworks/fw-1/executors/t/runs/latest';
    expect((await call(agent, { type: 'LIST_FILES', list_files: { path } })).json).toMatchObject({
      list_files: { file_infos: [{ path: `${path}/stderr` }, { path: `${path}/stdout` }] },
    });
    expect(
      (await call(agent, { type: 'READ_FILE', read_file: { path: `${path}/stdout`, offset: 0 } })).json,
    ).toEqual({
      type: 'READ_FILE',
      read_file: { size: 0, data: '' },
    });
  });
});
