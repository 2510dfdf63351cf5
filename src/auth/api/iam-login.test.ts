import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IamDesk } from '../testing/iam-desk.ts';

let desk: IamDesk;
beforeEach(async () => {
  desk = await IamDesk.open();
});
afterEach(() => desk.close());

describe('the first account', () => {
  it('has a password that is shown once and good once', async () => {
    const password = desk.oneTimePassword;
    expect(password).toMatch(/^(\w{4}-){3}\w{4}$/);
    const kept = (await desk.store.list('')).map(({ value }) => value).join();
    expect(kept).not.toContain(password);
    expect(await desk.login('admin', password)).toMatchObject({
      status: 403,
      body: { code: 'ERR_PASSWORD_CHANGE_REQUIRED', title: 'Forbidden' },
    });
    const same = { uid: 'admin', password, new_password: password };
    expect(await desk.ask('POST', '/auth/login', { body: same })).toMatchObject({ status: 400 });
    const token = await desk.adminToken();
    expect(await desk.ask('GET', '/users/admin', { token })).toMatchObject({
      status: 200,
      body: { uid: 'admin' },
    });
    expect((await desk.login('admin', password)).status).toBe(401);
    expect((await desk.login('admin', 'admin-password')).status).toBe(200);
    await desk.open();
    expect(desk.notes).toEqual([]);
    expect(await desk.ask('GET', '/users/admin', { token })).toMatchObject({ status: 200 });
  });

  it('gets a new one where nobody knows it any more, which ends its sessions', async () => {
    const token = await desk.adminToken();
    await desk.open({ resetAdmin: true });
    expect((await desk.ask('GET', '/users', { token })).status).toBe(401);
    expect((await desk.login('admin', 'admin-password')).status).toBe(401);
    expect(await desk.adminToken()).not.toBe('undefined');
  });
});

describe('logging in', () => {
  it('as clients of DC/OS do: token, cookies, logout', async () => {
    await desk.adminToken();
    const answer = await desk.login('admin', 'admin-password');
    expect(Object.keys(answer.body)).toEqual(['token']);
    const token = String(answer.body['token']);
    const [, claims = ''] = token.split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      uid: 'admin',
      exp: desk.clock.now() / 1000 + 432_000,
    });
    const [auth = '', info = ''] = answer.headers['set-cookie'] as string[];
    expect(auth).toBe(`dcos-acs-auth-cookie=${token}; Path=/; Max-Age=388800; SameSite=Lax; HttpOnly`);
    expect(info).not.toContain('HttpOnly');
    const shown = Buffer.from(/=([^;]*)/.exec(info)?.[1] ?? '', 'base64').toString();
    expect(JSON.parse(shown)).toMatchObject({ uid: 'admin', is_remote: false });
    const { keys: published } = (await desk.ask('GET', '/auth/jwks')).body as {
      keys: Record<string, string>[];
    };
    expect(published.map((key) => [key['kty'], key['alg'], key['d']])).toEqual([['RSA', 'RS256', undefined]]);

    for (const headers of [
      { authorization: `token=${token}` },
      { authorization: `Bearer ${token}` },
      { cookie: `a=b; dcos-acs-auth-cookie=${token}` },
    ])
      expect((await desk.ask('GET', '/users', { headers })).status).toBe(200);
    const cookie = { cookie: `dcos-acs-auth-cookie=${token}`, host: 'here' };
    expect((await desk.ask('PUT', '/groups/g', { headers: cookie })).body['code']).toBe('ERR_CROSS_SITE');
    expect(
      (await desk.ask('PUT', '/groups/g', { headers: { ...cookie, origin: 'http://here' } })).status,
    ).toBe(201);

    const out = await desk.ask('GET', '/auth/logout', { headers: cookie });
    expect(String(out.headers['set-cookie'])).toContain('dcos-acs-auth-cookie=; Path=/; Max-Age=0');
    expect(await desk.ask('GET', '/users', { token })).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'acsjwt' },
    });
  });

  it('is refused in the same way, and after the same work, whoever there is', async () => {
    const token = await desk.adminToken();
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = publicKey.export({ type: 'spki', format: 'pem' });
    await desk.ask('PUT', '/users/svc', { token, body: { public_key: key } });
    const answers = [];
    desk.worked.length = 0;
    for (const uid of ['admin', 'nobody', 'svc', '', '../x', '__proto__'])
      answers.push(await desk.login(uid, 'wrong'));
    for (const { status, body } of answers) expect([status, body]).toEqual([401, answers[0]?.body]);
    expect(answers[0]?.body).toMatchObject({ code: 'ERR_INVALID_CREDENTIALS' });
    expect(desk.worked).toEqual(answers.map(() => ({ logN: 15, r: 8, p: 1 })));
  });

  it.each([
    ['not json', 'the body is no JSON'],
    [{}, 'uid: is missing'],
    [{ uid: 'a' }, 'password: is missing'],
    [{ uid: 'a'.repeat(129), password: 'b' }, 'uid: '],
    [{ uid: 'a', password: 1 }, 'password: '],
    [{ uid: 'a', passwort: 'x' }, "passwort: unknown key 'passwort'; did you mean 'password'"],
    [{ uid: 'a', password: 'b', token: 'c' }, 'token: '],
    [[], '(root)'],
  ])('%j is told what is wrong with it', async (sent, said) => {
    const answer = await desk.ask('POST', '/auth/login', { body: sent });
    expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_INVALID_DATA' } });
    expect(answer.body['description']).toContain(said);
  });

  it('repeats nothing of a password in an error', async () => {
    const answer = await desk.ask('POST', '/auth/login', { body: '{"uid": "a", "password": "hunter2' });
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
  });

  it('is not for pages of other sites', async () => {
    const body = { uid: 'admin', password: 'x' };
    const headers = { origin: 'https://evil.example', host: 'here' };
    expect((await desk.ask('POST', '/auth/login', { body, headers })).body['code']).toBe('ERR_CROSS_SITE');
  });

  it('slows down who guesses, and not who sits at the machine', async () => {
    await desk.adminToken();
    const guesses = [];
    for (let n = 0; n < 8; n++) guesses.push((await desk.login('admin', `guess${n}`)).status);
    expect(guesses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    const right = await desk.login('admin', 'admin-password');
    expect([right.status, right.headers['retry-after']]).toEqual([429, '1']);
    expect((await desk.login('admin', 'admin-password', '127.0.0.1')).status).toBe(200);
    desk.clock.advance(1001);
    expect((await desk.login('admin', 'admin-password')).status).toBe(200);
  });
});

describe('service accounts', () => {
  const now = (): number => Math.floor(desk.clock.now() / 1000);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (key: typeof rsa.publicKey): string => key.export({ type: 'spki', format: 'pem' }).toString();

  it.each([
    ['RS256', rsa],
    ['ES256', ec],
  ] as const)('log in with a JWT of their own, %s', async (alg, pair) => {
    const token = await desk.adminToken();
    const put = await desk.ask('PUT', '/users/svc', {
      token,
      body: { public_key: pem(pair.publicKey), description: 'd' },
    });
    expect(put.status).toBe(201);
    const sign = (claims: Record<string, unknown>, key = pair.privateKey): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ alg }).sign(key);
    const good = await sign({ uid: 'svc', exp: now() + 300 });
    const answer = await desk.ask('POST', '/auth/login', { body: { uid: 'svc', token: good } });
    expect(answer.status).toBe(200);
    expect((await desk.ask('POST', '/auth/login', { body: { token: good } })).status).toBe(200);
    const own = String(answer.body['token']);
    expect((await desk.ask('GET', '/users/svc', { token: own })).body).toMatchObject({ is_service: true });
    expect((await desk.ask('GET', '/users', { token: own })).status).toBe(403);
    const other =
      alg === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const bad: [string, string][] = [
      ['svc', await sign({ uid: 'admin', exp: now() + 300 })],
      ['admin', good],
      ['svc', await sign({ uid: 'svc', exp: now() + 3000 })],
      ['svc', await sign({ uid: 'svc', exp: now() - 120 })],
      ['svc', await sign({ uid: 'svc' })],
      ['svc', await sign({ uid: 'svc', exp: now() + 300 }, other.privateKey)],
      ['svc', own],
      ['svc', 'x.y.z'],
      ['svc', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`],
      // The public key taken for a shared secret.
      [
        'svc',
        await new SignJWT({ uid: 'svc', exp: now() + 300 })
          .setProtectedHeader({ alg: 'HS256' })
          .sign(Buffer.from(pem(pair.publicKey))),
      ],
    ];
    for (const [uid, sent] of bad)
      expect((await desk.ask('POST', '/auth/login', { body: { uid, token: sent } })).status, sent).toBe(401);
  });
});

describe('principals of Mesos', () => {
  it('prove who they are with HTTP Basic, and have no say over accounts', async () => {
    await desk.open({ credentials: '/etc/credentials' });
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    const who = (authorization: string, address = '192.0.2.1'): Promise<unknown> =>
      desk.authenticate(authorization, address);
    expect(await who(basic('fw:s3cret'))).toEqual({
      kind: 'subject',
      subject: { kind: 'principal', name: 'fw', groups: [] },
    });
    for (const bad of ['fw:', 'fw', 'fw:s3cret ', ':s3cret', 'xx:s3cret'])
      expect(await who(basic(bad))).toEqual({ kind: 'refused', code: 'credentials-wrong' });
    expect(await who('Digest x')).toEqual({ kind: 'refused', code: 'scheme-unknown' });
    expect((await desk.ask('GET', '/users', { headers: { authorization: basic('fw:s3cret') } })).status).toBe(
      403,
    );
    for (let n = 0; n < 40; n++) await who(basic('fw:wrong'), '198.51.100.1');
    expect(await who(basic('fw:s3cret'), '198.51.100.1')).toMatchObject({ code: 'throttled' });
    expect(await who(basic('fw:s3cret'))).toMatchObject({ kind: 'subject' });
  });
});
