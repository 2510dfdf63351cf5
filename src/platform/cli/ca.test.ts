import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuth } from '../../auth/index.ts';
import type { Auth } from '../../auth/index.ts';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import { memoryStore } from '../../store/index.ts';
import { rimrockConfigSchema } from '../config/schema.ts';
import { FakeWorld } from '../testing/fake-world.ts';
import { main } from './main.ts';

describe('rimrock ca', () => {
  const home = mkdtempSync(join(tmpdir(), 'rimrock-ca-'));
  const health = new Health();
  let auth: Auth;
  let api = '';

  beforeAll(async () => {
    const { auth: config } = rimrockConfigSchema.parse({ auth: { port: 0, ca: { spreadSeconds: 3600 } } });
    auth = createAuth({
      config,
      folder: join(home, 'auth'),
      store: memoryStore(),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics: new Metrics(),
      health,
    });
    await auth.start();
    api = `http://127.0.0.1:${auth.address.port}`;
  });
  afterAll(async () => {
    await auth.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const run = async (...words: string[]): Promise<{ status: number; out: string; err: string }> => {
    const world = new FakeWorld({}, home);
    const status = await main(['ca', ...words, '--api', api], world);
    return { status, out: world.stdout, err: world.stderr };
  };

  it('issues into files that only their owner can read, for a key that was made here', async () => {
    const words = ['--name', '/test/client', '--dns', 'a.test', 'b.test', '--ip', '127.0.0.1', '--out', 'x'];
    const { status, out, err } = await run('issue', ...words);
    expect([status, err]).toEqual([0, '']);
    expect(out).toContain('spiffe://rimrock.local/test/client, until ');
    const files = ['client.pem', 'client-key.pem', 'bundle.pem'].map((name) => join(home, 'x', name));
    for (const file of files) expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o600]);
    const [chain = '', key = '', bundle = ''] = files.map((file) => readFileSync(file, 'utf8'));
    const leaf = new X509Certificate(chain);
    expect(leaf.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(leaf.subjectAltName).toBe(
      'URI:spiffe://rimrock.local/test/client, DNS:a.test, DNS:b.test, IP Address:127.0.0.1',
    );
    expect((await run('bundle')).out).toBe(bundle);
    expect(health.report()).toMatchObject({ ready: true, conditions: { authority: { ok: true } } });
  });

  it('issues PKCS#12 under a password from a file', async () => {
    writeFileSync(join(home, 'password'), 'secret\n');
    const words = ['issue', '--name', 'browser', '--pkcs12', '--seconds', '60'];
    expect((await run(...words)).err).toMatch(/give --password-file/);
    expect((await run(...words, '--password-file', 'password')).status).toBe(0);
    expect(readFileSync(join(home, 'browser.p12'))[0]).toBe(0x30);
  });

  it('leads through a change of the root, and tells who did it', async () => {
    expect((await run('state')).out).toMatch(/^trust domain {2}rimrock.local\nbundle {8}version 1\n/);
    expect((await run('prepare')).out).toMatch(/^next root +[0-9a-f]{16} {2}until .* prepared /m);
    const early = await run('activate');
    expect(early).toMatchObject({ status: 1, out: '' });
    expect(early.err).toMatch(/may not be known everywhere yet\n.*--force.*\n\[AUTH_CA_NOT_SPREAD\]\n$/);
    expect((await run('activate', '--force')).out).toMatch(/^old root .* believed until /m);
    expect((await run('taint')).out).toMatch(/^old root .* tainted/m);
    expect((await run('revoke')).out).not.toContain('old root');
    expect((await run('rotate')).status).toBe(0);
    expect((await run('discard')).status).toBe(1);
    const { out } = await run('audit');
    expect(out.split('\n').map((line) => line.split('  ')[1])).toEqual([
      'create',
      'issue',
      'issue',
      'prepare',
      'activate',
      'taint',
      'revoke',
      'rotate',
      undefined,
    ]);
    expect(JSON.parse((await run('bundle', '--format', 'spiffe')).out).keys).toHaveLength(1);
  });

  it('brings requests out and refuses what does not fit', async () => {
    expect((await run('csr')).out).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----\n/);
    expect((await run('bring-in')).err).toMatch(/give --certificates/);
    writeFileSync(join(home, 'chain.pem'), (await run('bundle')).out);
    expect((await run('bring-in', '--certificates', 'chain.pem')).err).toContain('[AUTH_CA_BAD_CERTIFICATE]');
    writeFileSync(join(home, 'x.p12'), 'no');
    const words = ['bring-in', '--pkcs12', 'x.p12', '--password-file', 'password'];
    expect((await run(...words)).err).toContain('[AUTH_PKCS12_UNREADABLE]');
  });

  it('says when there is no authority', async () => {
    for (const [url, why] of [
      ['http://127.0.0.1:1', /cannot be asked: .*ECONNREFUSED/],
      ['nonsense', /is not a URL/],
    ] as const) {
      const world = new FakeWorld();
      expect(await main(['ca', 'state', '--api', url], world)).toBe(1);
      expect(world.stderr).toMatch(why);
    }
    expect(await main(['ca', 'nonsense'], new FakeWorld())).toBe(2);
  });
});
