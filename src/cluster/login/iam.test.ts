import { createVerify, generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HttpClient, HttpRequest } from '../../core/http/client.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { IamLogin } from './iam.ts';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const privateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const jwt = (claims: object): string =>
  ['{}', JSON.stringify(claims), 's'].map((p) => Buffer.from(p).toString('base64url')).join('.');

describe('logging in with a service account', () => {
  let clock: FakeClock;
  let asked: HttpRequest[];
  let answer: () => { status: number; body: string; location?: string };
  let login: IamLogin;

  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    answer = () => ({ status: 200, body: JSON.stringify({ token: `T${asked.length}` }) });
    const http: HttpClient = {
      request: async (request) => {
        asked.push(request);
        const { status, body, location } = answer();
        const bytes = (async function* () {
          yield Buffer.from(body);
        })();
        const headers: Record<string, string> = location === undefined ? {} : { location };
        return { status, headers, body: bytes, text: async () => body, cancel: () => {} };
      },
      close: async () => {},
    };
    const account = { uid: 'dns', privateKey, loginEndpoint: 'https://iam.example/login' };
    login = new IamLogin({ account, clock, http });
  });

  it('shows a token of its own, signed with RS256, good for an hour', async () => {
    expect(await login.headers()).toEqual({ authorization: 'token=T1' });
    expect(asked[0]).toMatchObject({ method: 'POST', url: 'https://iam.example/login' });
    const body = JSON.parse(String(asked[0]?.body)) as { uid: string; token: string };
    const [head = '', claims = '', signature = ''] = body.token.split('.');
    const parts = [head, claims].map((p) => JSON.parse(Buffer.from(p, 'base64url').toString()) as unknown);
    expect([body.uid, ...parts]).toEqual([
      'dns',
      { alg: 'RS256', typ: 'JWT' },
      { uid: 'dns', exp: Math.floor(clock.now() / 1000) + 3600 },
    ]);
    const verify = createVerify('RSA-SHA256').update(`${head}.${claims}`);
    expect(verify.verify(keys.publicKey, signature, 'base64url')).toBe(true);
  });

  it('goes where a master that stands by sends it, once, and not away from TLS', async () => {
    let location = '//leader.example:8101/login';
    answer = () =>
      asked.length % 2 === 1
        ? { status: 307, body: '', location }
        : { status: 200, body: JSON.stringify({ token: 'T' }) };
    expect(await login.headers()).toEqual({ authorization: 'token=T' });
    expect(asked.map(({ url }) => url)).toEqual([
      'https://iam.example/login',
      'https://leader.example:8101/login',
    ]);
    expect(asked[1]?.body).toBe(asked[0]?.body);
    await clock.advanceAsync(301_000);
    location = 'http://leader.example:8101/login';
    await expect(login.headers()).rejects.toThrow('it answered 307');
    expect(asked).toHaveLength(3);
  });

  it('keeps a token that does not say when it ends for five minutes', async () => {
    await Promise.all([login.headers(), login.headers(), login.headers()]);
    await clock.advanceAsync(299_000);
    expect([await login.headers(), asked.length]).toEqual([{ authorization: 'token=T1' }, 1]);
    await clock.advanceAsync(2_000);
    expect([await login.headers(), asked.length]).toEqual([{ authorization: 'token=T2' }, 2]);
  });

  it('keeps a token until shortly before the end that it names', async () => {
    const token = jwt({ exp: clock.now() / 1000 + 7_200 });
    answer = () => ({ status: 200, body: JSON.stringify({ token }) });
    await login.headers();
    await clock.advanceAsync(7_139_000);
    await login.headers();
    expect(asked.length).toBe(1);
    await clock.advanceAsync(2_000);
    await login.headers();
    expect(asked.length).toBe(2);
  });

  it('logs in again when a token is refused, but not again and again', async () => {
    await login.headers();
    expect(login.renew()).toBe(false);
    await clock.advanceAsync(6_000);
    expect(login.renew()).toBe(true);
    expect([await login.headers(), login.renew()]).toEqual([{ authorization: 'token=T2' }, false]);
  });

  it.each([
    [401, '{"token":"x"}', 'it answered 401'],
    [302, '{"token":"x"}', 'it answered 302'],
    [200, 'nonsense', 'its answer holds no token'],
    [200, '{"token":"a\\r\\nb"}', 'its answer holds no token'],
    [200, '{"token":5}', 'its answer holds no token'],
  ])('does not take %i %s, and tries again at the next request', async (status, body, reason) => {
    answer = () => ({ status, body });
    await expect(login.headers()).rejects.toThrow(`login at https://iam.example/login failed: ${reason}`);
    answer = () => ({ status: 200, body: '{"token":"good"}' });
    expect(await login.headers()).toEqual({ authorization: 'token=good' });
  });
});
