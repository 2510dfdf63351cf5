import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuth } from '../../../auth/index.ts';
import type { Auth } from '../../../auth/index.ts';
import { systemClock } from '../../../core/clock.ts';
import { Health } from '../../../core/health.ts';
import { silentLogger } from '../../../core/log.ts';
import { Metrics } from '../../../core/metrics.ts';
import { systemRandom } from '../../../core/random.ts';
import { memoryStore } from '../../../store/index.ts';
import { rimrockConfigSchema } from '../../config/schema.ts';
import { FakeWorld } from '../../testing/fake-world.ts';
import { main } from '../main.ts';

let auth: Auth;
let world: FakeWorld;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rimrock-identity-'));
  await start();
});
afterEach(async () => {
  await auth.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(required = false): Promise<void> {
  auth = createAuth({
    config: rimrockConfigSchema.parse({ auth: { port: 0, required } }).auth,
    folder,
    store: memoryStore(),
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    metrics: new Metrics(),
    health: new Health(),
  });
  await auth.start();
  world = new FakeWorld();
  world.environment['RIMROCK_API'] = `http://127.0.0.1:${auth.address.port}`;
}

/** What a command says, after what the person types. */
async function run(words: string, ...typed: string[]): Promise<{ status: number; out: string; err: string }> {
  world.stdout = world.stderr = '';
  world.typed.splice(0, Infinity, ...typed);
  const status = await main(words.split(' '), world);
  return { status, out: world.stdout, err: world.stderr };
}

const oneTime = (): string => /password (\S+) /.exec(auth.notes().join())?.[1] ?? '';
const ok = { status: 0, err: expect.any(String) as string };

describe('accounts from the command line', () => {
  it('log in with a one-time password, which is replaced, and out', async () => {
    expect(await run('user list')).toMatchObject({ status: 1, err: /log in with: rimrock login/ });
    const login = await run('login admin', oneTime(), 'my-own', 'my-own');
    expect(login).toEqual({ ...ok, out: expect.stringMatching(/^admin is logged in at http/) as string });
    expect(login.err).toContain('good once');
    expect(world.stdout + world.stderr).not.toContain('my-own');
    expect((await run('user list')).out).toMatch(/^UID +DESCRIPTION\nadmin +the first account\n$/);
    const list = await run('session list');
    expect(list.out).toContain('this one');
    expect((await run('logout')).out).toBe('admin is logged out.\n');
    expect((await run('session list')).status).toBe(1);
    expect((await run('logout')).out).toBe('Nobody is logged in.\n');
  });

  it('change a password without a login first, and refuse two that differ', async () => {
    expect((await run('user passwd admin', oneTime(), 'my-own', 'my-0wn')).err).toContain('not the same');
    expect(await run('user passwd admin', oneTime(), 'my-own', 'my-own')).toMatchObject(ok);
    expect((await run('login admin', 'wrong')).status).toBe(1);
    expect(await run('login admin', 'my-own')).toMatchObject(ok);
    expect(await run('user passwd admin', 'my-own', 'newer', 'newer')).toMatchObject(ok);
    expect(await run('login admin', 'newer')).toMatchObject(ok);
  });

  it('are made, put into groups and taken away; services log in with a key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    world.files.set('/here/svc.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString());
    world.files.set('/here/svc.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    world.files.set('/here/password', 'from-a-file\nmore');
    await run('login admin', oneTime(), 'my-own', 'my-own');
    expect(await run('user add bob --password-file password --description Bob')).toMatchObject(ok);
    expect(await run('user add svc --public-key svc.pub')).toMatchObject(ok);
    expect((await run('user list --service')).out).toMatch(/^UID +DESCRIPTION\nsvc\n$/);
    expect(await run('group add ops')).toMatchObject(ok);
    expect(await run('group add-user ops bob')).toMatchObject(ok);
    expect((await run('group show ops')).out).toContain('bob');
    expect(JSON.parse((await run('user show bob')).out)).toMatchObject({ uid: 'bob', groups: ['ops'] });
    expect((await run('user passwd bob', 'changed', 'changed')).status).toBe(0);
    expect(await run('login bob', 'changed')).toMatchObject(ok);
    expect(await run('user list')).toMatchObject({ status: 1, err: /superusers/ });
    expect(await run('login svc --private-key svc.key')).toMatchObject(ok);
    expect(JSON.parse((await run('session list --json')).out)).toMatchObject([
      { uid: 'svc', how: 'service-key' },
    ]);
    await run('login admin', 'my-own');
    const sessions = JSON.parse((await run('session list --uid svc --json')).out) as { id: string }[];
    expect(await run(`session end ${sessions[0]?.id}`)).toMatchObject(ok);
    expect(await run('group remove-user ops bob')).toMatchObject(ok);
    expect(await run('group remove ops')).toMatchObject(ok);
    expect(await run('user remove bob')).toMatchObject(ok);
    expect((await run('user show bob')).err).toContain("there is no user 'bob'");
  });

  it('are who asks the certificate authority, where they are logged in', async () => {
    await auth.stop();
    await start(true);
    expect((await run('ca state')).err).toContain('ERR_LOGIN_REQUIRED');
    await run('login admin', oneTime(), 'my-own', 'my-own');
    expect((await run('ca state')).out).toMatch(/^trust domain/);
  });

  it('say why they cannot go on', async () => {
    expect((await run('login admin')).err).toContain('there is nobody to ask for the password');
    expect((await run('login admin --api http://127.0.0.1:1', 'x')).err).toContain('cannot be asked');
    expect((await run('user')).status).toBe(2);
    expect((await run('user ad bob')).err).toContain('add');
  });

  it('send a token only to where it is from', async () => {
    await run('login admin', oneTime(), 'my-own', 'my-own');
    const { IamClient } = await import('./iam-client.ts');
    expect((await IamClient.open(world, undefined)).token).toBeDefined();
    expect((await IamClient.open(world, 'http://127.0.0.1:2')).token).toBeUndefined();
  });
});
