import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../core/http/client.ts';
import type { TaskInfo, TaskStatus } from '../mesos/index.ts';
import { FakeMaster } from './testing/fake-master.ts';
import { realAgent } from './testing/real-agent.ts';
import type { Agent } from './testing/real-agent.ts';
import { FRAMEWORK, taskInfo } from './testing/task-context.ts';

// What is in the sandbox of a task, from the order of the master to what people read of it.

const MB = 1024 * 1024;
const http = createHttpClient();
afterAll(() => http.close());
let folder: string;
let master: FakeMaster;
let at: string;
let agent: Agent;
let stop: (() => Promise<void>)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandboxes-'));
  master = new FakeMaster();
  stop = [() => master.close()];
});
afterEach(async () => {
  for (const end of stop.toReversed()) await end();
  await rm(folder, { recursive: true, force: true });
});

async function start(config: Record<string, unknown> = {}): Promise<void> {
  agent = realAgent(
    {
      master: await master.listen(),
      workDir: join(folder, 'work'),
      onStop: 'kill',
      isolation: 'process',
      ...config,
    },
    { environment: { PATH: '/usr/bin:/bin', HOME: '/agent-home' } },
  );
  stop.push(() => agent.stop());
  await agent.start();
  at = `http://${agent.address.host}:${agent.address.port}`;
  await master.until(() => master.subscriptions.length > 0);
}

function run(id: string, command: NonNullable<TaskInfo['command']>, extra: Partial<TaskInfo> = {}): void {
  const task = taskInfo(id, { command, ...extra });
  master.send({ type: 'RUN_TASK', run_task: { framework_info: FRAMEWORK, task } });
}
async function reached(id: string, state: string): Promise<TaskStatus | undefined> {
  const found = (): TaskStatus | undefined => master.statuses(id).find((s) => s.state === state);
  await master.until(() => found() !== undefined);
  return found();
}
const get = async (path: string): Promise<{ status: number; text: string }> => {
  const answer = await http.request({ method: 'GET', url: `${at}${path}` });
  return { status: answer.status, text: await answer.text() };
};
const virtual = (id: string, name: string): string =>
  encodeURIComponent(`/frameworks/fw-1/executors/${id}/runs/latest/${name}`);
const read = async (id: string, name: string): Promise<string> =>
  (await get(`/files/download?path=${virtual(id, name)}`)).text;

describe('what a task finds in its sandbox', () => {
  it('is fetched before it runs; a failure says which URI, what happened, and is in its log', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/tool') response.end('#!/bin/sh\necho fetched "$1"\n');
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stop.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await start();
    run('good', { value: './tool it', uris: [{ value: `${from}/tool`, executable: true }] });
    run('bad', { value: 'true', uris: [{ value: `${from}/none` }] });
    await reached('good', 'TASK_FINISHED');
    expect(await read('good', 'stdout')).toBe('fetched it\n');
    expect(await reached('bad', 'TASK_FAILED')).toMatchObject({
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      source: 'SOURCE_AGENT',
      message: `Failed to fetch ${from}/none: the server answered 404 Not Found`,
    });
    expect(await read('bad', 'stderr')).toContain(`Failed to fetch ${from}/none`);
  });

  it('are its secrets, which nobody else gets to see', async () => {
    await mkdir(join(folder, 'store'));
    await writeFile(join(folder, 'store/db'), 'by-name-4711', { mode: 0o600 });
    await start({ secretsDir: join(folder, 'store') });
    const value = {
      type: 'VALUE',
      value: { data: Buffer.from('as-it-is-4712').toString('base64') },
    } as const;
    const named = { type: 'REFERENCE', reference: { name: 'db' } } as const;
    const variables = [
      { name: 'A', type: 'SECRET' as const, secret: value },
      { name: 'B', type: 'SECRET' as const, secret: named },
    ];
    const volumes = [value, named].map((secret, i) => ({
      container_path: `secrets/${i}`,
      mode: 'RO' as const,
      source: { type: 'SECRET', secret },
    }));
    const script = '[ "$A$B" = "$(cat secrets/0 secrets/1)" ] && echo "${#A} ${#B}" && exec sleep 1000';
    run('told', { value: script, environment: { variables } }, { container: { type: 'MESOS', volumes } });
    run('none', {
      value: 'true',
      environment: {
        variables: [{ name: 'A', type: 'SECRET', secret: { type: 'REFERENCE', reference: { name: 'no' } } }],
      },
    });
    await reached('told', 'TASK_RUNNING');
    await expect.poll(() => read('told', 'stdout'), { timeout: 30_000 }).toBe('13 12\n');
    expect((await reached('none', 'TASK_FAILED'))?.message).toBe(
      "Environment variable 'A': this agent has no secret 'no' (agent.secretsDir)",
    );
    const seen = [
      (await get('/state')).text,
      JSON.stringify(master.calls.filter((c) => c.type === 'UPDATE')),
    ];
    for (const type of ['GET_STATE', 'GET_EXECUTORS', 'GET_TASKS']) {
      const answer = await http.request({
        method: 'POST',
        url: `${at}/api/v1`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ type }),
      });
      expect(answer.status).toBe(200);
      seen.push(await answer.text());
    }
    expect(seen.join()).toContain('secrets/1');
    expect(seen.join()).not.toMatch(/by-name-4711|as-it-is-4712|YXMtaXQtaXMtNDcxMg/);
    expect((await get(`/files/download?path=${virtual('told', 'secrets/1')}`)).status).toBe(400);
  });

  it.runIf(process.getuid?.() === 0)(
    'is for its user: HOME, secrets, and every path that it is told',
    async () => {
      await chmod(folder, 0o755);
      await start({ switchUser: true });
      const value = { type: 'VALUE', value: { data: Buffer.from('x').toString('base64') } } as const;
      const volumes = [
        { container_path: 's', mode: 'RO' as const, source: { type: 'SECRET', secret: value } },
      ];
      const script =
        'id -un; echo "$HOME"; cat s; echo; echo made >"$MESOS_SANDBOX/made"; cat "$MESOS_SANDBOX/made"';
      run('other', { value: script, user: 'daemon' }, { container: { type: 'MESOS', volumes } });
      run('own', { value: 'id -un; echo "$HOME"', user: 'root' });
      await Promise.all([reached('other', 'TASK_FINISHED'), reached('own', 'TASK_FINISHED')]);
      expect(await read('other', 'stdout')).toBe('daemon\n/usr/sbin\nx\nmade\n');
      expect(await read('own', 'stdout')).toBe('root\n/root\n');
    },
  );
});

describe('the disk of a task', () => {
  it('is shown, and a task that takes more than it asked for ends', async () => {
    await start({ diskWatchIntervalSeconds: 0.05, enforceDiskQuota: true });
    const disk = (value: number): Pick<TaskInfo, 'resources'> => ({
      resources: [{ name: 'disk', type: 'SCALAR', scalar: { value } }],
    });
    run('modest', { value: 'head -c 1000000 /dev/zero >file; exec sleep 1000' }, disk(8));
    run('greedy', { value: 'head -c 20000000 /dev/zero >file; exec sleep 1000' }, disk(8));
    const failed = await reached('greedy', 'TASK_FAILED');
    expect(failed).toMatchObject({
      reason: 'REASON_CONTAINER_LIMITATION_DISK',
      message: expect.stringMatching(/^Disk usage \([\d.]+MB\) exceeds quota \(8MB\)$/),
      limitation: { resources: [{ name: 'disk' }] },
    });
    const statistics = async (): Promise<Record<string, number>> =>
      (JSON.parse((await get('/monitor/statistics')).text) as { statistics: Record<string, number> }[])[0]
        ?.statistics ?? {};
    await expect
      .poll(async () => (await statistics())['disk_used_bytes'] ?? 0, { timeout: 30_000 })
      .toBeGreaterThan(1_000_000);
    expect((await statistics())['disk_limit_bytes']).toBe(8 * MB);
    expect(master.statuses('modest').map((s) => s.state)).not.toContain('TASK_FAILED');
  });
});

describe('the log of a task', () => {
  it('is followed by its offset, as tail -f would, and nothing is lost or doubled', async () => {
    await start();
    const lines = 30_000;
    run('writer', {
      value: `i=0; while [ $i -lt ${lines} ]; do echo "line $i of the log ä"; i=$((i+1)); done`,
    });
    await reached('writer', 'TASK_RUNNING');
    const pieces: Buffer[] = [];
    let offset = 0;
    const step = async (): Promise<number> => {
      const answer = await http.request({
        method: 'POST',
        url: `${at}/api/v1`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          type: 'READ_FILE',
          read_file: { path: decodeURIComponent(virtual('writer', 'stdout')), offset },
        }),
      });
      const { read_file } = JSON.parse(await answer.text()) as { read_file: { data?: string } };
      const piece = Buffer.from(read_file.data ?? '', 'base64');
      expect(piece.byteLength).toBeLessThanOrEqual(65_536);
      pieces.push(piece);
      offset += piece.byteLength;
      return piece.byteLength;
    };
    const over = (): boolean => master.statuses('writer').some((s) => s.state === 'TASK_FINISHED');
    for (let last = false; !last;) {
      last = over();
      while ((await step()) > 0);
    }
    const whole = Array.from({ length: lines }, (_, i) => `line ${i} of the log ä\n`).join('');
    expect(Buffer.concat(pieces).toString()).toBe(whole);
    // the same by the older API, which has text
    const size = JSON.parse((await get(`/files/read?path=${virtual('writer', 'stdout')}`)).text) as unknown;
    expect(size).toEqual({ data: '', offset });
    const some = await get(`/files/read?path=${virtual('writer', 'stdout')}&offset=5&length=3`);
    expect(JSON.parse(some.text)).toEqual({ data: '0 o', offset: 5 });
    const beyond = await get(`/files/read?path=${virtual('writer', 'stdout')}&offset=${offset + 9}`);
    expect(JSON.parse(beyond.text)).toEqual({ data: '', offset: offset + 9 });
    const listed = JSON.parse((await get(`/files/browse?path=${virtual('writer', '')}`)).text) as {
      path: string;
    }[];
    expect(listed.map(({ path }) => path.split('/').at(-1))).toEqual(['stderr', 'stdout']);
    const [escape, none] = [
      await get(`/files/read?path=${virtual('writer', '../../../x')}`),
      await get('/files/read?path=/etc/passwd'),
    ];
    expect([escape.status, none.status]).toEqual([400, 404]);
    expect(await readFile(join(folder, 'work/meta/agent.json'), 'utf8')).toContain('agent-S0');
  });
});
