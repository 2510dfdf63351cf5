import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IamDesk } from '../testing/iam-desk.ts';
import type { Answer, Method } from '../testing/iam-desk.ts';

let desk: IamDesk;
beforeEach(async () => {
  desk = await IamDesk.open();
});
afterEach(() => desk.close());

describe('users and groups', () => {
  it('have the shapes and codes of DC/OS', async () => {
    const token = await desk.adminToken();
    const put = (path: string, body?: unknown): Promise<Answer> => desk.ask('PUT', path, { token, body });
    expect((await put('/users/alice@example.com', { password: 'abcde', description: 'Alice' })).status).toBe(
      201,
    );
    expect(await put('/users/alice@example.com', { password: 'abcde' })).toMatchObject({ status: 409 });
    expect(await put('/users/b', { password: 'abcd' })).toMatchObject({ status: 400 });
    expect(await put('/users/b', {})).toMatchObject({ status: 400 });
    expect(await put('/users/b%2Fc', { password: 'abcde' })).toMatchObject({ status: 400 });
    const alice = {
      uid: 'alice@example.com',
      url: '/acs/api/v1/users/alice%40example.com',
      description: 'Alice',
      is_remote: false,
      provider_type: 'internal',
      provider_id: '',
    };
    expect((await desk.ask('GET', '/users/alice@example.com', { token })).body).toEqual(alice);
    expect((await desk.ask('GET', '/users', { token })).body).toMatchObject({
      array: [{ uid: 'admin' }, alice],
    });
    expect((await desk.ask('GET', '/users?type=service', { token })).body).toEqual({ array: [] });
    expect(
      (await desk.ask('PATCH', '/users/alice@example.com', { token, body: { description: 'A.' } })).status,
    ).toBe(204);
    expect((await put('/groups/ops', { description: 'Operators' })).status).toBe(201);
    expect((await put('/groups/ops/users/alice@example.com')).status).toBe(204);
    expect((await put('/groups/ops/users/alice@example.com')).status).toBe(409);
    expect((await desk.ask('GET', '/users/alice@example.com/groups', { token })).body).toEqual({
      array: [
        {
          membershipurl: '/acs/api/v1/groups/ops/users/alice%40example.com',
          group: {
            gid: 'ops',
            url: '/acs/api/v1/groups/ops',
            description: 'Operators',
            provider_type: 'internal',
          },
        },
      ],
    });
    expect((await desk.ask('GET', '/groups/ops/users', { token })).body).toMatchObject({
      array: [{ user: { description: 'A.' } }],
    });
    expect((await desk.ask('DELETE', '/groups/ops/users/alice@example.com', { token })).status).toBe(204);
    expect((await desk.ask('DELETE', '/groups/ops', { token })).status).toBe(204);
    expect((await desk.ask('GET', '/groups/ops', { token })).status).toBe(404);
    expect((await desk.ask('DELETE', '/users/alice@example.com', { token })).status).toBe(204);
    expect(await desk.ask('GET', '/users/alice@example.com', { token })).toMatchObject({
      status: 404,
      body: { code: 'ERR_UNKNOWN_USER_ID' },
    });
    expect((await desk.ask('DELETE', '/users/admin', { token })).body['code']).toBe('ERR_LAST_SUPERUSER');
    expect((await desk.ask('GET', '/users/admin', { token })).status).toBe(200);
  });

  it('are for superusers, but for what concerns oneself', async () => {
    const admin = await desk.adminToken();
    await desk.ask('PUT', '/users/bob', { token: admin, body: { password: 'bob-1' } });
    const token = String((await desk.login('bob', 'bob-1')).body['token']);
    const may = async (method: Method, path: string, body?: unknown): Promise<number> =>
      (await desk.ask(method, path, { token, body })).status;
    expect(await may('GET', '/users/bob')).toBe(200);
    expect(await may('GET', '/users/bob/groups')).toBe(200);
    expect(await may('GET', '/sessions')).toBe(200);
    expect(await may('PATCH', '/users/bob', { description: 'me' })).toBe(204);
    const all: [Parameters<typeof may>[0], string][] = [
      ['GET', '/users'],
      ['GET', '/users/admin'],
      ['GET', '/users/nobody'],
      ['PATCH', '/users/admin'],
      ['PUT', '/users/eve'],
      ['DELETE', '/users/bob'],
      ['DELETE', '/users/admin'],
      ['GET', '/groups'],
      ['PUT', '/groups/superusers/users/bob'],
      ['GET', '/sessions?uid=admin'],
      ['GET', '/sessions?uid=*'],
    ];
    for (const [method, path] of all) expect(await may(method, path, {}), path).toBe(403);
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
      type: 'spki',
      format: 'pem',
    });
    expect(await may('PATCH', '/users/bob', { public_key: key })).toBe(403);
    await desk.open({}, true);
    expect((await desk.ask('POST', '//ca/v1/rotate', { token })).status).toBe(403);
    expect((await desk.ask('POST', '//ca/v1/rotate', { token: admin })).status).toBe(200);
    const [session] = (await desk.ask('GET', '/sessions?uid=admin', { token: admin })).body['array'] as {
      id: string;
    }[];
    expect(await may('DELETE', `/sessions/${session?.id}`)).toBe(404);
  });

  it('take a login also where nothing else does', async () => {
    for (const path of ['/users', '/users/admin', '/groups', '/sessions'])
      expect(await desk.ask('GET', path)).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'acsjwt' },
      });
    const status = async (url: string): Promise<number> => (await desk.ask('GET', `/${url}`)).status;
    expect([await status('/metrics'), await status('/other')]).toEqual([200, 200]);
    await desk.open({}, true);
    expect([await status('/metrics'), await status('/other')]).toEqual([200, 401]);
    await desk.open({ openMetrics: false }, true);
    expect([await status('/metrics'), await status('/other')]).toEqual([401, 401]);
    expect(await status(`/acs/api/v1/auth/providers`)).toBe(200);
  });
});
