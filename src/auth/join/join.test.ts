import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createHttpClient } from '../../core/http/client.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../../store/index.ts';
import { TlsSite } from '../testing/tls-site.ts';
import { makeKeyRequest } from '../x509/csr.ts';
import { makeKeyPair } from '../x509/make.ts';
import { vouch } from './after-end.ts';
import { joinWithToken, renewEnded } from './client.ts';
import type { JoinedIdentity } from './joined.ts';
import { PATHS } from './messages.ts';
import { readToken, writeToken } from './token-text.ts';
import { JoinTokens } from './tokens.ts';

let site: TlsSite;
beforeEach(() => void (site = new TlsSite()));
afterEach(() => site.close());

const parts = (): { url: string; trustDomain: string } => ({ url: site.url, trustDomain: 'test.local' });

describe('a join token', () => {
  it('buys one certificate, for the one name that it was made for', async () => {
    await site.start();
    const token = await site.token({ name: 'a1', names: ['a1.test'] });
    const kept = await joinWithToken(token, parts());
    expect(kept.svid.id).toBe('spiffe://test.local/agent/a1');
    await expect(joinWithToken(token, parts())).rejects.toMatchObject({ code: 'AUTH_JOIN_TOKEN_REFUSED' });
  });

  it('buys exactly one when a hundred come with it at once', async () => {
    await site.start();
    const token = await site.token();
    const before = (await site.tokens.list()).length;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, () => joinWithToken(token, parts())),
    );
    const codes = outcomes.map((o) =>
      o.status === 'fulfilled' ? 'issued' : (o.reason as { code: string }).code,
    );
    expect(codes.filter((code) => code === 'issued')).toHaveLength(1);
    expect(codes.filter((code) => code === 'AUTH_JOIN_TOKEN_REFUSED')).toHaveLength(99);
    expect((await site.tokens.list()).length).toBe(before);
  });

  it('buys the same key its certificate again for a minute, should the answer be lost, and no other key', async () => {
    await site.start();
    const token = await site.token({ name: 'a1' });
    const keys = makeKeyPair();
    const twice = await Promise.all([1, 2].map(() => joinWithToken(token, parts(), keys)));
    expect(twice.map(({ svid }) => svid.id)).toEqual([
      'spiffe://test.local/agent/a1',
      'spiffe://test.local/agent/a1',
    ]);
    const refused = { code: 'AUTH_JOIN_TOKEN_REFUSED' };
    await expect(joinWithToken(token, parts())).rejects.toMatchObject(refused);
    expect((await joinWithToken(token, parts(), keys)).svid.id).toBe('spiffe://test.local/agent/a1');
    await site.tokens.revoke(readToken(token).id);
    await expect(joinWithToken(token, parts(), keys)).rejects.toMatchObject(refused);
  });

  it('is over for the same key after a minute, or once the certificate was renewed', async () => {
    const clock = new FakeClock();
    const tokens = new JoinTokens({ store: memoryStore(), clock, random: seededRandom(1) });
    const spend = async (text: string, key: string): Promise<string> =>
      tokens.spend(readToken(text), key, '192.0.2.1').then(
        ({ name }) => name,
        () => 'refused',
      );
    const wish = { for: 'agent', ttlMs: 30_000, by: 'test' } as const;
    const first = (await tokens.create({ ...wish, name: 'a' }, 'root')).token;
    expect([await spend(first, 'k'), await spend(first, 'other')]).toEqual(['a', 'refused']);
    clock.advance(59_999);
    expect(await spend(first, 'k')).toBe('a');
    clock.advance(1);
    expect(await spend(first, 'k')).toBe('refused');
    const second = (await tokens.create({ ...wish, name: 'b' }, 'root')).token;
    expect(await spend(second, 'k')).toBe('b');
    const record = await tokens.behind('/agent/b');
    if (record) await tokens.renewed(record, 'k', 'k2');
    expect(await spend(second, 'k')).toBe('refused');
  });

  it('buys nothing when it is changed, has ended or was revoked; and the secret is nowhere in the store', async () => {
    await site.start();
    const text = readToken(await site.token());
    for (const changed of [
      { ...text, secret: text.secret.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) },
      { ...text, id: '0123456789abcdef' },
    ])
      await expect(joinWithToken(writeToken(changed), parts())).rejects.toMatchObject({
        code: 'AUTH_JOIN_TOKEN_REFUSED',
      });
    await expect(joinWithToken(`${writeToken(text)}x`, parts())).rejects.toMatchObject({
      code: 'AUTH_JOIN_TOKEN_BAD',
    });
    expect(JSON.stringify(await site.store.list(''))).not.toContain(text.secret);
    await site.tokens.revoke(text.id);
    await expect(joinWithToken(writeToken(text), parts())).rejects.toMatchObject({
      code: 'AUTH_JOIN_TOKEN_REFUSED',
    });
  });

  it('is not shown to an authority of another root', async () => {
    await site.start();
    const text = readToken(await site.token());
    const wrong = writeToken({ ...text, root: 'ab'.repeat(32) });
    await expect(joinWithToken(wrong, parts())).rejects.toMatchObject({ code: 'AUTH_JOIN_OTHER_AUTHORITY' });
    expect((await joinWithToken(writeToken(text), parts())).svid.id).toMatch(/\/agent\//);
  });

  it('gives no name twice, until the one who has it is revoked', async () => {
    await site.start();
    const first = readToken(await site.token({ name: 'a1' }));
    await expect(site.token({ name: 'a1' })).rejects.toMatchObject({ code: 'AUTH_JOIN_BAD_REQUEST' });
    await site.tokens.revoke(first.id);
    expect(await site.token({ name: 'a1' })).toMatch(/\./);
  });

  it.each([['../x'], ['a/b'], [''], ['x'.repeat(64)], ['.hidden']])(
    'is not made for the name %j',
    async (name) => {
      await site.start();
      await expect(site.token({ name })).rejects.toMatchObject({ code: 'AUTH_JOIN_BAD_REQUEST' });
    },
  );
});

describe('a process that has joined', () => {
  it('keeps its identity over restarts, for its owner alone, without the token', async () => {
    await site.start();
    const first = await site.joined(await site.token({ name: 'a1' }));
    await first.stop();
    const file = join(site.folder, 'one', 'identity.key');
    expect([statSync(file).mode & 0o777, statSync(join(site.folder, 'one')).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    const again = await site.joined('');
    expect(again.current?.svid.id).toBe('spiffe://test.local/agent/a1');
    expect(again.current?.svid.privateKey).toBe(first.current?.svid.privateKey);
  });

  it('renews by its certificate as long as its token is not revoked', async () => {
    await site.start('required', { leafSeconds: 5, intermediateSeconds: 60 });
    const token = await site.token({ name: 'a1' });
    const joined = await site.joined(token);
    const first = joined.current?.svid.certificateChain;
    await new Promise<void>((resolve) => {
      const stop = joined.onChange(({ svid }) => {
        if (svid.certificateChain === first) return;
        stop();
        resolve();
      });
    });
    expect(joined.current?.svid.id).toBe('spiffe://test.local/agent/a1');
    await joined.stop(); // what is written is the newest
    const kept = readFileSync(join(site.folder, 'one', 'identity.key'), 'utf8');
    expect(JSON.parse(kept.slice(kept.indexOf('{')))).toMatchObject({
      svid: { certificateChain: joined.current?.svid.certificateChain },
    });
    await site.tokens.revoke(readToken(token).id);
    const csr = makeKeyRequest(makeKeyPair());
    const refused = await site
      .client(joined.tls)
      .request({ method: 'POST', url: `${site.url}/ca/v1/renew`, body: JSON.stringify({ csr }) });
    expect([refused.status, JSON.parse(await refused.text())]).toMatchObject([
      403,
      { code: 'AUTH_JOIN_NOT_RENEWED' },
    ]);
  });

  it('does not renew by the next token for its name when its own was revoked', async () => {
    await site.start();
    const token = await site.token({ name: 'a1' });
    const old = await site.joined(token);
    await site.tokens.revoke(readToken(token).id);
    const next = await site.joined(await site.token({ name: 'a1' }), 'next');
    const renewed = async ({ tls }: JoinedIdentity): Promise<number> => {
      const body = JSON.stringify({ csr: makeKeyRequest(makeKeyPair()) });
      const url = `${site.url}${PATHS.renew}`;
      const response = await site.client(tls).request({ method: 'POST', url, body });
      await response.text();
      return response.status;
    };
    expect(await renewed(old)).toBe(403);
    expect(await renewed(next)).toBe(200);
  });

  it('hears of a new root before it signs, and believes it', async () => {
    const { authority } = await site.start('required', { spreadSeconds: 0 });
    const joined = await site.joined(await site.token());
    const heard = new Promise<number>((resolve) => {
      joined.onChange(({ bundle }) => bundle.roots.length > 1 && resolve(bundle.sequence));
    });
    await authority.prepare('test');
    expect(await heard).toBe(authority.bundle.sequence);
  });

  it('cannot make itself or others another identity', async () => {
    await site.start();
    const { tls } = await site.joined(await site.token());
    const ask = async (method: 'GET' | 'POST', path: string): Promise<number> => {
      const response = await site
        .client(tls)
        .request({ method, url: `${site.url}${path}`, ...(method === 'POST' ? { body: '{}' } : {}) });
      await response.text();
      return response.status;
    };
    expect(await ask('GET', '/ca/v1/state')).toBe(200);
    for (const path of ['issue', 'pkcs12', 'tokens', 'prepare', 'intermediate', 'csr'])
      expect(await ask('POST', `/ca/v1/${path}`), path).toBe(403);
  });

  it('does not start on a token that buys nothing, nor without one', async () => {
    await site.start();
    const token = await site.token();
    await site.joined(token, 'first');
    await expect(site.joining(token, 'second').start()).rejects.toMatchObject({
      code: 'AUTH_JOIN_TOKEN_REFUSED',
    });
    await expect(site.joining('', 'third').start()).rejects.toMatchObject({ code: 'AUTH_JOIN_NO_TOKEN' });
  });
});

describe('a process that was off while its certificate ended', () => {
  const DAY_MS = 86_400_000;
  const ahead = { ...systemClock, now: () => systemClock.now() + DAY_MS };
  const again = (token = ''): JoinedIdentity => site.joining(token, 'one', 'required', ahead);
  const once = async (token: string): Promise<void> => (await site.joined(token)).stop();

  it('renews by the key of that certificate, over and over, without a token', async () => {
    await site.start();
    await once(await site.token({ name: 'a1' }));
    const chains = new Set<string | undefined>();
    for (let i = 0; i < 3; i++) {
      const joined = again();
      await joined.start();
      await joined.stop();
      expect(joined.current?.svid.id).toBe('spiffe://test.local/agent/a1');
      chains.add(joined.current?.svid.certificateChain);
    }
    expect(chains.size).toBe(3);
  });

  it('needs a token when its own was revoked, time is over, or that is not allowed', async () => {
    await site.start('required', {}, { join: { graceSeconds: 0 } });
    await once(await site.token({ name: 'a1' }));
    const ended = { code: 'AUTH_JOIN_ENDED' };
    await expect(again().start()).rejects.toMatchObject(ended);
    await site.auth.stop();
    await site.start();
    const [record] = await site.tokens.list();
    await site.tokens.revoke(record?.id ?? '');
    await expect(again().start()).rejects.toMatchObject(ended);
    const joined = again(await site.token({ name: 'a1' }));
    await joined.start();
    expect(joined.current?.svid.id).toBe('spiffe://test.local/agent/a1');
  });

  it('comes again where so many ask at once that it has to wait', async () => {
    await site.start();
    await once(await site.token({ name: 'a1' }));
    const client = createHttpClient({ tls: { verify: false } });
    try {
      const body = JSON.stringify({ id: '', csr: '', publicKey: '', signature: '' });
      const ask = async (): Promise<number> => {
        const response = await client.request({
          method: 'POST',
          url: `${site.url}${PATHS.renewEnded}`,
          body,
        });
        await response.text();
        return response.status;
      };
      while ((await ask()) !== 429);
    } finally {
      await client.close();
    }
    const joined = again();
    await joined.start();
    expect(joined.current?.svid.id).toBe('spiffe://test.local/agent/a1');
  });

  it('gets nothing for another id, another key, or for another request than it has vouched for', async () => {
    await site.start('required', {}, { join: { graceSeconds: 3600 } });
    const mine = await joinWithToken(await site.token({ name: 'a1' }), parts());
    const theirs = await joinWithToken(await site.token({ name: 'a2' }), parts());
    const client = createHttpClient({ tls: { verify: false } });
    const ask = async (body: object): Promise<number> => {
      const url = `${site.url}${PATHS.renewEnded}`;
      const response = await client.request({ method: 'POST', url, body: JSON.stringify(body) });
      await response.text();
      return response.status;
    };
    try {
      const { id, privateKey } = mine.svid;
      const csr = makeKeyRequest(makeKeyPair());
      const good = { id, csr, ...vouch(privateKey, id, csr) };
      const other = makeKeyRequest(makeKeyPair());
      const stranger = makeKeyPair().privateKey;
      for (const bad of [
        { ...good, id: theirs.svid.id },
        { id: theirs.svid.id, csr, ...vouch(privateKey, theirs.svid.id, csr) },
        { id, csr, ...vouch(stranger, id, csr) },
        { ...good, csr: other },
        { ...good, publicKey: vouch(stranger, id, csr).publicKey },
        { ...good, signature: '' },
        { ...good, id: 'spiffe://other.test/agent/a1' },
        { ...good, csr: 'x' },
      ])
        expect(await ask(bad), JSON.stringify(bad).slice(0, 80)).toBe(403);
      expect(await ask(good)).toBe(200);
      // The answer was lost: the same again. Then the next one, by which the first is over.
      expect(await ask(good)).toBe(200);
      const next = makeKeyPair();
      const second = makeKeyRequest(next);
      expect(await ask({ id, csr: second, ...vouch(privateKey, id, second) })).toBe(200);
      const third = makeKeyRequest(makeKeyPair());
      expect(await ask({ id, csr: third, ...vouch(next.privateKey, id, third) })).toBe(200);
      expect(await ask(good)).toBe(403);
    } finally {
      await client.close();
    }
  });

  it('is not helped by an authority with another root', async () => {
    await site.start();
    const mine = await joinWithToken(await site.token({ name: 'a1' }), parts());
    const [foreign = ''] = mine.bundle.roots;
    const lost = { ...mine, bundle: { ...mine.bundle, roots: [foreign.replace(/\n.{8}/, '\nAAAAAAAA')] } };
    await expect(renewEnded(lost, parts(), makeKeyPair())).rejects.toMatchObject({
      code: 'AUTH_JOIN_NOT_RENEWED',
    });
  });
});

describe('the identity API where TLS is required', () => {
  it('gives everybody what tokens and certificates are judged by, and everything else to those with a certificate', async () => {
    await site.start();
    const anybody = createHttpClient({ tls: { verify: false } });
    try {
      const ask = async (path: string): Promise<number> => {
        const response = await anybody.request({ method: 'GET', url: `${site.url}${path}` });
        await response.text();
        return response.status;
      };
      expect(await ask('/ca/v1/bundle')).toBe(200);
      // Not there at all without tasks, but not refused.
      for (const path of ['/ca/v1/jwks.json', '/.well-known/openid-configuration'])
        expect(await ask(path), path).not.toBe(403);
      for (const path of ['/ca/v1/state', '/ca/v1/news', '/metrics', '/ca/v1/tokens', '/health', '/nothing'])
        expect(await ask(path), path).toBe(403);
    } finally {
      await anybody.close();
    }
  });

  it('leaves the operator an identity of its own, for its owner alone', async () => {
    await site.start();
    const file = join(site.folder, 'auth', 'operator.pem');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const pem = readFileSync(file, 'utf8');
    const client = createHttpClient({
      tls: { cert: pem, key: pem, ca: readFileSync(join(site.folder, 'auth', 'bundle.pem'), 'utf8') },
    });
    try {
      const body = JSON.stringify({ for: 'edge', name: 'e1' });
      const made = await client.request({ method: 'POST', url: `${site.url}/ca/v1/tokens`, body });
      const { token, path } = JSON.parse(await made.text()) as { token: string; path: string };
      expect([made.status, path]).toEqual([200, '/edge/e1']);
      expect((await joinWithToken(token, parts())).svid.id).toBe('spiffe://test.local/edge/e1');
      const listed = await client.request({ method: 'GET', url: `${site.url}/ca/v1/tokens` });
      const text = await listed.text();
      expect(text).toContain('"spent"');
      expect(text).not.toContain(readToken(token).secret);
      expect(text).not.toContain('hash');
    } finally {
      await client.close();
    }
  });
});
