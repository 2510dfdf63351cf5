import { execFile } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { root } from '../support/root.ts';

// A platform that asks who you are, used with curl and openssl as clients of DC/OS use it.
const exec = promisify(execFile);

let site: Site;
let up: Running;
let iam: string;
let marathon: string;

async function start(): Promise<Running> {
  const settings = Object.entries({ ...site.settings(), 'auth.required': 'true', 'dns.externalOn': 'false' });
  return site.start('up', { arguments: settings.flatMap(([key, value]) => ['--set', `${key}=${value}`]) });
}

beforeAll(async () => {
  site = await Site.make();
  up = await start();
  iam = `http://127.0.0.1:${site.ports.auth}/acs/api/v1`;
  marathon = `http://127.0.0.1:${site.ports.marathon}`;
});
afterAll(() => site.close());

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly head: string;
}

async function curl(...words: string[]): Promise<Answer> {
  const { stdout } = await exec('curl', ['-sS', '-i', '--max-time', '30', ...words]);
  const end = stdout.indexOf('\r\n\r\n');
  const head = stdout.slice(0, end);
  return { status: Number(head.split(' ')[1]), head, body: stdout.slice(end + 4) };
}

const file = (name: string): string => join(site.data, name);
const json = (value: unknown): string[] => ['-d', JSON.stringify(value)];
const tokenOf = ({ body }: Answer): string => (JSON.parse(body) as { token: string }).token;
const as = (token: string): string[] => ['-H', `Authorization: token=${token}`];

describe('a platform that asks who you are', () => {
  let admin: string;

  it('lets nobody in before, but to ask how to log in and whether it is well', async () => {
    const { ports } = site;
    const asked = [
      ['master/state', ports.master],
      ['state', ports.agent],
      ['v2/apps', ports.marathon],
      ['v1/enumerate', ports.dnsHttp],
      ['routes', ports.admin],
      ['acs/api/v1/users', ports.auth],
    ] as const;
    for (const [path, port] of asked)
      expect((await curl(`http://127.0.0.1:${port}/${path}`)).status, path).toBe(401);
    const agent = await curl(`http://127.0.0.1:${ports.agent}/state`);
    expect([agent.body, agent.head]).toEqual([
      '401 Unauthorized.',
      expect.stringMatching(/^www-authenticate: Basic realm="mesos-agent-readonly"/im),
    ]);
    const refused = await curl('-u', 'any:body', `${marathon}/v2/apps`);
    expect([refused.body, refused.head]).toEqual([
      '{"message":"Invalid username or password."}',
      expect.stringMatching(/^www-authenticate: Basic realm="Mesosphere"/im),
    ]);
    for (const port of [ports.master, ports.agent, ports.marathon, ports.dnsHttp, ports.admin, ports.auth])
      expect((await curl(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
    const providers = JSON.parse((await curl(`${iam}/auth/providers`)).body) as Record<string, unknown>;
    expect(providers['dcos-users']).toMatchObject({ 'authentication-type': 'dcos-uid-password' });
  });

  it('logs the first account in, whose password is replaced', async () => {
    const password = /one-time password (\S+) \(/.exec(up.output())?.[1] ?? '';
    const login = [`${iam}/auth/login`, '-H', 'Content-Type: application/json'];
    expect((await curl(...login, ...json({ uid: 'admin', password }))).status).toBe(403);
    const changed = await curl(...login, ...json({ uid: 'admin', password, new_password: 'correct horse' }));
    expect(changed.status).toBe(200);
    admin = tokenOf(changed);
    const again = await curl(
      ...login,
      '-c',
      file('cookies'),
      ...json({ uid: 'admin', password: 'correct horse' }),
    );
    expect(again.head).toMatch(/^set-cookie: dcos-acs-auth-cookie=.*HttpOnly/im);
    const kept = await exec('grep', ['-rl', 'correct horse', site.data]).catch(() => ({ stdout: '' }));
    expect(kept.stdout).toBe('');
  });

  it('takes the cookie for reading, and for writing from its own pages', async () => {
    const groups = `${iam}/groups/made-by-cookie`;
    expect((await curl('-b', file('cookies'), `${marathon}/v2/apps`)).status).toBe(200);
    expect((await curl('-b', file('cookies'), '-X', 'PUT', groups)).status).toBe(403);
    const evil = ['-H', 'Origin: https://evil.example'];
    expect((await curl('-b', file('cookies'), ...evil, '-X', 'PUT', groups)).status).toBe(403);
    const own = ['-H', `Origin: http://127.0.0.1:${site.ports.auth}`];
    expect((await curl('-b', file('cookies'), ...own, '-X', 'PUT', groups)).status).toBe(201);
  });

  it('runs tasks: its own parts log in to each other', async () => {
    const app = { id: '/sleeper', cmd: 'sleep 1000', cpus: 0.1, mem: 32 };
    const made = await curl(
      ...as(admin),
      '-H',
      'Content-Type: application/json',
      ...json(app),
      `${marathon}/v2/apps`,
    );
    expect(made.status).toBe(201);
    await eventually('the task to run', async () => {
      const { body } = await curl(...as(admin), `http://127.0.0.1:${site.ports.master}/master/state`);
      return /"state":"TASK_RUNNING"/.test(body) && body.includes('"principal":"rimrock"');
    });
    expect((await curl(...as(admin), '-X', 'DELETE', `${marathon}/v2/apps/sleeper`)).status).toBe(200);
  });

  it('logs a service account in with a key and a token that openssl made; ending the session shuts it out', async () => {
    await exec('openssl', ['genrsa', '-out', file('svc.key'), '2048']);
    await exec('openssl', ['rsa', '-in', file('svc.key'), '-pubout', '-out', file('svc.pub')]);
    const { stdout: public_key } = await exec('cat', [file('svc.pub')]);
    const put = await curl(...as(admin), '-X', 'PUT', ...json({ public_key }), `${iam}/users/deployer`);
    expect(put.status).toBe(201);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const exp = Math.floor(Date.now() / 1000) + 240;
    const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ uid: 'deployer', exp })}`;
    writeFileSync(file('signed'), signed);
    await exec('openssl', [
      'dgst',
      '-sha256',
      '-sign',
      file('svc.key'),
      '-out',
      file('signature'),
      file('signed'),
    ]);
    const { stdout } = await exec('base64', ['-w0', file('signature')]);
    const signature = stdout.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const login = await curl(
      `${iam}/auth/login`,
      ...json({ uid: 'deployer', token: `${signed}.${signature}` }),
    );
    const token = tokenOf(login);
    expect((await curl(...as(token), `${marathon}/v2/apps`)).status).toBe(200);
    expect((await curl('-H', `Authorization: Bearer ${token}`, `${marathon}/v2/apps`)).status).toBe(200);
    const { body } = await curl(...as(admin), `${iam}/sessions?uid=deployer`);
    const [session] = (JSON.parse(body) as { array: { id: string }[] }).array;
    expect((await curl(...as(admin), '-X', 'DELETE', `${iam}/sessions/${session?.id}`)).status).toBe(204);
    expect((await curl(...as(token), `${marathon}/v2/apps`)).status).toBe(401);
  });

  it('knows who is logged in when it comes back, and who has logged out', async () => {
    expect(await up.interrupt()).toBe(0);
    up = await start();
    expect(up.output()).not.toContain('one-time password');
    expect((await curl(...as(admin), `${marathon}/v2/apps`)).status).toBe(200);
    expect((await curl(...as(admin), `${iam}/auth/logout`)).status).toBe(200);
    expect((await curl(...as(admin), `${marathon}/v2/apps`)).status).toBe(401);
    expect((await curl('-b', file('cookies'), `${marathon}/v2/apps`)).status).toBe(200);
  });

  it('is spoken to from the command line, which keeps the token for its owner alone', async () => {
    writeFileSync(file('password'), 'correct horse\n');
    const env = {
      ...process.env,
      RIMROCK_HOME: file('home'),
      RIMROCK_API: `http://127.0.0.1:${site.ports.auth}`,
    };
    const rimrock = (...words: string[]): ReturnType<typeof exec> =>
      exec(process.execPath, ['bin/rimrock.mjs', ...words], { cwd: root, env });
    await rimrock('login', 'admin', '--password-file', file('password'));
    expect(statSync(join(file('home'), 'login.json')).mode & 0o777).toBe(0o600);
    expect((await rimrock('group', 'list')).stdout).toContain('made-by-cookie');
    await rimrock('logout');
    await expect(rimrock('group', 'list')).rejects.toMatchObject({ code: 1 });
  });
});
