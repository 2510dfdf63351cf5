import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/root.ts';

const BIN = join(root, 'bin/rimrock.mjs');
const TASKS = 100_000;
const AGENTS = TASKS / 10;

describe('a cluster of 100,000 tasks', () => {
  /** MB. What `/tasks` answers has 80, and takes several times that when it is parsed as one. */
  const HEAP = 192;

  const server = createServer((asked, response) => {
    const path = asked.url?.split('?')[0] ?? '';
    const frameworks = [{ framework_info: { id: { value: 'm-0000' }, name: 'marathon' } }];
    if (path === '/tasks') void writeList(response, 'tasks', TASKS, taskText);
    else if (path === '/slaves') void writeList(response, 'slaves', AGENTS, agentText);
    else response.end(JSON.stringify({ get_frameworks: { frameworks } }));
  });
  beforeAll(() => new Promise<void>((done) => server.listen(0, '127.0.0.1', done)));
  afterAll(() => new Promise((done) => server.close(done)));

  it('is listed without having it in memory', { timeout: 180_000 }, async () => {
    const master = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const list = async (...words: string[]): Promise<string[]> => {
      const all = [`--max-old-space-size=${HEAP}`, BIN, 'tasks', '--master', master, ...words];
      const { stdout } = await promisify(execFile)(process.execPath, all, {
        maxBuffer: 1e8,
        timeout: 170_000,
      });
      return stdout.trimEnd().split('\n');
    };
    expect(await list()).toHaveLength(TASKS + 1);
    expect(await list('--agent', 'S77')).toHaveLength(10 + 1);
  });
});

function taskText(i: number): string {
  const status = {
    timestamp: 1e9,
    healthy: true,
    container_status: { container_id: { value: `${i}`.repeat(10) } },
  };
  return JSON.stringify({
    id: `app.instance-4acd2752-2e82-4f61-a230-${String(i).padStart(12, '0')}._app.1`,
    name: 'app',
    framework_id: 'm-0000',
    slave_id: `m-S${i % AGENTS}`,
    state: 'TASK_RUNNING',
    resources: { cpus: 0.1, mem: 32, ports: '[31000-31000]' },
    statuses: ['TASK_STARTING', 'TASK_RUNNING'].map((state) => ({ ...status, state })),
    labels: [{ key: 'HAPROXY_0_VHOST', value: `app${i}.example.test` }],
  });
}

function agentText(i: number): string {
  return JSON.stringify({ id: `m-S${i}`, hostname: `host${i}.example.test`, attributes: { rack: 'r1' } });
}

async function writeList(
  response: ServerResponse,
  name: string,
  count: number,
  textOf: (i: number) => string,
): Promise<void> {
  response.write(`{"${name}":[`);
  for (let i = 0; i < count; i++)
    if (!response.write((i === 0 ? '' : ',') + textOf(i)))
      await new Promise((done) => response.once('drain', done));
  response.end(']}');
}
