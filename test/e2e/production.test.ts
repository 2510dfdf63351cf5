import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { root } from '../support/root.ts';

/** On a machine that is full. */
const SLOWLY = { timeoutMs: 60_000 };
const PASSWORD = 'a-long-password-for-tests';

describe('a platform by the production sample', () => {
  let site: Site;
  let folder: string;
  let up: Running;
  let token = '';

  const ask = async (port: number, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: token === '' ? {} : { authorization: `token=${token}` },
    });

  beforeAll(async () => {
    site = await Site.make();
    folder = mkdtempSync(join(tmpdir(), 'rimrock-production-'));
    copyFileSync(join(root, 'config/policy.yaml'), join(folder, 'policy.yaml'));
    const settings = {
      ...site.settings(),
      'auth.policy.file': join(folder, 'policy.yaml'),
      'lb.http.host': '127.0.0.1',
      'agent.onStop': 'kill',
    };
    const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    up = await site.start('up', { arguments: ['--config', join(root, 'config/production.yaml'), ...set] });
  });
  afterAll(async () => {
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is ready, although everything that no rule speaks of is denied', async () => {
    const { auth, marathon, master } = site.ports;
    expect((await ask(master, '/state')).status).toBe(401);
    const password = await eventually(
      'the one-time password',
      () => /account admin, one-time password (\S+) /.exec(up.output())?.[1],
    );
    const login = await ask(auth, '/acs/api/v1/auth/login', {
      method: 'POST',
      body: JSON.stringify({ uid: 'admin', password, new_password: PASSWORD }),
    });
    expect(login.status, await login.clone().text()).toBe(200);
    ({ token } = (await login.json()) as { token: string });
    await eventually(
      'Marathon to be subscribed and the agent to be there',
      async () => {
        const { slaves } = (await (await ask(master, '/state')).json()) as { slaves: unknown[] };
        return slaves.length === 1 && (await ask(marathon, '/ready')).status === 200;
      },
      SLOWLY,
    );
  });

  it('runs a task for whom a rule allows it', async () => {
    const { marathon } = site.ports;
    const app = { cmd: 'sleep 1000', cpus: 0.1, mem: 16, user: 'nobody', id: '/shop/web' };
    const created = await ask(marathon, '/v2/apps', { method: 'POST', body: JSON.stringify(app) });
    expect(created.status).toBe(201);
    await eventually(
      'the task to run',
      async () => {
        const { tasks } = (await (await ask(marathon, '/v2/tasks')).json()) as { tasks: { state: string }[] };
        return tasks[0]?.state === 'TASK_RUNNING';
      },
      SLOWLY,
    );
  });

  it('follows its rules: who may not look any more does not see', async () => {
    const { marathon, auth } = site.ports;
    const file = join(folder, 'policy.yaml');
    const hidden = '  - { name: hidden, effect: deny, who: anyone, may: "marathon:view" }\n';
    writeFileSync(file, readFileSync(file, 'utf8').replace('rules:\n', `rules:\n${hidden}`));
    await eventually(
      'the rule to be in force',
      async () => {
        const { version } = (await (await ask(auth, '/policy/v1/version')).json()) as { version: number };
        return version === 2;
      },
      SLOWLY,
    );
    expect(await (await ask(marathon, '/v2/apps')).json()).toEqual({ apps: [] });
    expect((await ask(marathon, '/v2/apps/shop/web')).status).toBe(403);
  });
});
