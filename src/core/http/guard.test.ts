import { afterEach, describe, expect, it } from 'vitest';
import type { Authentication, Proof } from '../access.ts';
import { guard, subjectOf } from './guard.ts';
import type { Access } from './guard.ts';
import { createApi } from './server.ts';
import type { Api } from './server.ts';

const alice = { kind: 'user', name: 'alice', groups: [] } as const;

function authenticate({ authorization, cookie }: Proof): Authentication {
  const said = authorization ?? cookie;
  if (said === undefined) return { kind: 'subject', subject: { kind: 'anonymous', name: '', groups: [] } };
  if (said === 'slow down') return { kind: 'refused', code: 'throttled', retryAfterMs: 1500 };
  return said === 'alice' ? { kind: 'subject', subject: alice } : { kind: 'refused', code: 'wrong' };
}

const access: Access = {
  authenticator: { authenticate: async (proof) => authenticate(proof) },
  authorizer: { decide: ({ object }) => ({ allowed: object !== '/secret', rule: 'r1', version: 1 }) },
};

let api: Api;
afterEach(() => api.close());

function build(used: Access | undefined): Api {
  api = createApi();
  guard(api, used, {
    open: (request) => request.url === '/open',
    asks: (request) => ({ action: 'view', object: request.url }),
    refuse: (_request, reply, { status, code }) => reply.code(status).send(code),
  });
  api.all('/*', async (request) => subjectOf(request).name || 'nobody');
  return api;
}

async function ask(
  url: string,
  headers: Record<string, string> = {},
  method: 'GET' | 'POST' = 'GET',
): Promise<[number, string, unknown]> {
  const answer = await api.inject({ method, url, headers });
  return [answer.statusCode, answer.body, answer.headers['retry-after']];
}

describe('the guard of an API', () => {
  it('lets everything through where there is nobody to ask', async () => {
    build(undefined);
    expect(await ask('/secret')).toEqual([200, 'nobody', undefined]);
  });

  it('asks who it is, except where it is open, and then whether it may', async () => {
    build(access);
    expect(await ask('/open')).toEqual([200, 'nobody', undefined]);
    expect(await ask('/a')).toEqual([401, 'credentials-missing', undefined]);
    expect(await ask('/a', { authorization: 'bob' })).toEqual([401, 'wrong', undefined]);
    expect(await ask('/a', { authorization: 'slow down' })).toEqual([429, 'throttled', '2']);
    expect(await ask('/a', { authorization: 'alice' })).toEqual([200, 'alice', undefined]);
    expect(await ask('/secret', { authorization: 'alice' })).toEqual([403, 'denied', undefined]);
  });

  it('takes a cookie for writes only from pages of its own', async () => {
    build(access);
    const host = 'rim.example:8080';
    const post = async (headers: Record<string, string>): Promise<number> =>
      (await ask('/a', { host, ...headers }, 'POST'))[0];
    expect((await ask('/a', { host, cookie: 'alice', origin: 'https://evil.example' }))[0]).toBe(200);
    expect(await post({ cookie: 'alice' })).toBe(403);
    expect(await post({ cookie: 'alice', origin: 'https://evil.example' })).toBe(403);
    expect(await post({ cookie: 'alice', origin: 'null' })).toBe(403);
    expect(await post({ cookie: 'alice', origin: `https://${host}.evil.example` })).toBe(403);
    expect(await post({ cookie: 'alice', origin: `http://${host}` })).toBe(200);
    expect(await post({ cookie: 'alice', 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await post({ cookie: 'alice', 'sec-fetch-site': 'same-site', origin: `http://${host}` })).toBe(
      403,
    );
    expect(await post({ cookie: 'alice', 'sec-fetch-site': 'cross-site' })).toBe(403);
    // Who sets a header of its own is no form of another site.
    expect(await post({ authorization: 'alice', cookie: 'x', origin: 'https://evil.example' })).toBe(200);
  });
});
