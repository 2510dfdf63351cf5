import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRecords } from '../../bench/cluster/scale/wire.ts';
import { AGENT_API_PATH } from '../../src/mesos/index.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { root } from '../support/root.ts';

// What `npm run bench:cluster` measures, with a bound that only something wrong goes over: at once, an answer for this many tasks takes
// twice as long and more.

const AGENTS = 40;
const TASKS_EACH = 2000;
/** Of CPU, so that a full machine does not decide. */
const LONGEST_BLOCK_MS = 150;

let master: ChildProcess;
let port: number;
let folder: string;
const sockets: { destroy(): void }[] = [];
const LABELS = { labels: Array.from({ length: 12 }, (_, i) => ({ key: `key${i}`, value: `value of ${i}` })) };

function order<T>(what: string): Promise<T> {
  const answer = once(master, 'message').then(([message]) => (message as { answer: T }).answer);
  master.send({ id: 0, order: what, given: {} });
  return answer;
}

/** An agent that comes back with what it runs. */
function agentComes(n: number): Promise<void> {
  const agentId = { value: `elsewhere-S${n}` };
  const framework = { id: { value: 'elsewhere-0000' }, user: 'u', name: 'f', failover_timeout: 3600 };
  const tasks = Array.from({ length: TASKS_EACH }, (_, i) => {
    const task_id = { value: `task-${n}-${i}` };
    const resources = [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.001 }, allocation_info: { role: '*' } },
    ];
    return {
      framework_id: framework.id,
      task: { name: 'web', task_id, agent_id: agentId, resources, labels: LABELS, command: { value: 'x' } },
      state: 'TASK_RUNNING',
      last_status: { task_id, agent_id: agentId, state: 'TASK_RUNNING', timestamp: n * TASKS_EACH + i },
    };
  });
  const call = {
    type: 'SUBSCRIBE',
    subscribe: {
      agent_info: {
        id: agentId,
        hostname: `agent${n}`,
        port: 5051,
        resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 4 } }],
      },
      address: { ip: `10.0.0.${n}`, port: 5051 },
      version: '1.11.0',
      capabilities: [],
      frameworks: [{ ...framework, checkpoint: true }],
      tasks,
    },
  };
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('the master has closed the stream of an agent'));
    sockets.push(openRecords(port, AGENT_API_PATH, call, { opened() {}, record: () => resolve(), closed }));
  });
}

beforeAll(async () => {
  [port = 0] = await freePorts(1);
  folder = mkdtempSync(join(tmpdir(), 'rimrock-long-'));
  const set = [`data=${folder}`, `master.port=${port}`, 'log.level=error', 'auth.port=0'];
  const words = ['master', 'master', ...set.flatMap((one) => ['-s', one])];
  // the real program, with somebody inside who tells how long its main thread was busy
  master = fork(join(root, 'bench/cluster/scale/run.ts'), words, {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const isUp = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/health`)).ok;
  await eventually('the master', isUp, { timeoutMs: 60_000 });
  for (let n = 0; n < AGENTS; n++) await agentComes(n);
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  const over = once(master, 'exit');
  master.kill('SIGKILL');
  await over;
  rmSync(folder, { recursive: true, force: true });
});

const ask = (type: string, accept = 'application/json'): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', accept },
  body: JSON.stringify({ type }),
});

describe(`answers for ${AGENTS * TASKS_EACH} tasks`, () => {
  it.each([
    ['/state', '/state', {}],
    ['/tasks', `/tasks?limit=${AGENTS * TASKS_EACH}`, {}],
    ['GET_STATE', '/api/v1', ask('GET_STATE')],
    ['GET_STATE in protobuf', '/api/v1', ask('GET_STATE', 'application/x-protobuf')],
  ])('%s keeps nobody waiting', async (_name, path, init) => {
    await order('blocks');
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    const body = Buffer.from(await response.arrayBuffer());
    const { longest } = await order<{ longest: number }>('blocks');
    console.log(
      `${path}: ${(body.length / 1e6).toFixed(1)} MB, longest block ${longest.toFixed(1)} ms of CPU`,
    );
    expect(response.status).toBe(200);
    expect(longest).toBeLessThan(LONGEST_BLOCK_MS);
    const named = new Set(body.toString('latin1').match(/task-\d+-\d+/g));
    expect(named.size).toBe(AGENTS * TASKS_EACH);
  });
});
