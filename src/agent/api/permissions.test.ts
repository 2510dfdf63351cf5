import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Access } from '../../core/http/guard.ts';
import { Health } from '../../core/health.ts';
import type { Api } from '../../core/http/server.ts';
import { Metrics } from '../../core/metrics.ts';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import type { Rule } from '../../core/policy/types.ts';
import { agentConfigSchema } from '../config.ts';
import { commandExecutor } from '../executors/command-executor.ts';
import type { ExecutorView } from '../executors/executor.ts';
import type { TaskRun } from '../tasks/task-run.ts';
import { createAgentApi } from './routes.ts';
import type { AgentView } from './view.ts';

const deny = (action: string, on?: string): Rule => ({
  name: `${action} ${on ?? ''}`.trim(),
  effect: 'deny',
  who: ['principal:ro'],
  may: [action],
  ...(on !== undefined && { on: [on] }),
});

describe('who may look at what on an agent', () => {
  let folder: string;
  let who: string;
  let api: Api;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'agent-permissions-'));
    for (const name of ['mine', 'theirs']) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'stdout'), name);
    }
    const run = (name: string, user: string): ExecutorView =>
      commandExecutor({
        place: { frameworkId: 'fw', executorId: name, taskId: name, agentId: 'S0', containerId: name },
        framework: { name: 'fw', user: 'nobody' },
        task: { name, task_id: { value: name }, resources: [], command: { value: 'true', user } },
        sandbox: join(folder, name),
        state: 'TASK_RUNNING',
        updates: { all: [], closed: false },
      } as unknown as TaskRun);
    const view: Partial<AgentView> = {
      recovered: true,
      info: { hostname: 'h', port: 5051, resources: [] },
      config: agentConfigSchema.parse({}),
      address: { host: '127.0.0.1', port: 5051 },
      startedAt: 0,
      live: [run('mine', 'ro'), run('theirs', 'root')],
      completed: [],
    };
    const access: Access = {
      authenticator: {
        authenticate: async () => ({
          kind: 'subject',
          subject: { kind: 'principal', name: who, groups: [] },
        }),
      },
      authorizer: new CompiledPolicy({
        version: 1,
        default: 'allow',
        rules: [
          deny('access_sandboxes', 'root'),
          deny('view_tasks', 'root'),
          deny('view_flags'),
          deny('get_endpoints'),
        ],
      }),
    };
    api = createAgentApi(view as AgentView, { metrics: new Metrics(), health: new Health(), access });
  });
  afterEach(async () => {
    await api.close();
    await rm(folder, { recursive: true });
  });

  const ask = async (url: string, call?: unknown): Promise<string> => {
    const sent =
      call === undefined
        ? await api.inject({ method: 'GET', url })
        : await api.inject({
            method: 'POST',
            url,
            payload: JSON.stringify(call),
            headers: { 'content-type': 'application/json' },
          });
    return `${sent.statusCode} ${sent.body}`;
  };

  it('is asked of every way into a sandbox', async () => {
    const latest = '/frameworks/fw/executors/theirs/runs/latest/stdout';
    const ways = async (): Promise<string[]> => [
      await ask(`/files/browse?path=${folder}/theirs`),
      await ask(`/files/read?path=${folder}/theirs/stdout&offset=0`),
      await ask(`/slave(1)/files/download?path=${latest}`),
      await ask('/api/v1', { type: 'LIST_FILES', list_files: { path: `${folder}/theirs/` } }),
      await ask('/api/v1', { type: 'READ_FILE', read_file: { path: latest, offset: 0 } }),
    ];
    who = 'ro';
    expect(new Set(await ways())).toEqual(new Set(['403 403 Forbidden.']));
    expect(await ask(`/files/read?path=${folder}/mine/stdout&offset=0`)).toContain('mine');
    expect(await ask(`/files/read?path=${folder}/mine/../theirs/stdout&offset=0`)).toMatch(/^400 /);
    who = 'root';
    expect((await ways()).filter((answer) => !answer.startsWith('200'))).toEqual([]);
  });

  it('is asked of state, flags and endpoints', async () => {
    who = 'ro';
    const state = await ask('/state');
    expect(state).toContain('"mine"');
    expect(state).not.toMatch(/theirs|"flags"/);
    const tasks = await ask('/api/v1', { type: 'GET_TASKS' });
    expect(tasks).toContain('"mine"');
    expect(tasks).not.toContain('theirs');
    expect(await ask('/api/v1', { type: 'GET_FLAGS' })).toBe('403 403 Forbidden.');
    for (const path of ['/flags', '/containers', '/monitor/statistics', '/metrics/snapshot', '/files/debug'])
      expect(await ask(path)).toBe('403 403 Forbidden.');
    who = 'root';
    expect(await ask('/state')).toMatch(/theirs.*"flags"/);
    expect(await ask('/files/debug')).toMatch(/^200/);
  });
});
