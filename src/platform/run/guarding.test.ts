import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../cli/main.ts';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { rimrockConfigSchema } from '../config/schema.ts';
import { FakeWorld } from '../testing/fake-world.ts';
import { accessByFile, newOwnLogin, withLogin } from './guarding.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rimrock-guarding-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('logins that are required', () => {
  it('give our own parts a login where they have none, and leave those that have', () => {
    const own = newOwnLogin(seededRandom(1));
    expect(own.secret).toMatch(/^[0-9a-f]{64}$/);
    const config = rimrockConfigSchema.parse({ agent: { principal: 'a', secret: 's' } });
    const { agent, marathon, cluster } = withLogin(config, own);
    expect([agent.principal, marathon.principal, cluster.principal]).toEqual(['a', 'rimrock', 'rimrock']);
    expect([agent.secret, marathon.secret, cluster.secret]).toEqual(['s', own.secret, own.secret]);
  });

  it.each(['agent', 'edge', 'marathon'])(
    'keep role %s from starting when nobody can judge them',
    async (role) => {
      const world = new FakeWorld({}, folder);
      const words = [role, '--set', 'auth.required=true', '--set', 'log.level=silent'];
      if (role !== 'edge') words.push('--set', `data=${folder}`);
      expect(await main(words, world)).toBe(1);
      expect(world.stderr).toMatch(
        new RegExp(`role ${role} has nobody to ask[^]*auth\\.login\\.credentials`),
      );
    },
  );

  it('are judged by a credentials file on machines without accounts', async () => {
    const file = join(folder, 'credentials');
    writeFileSync(file, '{"credentials": [{"principal": "ops", "secret": "s3cret"}]}');
    const { login } = rimrockConfigSchema.parse({ auth: { login: { credentials: file } } }).auth;
    const { authenticator } = await accessByFile(login, 'agent', systemClock);
    const ask = (text: string): ReturnType<typeof authenticator.authenticate> =>
      authenticator.authenticate({
        authorization: `Basic ${Buffer.from(text).toString('base64')}`,
        address: '127.0.0.1',
      });
    expect(await ask('ops:s3cret')).toMatchObject({ subject: { kind: 'principal', name: 'ops' } });
    expect(await ask('ops:secret')).toEqual({ kind: 'refused', code: 'credentials-wrong' });
    expect(await authenticator.authenticate({ authorization: 'token=a.b.c', address: '::1' })).toEqual({
      kind: 'refused',
      code: 'token-invalid',
    });
  });
});
