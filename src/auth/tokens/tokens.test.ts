import { createSign, generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IamDesk } from '../testing/iam-desk.ts';

let desk: IamDesk;
beforeEach(async () => {
  desk = await IamDesk.open();
});
afterEach(() => desk.close());

describe('tokens', () => {
  it('are judged without the store', async () => {
    const token = await desk.adminToken();
    desk.reads = 0;
    for (let n = 0; n < 50; n++) await desk.ask('GET', '/users/admin', { token });
    expect(desk.reads).toBe(0);
  });

  it('end with their time, their session, their account, and a new password', async () => {
    const admin = await desk.adminToken();
    await desk.ask('PUT', '/users/bob', { token: admin, body: { password: 'bob-1' } });
    const token = async (password = 'bob-1'): Promise<string> =>
      String((await desk.login('bob', password)).body['token']);
    const isGood = async (one: string): Promise<boolean> =>
      (await desk.ask('GET', '/users/bob', { token: one })).status === 200;
    const [first, second] = [await token(), await token()];
    const listed = (await desk.ask('GET', '/sessions', { token: second })).body['array'] as {
      id: string;
      current: boolean;
    }[];
    expect(listed.map(({ current }) => current)).toEqual([false, true]);
    expect((await desk.ask('DELETE', `/sessions/${listed[0]?.id}`, { token: second })).status).toBe(204);
    expect([await isGood(first), await isGood(second)]).toEqual([false, true]);

    const wrong = { password: 'bob-2', current_password: 'nope' };
    expect(
      (await desk.ask('PATCH', '/users/bob', { token: second, body: { password: 'bob-2' } })).status,
    ).toBe(400);
    expect((await desk.ask('PATCH', '/users/bob', { token: second, body: wrong })).status).toBe(401);
    const third = await token();
    const right = { password: 'bob-2', current_password: 'bob-1' };
    expect((await desk.ask('PATCH', '/users/bob', { token: second, body: right })).status).toBe(204);
    expect([await isGood(second), await isGood(third)]).toEqual([true, false]);

    const theirs = (await desk.ask('GET', '/sessions?uid=bob', { token: admin })).body['array'] as {
      id: string;
    }[];
    expect(theirs).toHaveLength(1);
    expect((await desk.ask('DELETE', `/sessions/${theirs[0]?.id}`, { token: admin })).status).toBe(204);
    expect(await isGood(second)).toBe(false);

    const fourth = await token('bob-2');
    desk.clock.advance(5 * 24 * 3600_000 - 1000);
    expect(await isGood(fourth)).toBe(true);
    desk.clock.advance(1001);
    expect(await isGood(fourth)).toBe(false);
    const again = await desk.login('admin', 'admin-password');
    const fifth = await token('bob-2');
    expect((await desk.ask('DELETE', '/users/bob', { token: String(again.body['token']) })).status).toBe(204);
    await desk.ask('PUT', '/users/bob', { token: String(again.body['token']), body: { password: 'bob-3' } });
    expect(await isGood(fifth)).toBe(false);
  });

  it('of others, changed ones and old keys open nothing', async () => {
    const token = await desk.adminToken();
    const [head = '', claims = '', signature = ''] = token.split('.');
    const flipped = Buffer.from(signature, 'base64url');
    flipped[10] = (flipped[10] ?? 0) ^ 1;
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const otherUid = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(claims, 'base64url').toString()), uid: 'x' }),
    );
    const signer = createSign('sha256').update(`${head}.${claims}`);
    const stranger = signer
      .sign(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
      .toString('base64url');
    for (const bad of [
      `${head}.${claims}.${flipped.toString('base64url')}`,
      `${head}.${otherUid.toString('base64url')}.${signature}`,
      `${none}.${claims}.`,
      `${head}.${claims}.${stranger}`,
      `${head}.${claims}`,
      'x'.repeat(10_000),
    ])
      expect((await desk.ask('GET', '/users', { token: bad })).status).toBe(401);
    expect((await desk.ask('GET', '/users', { token })).status).toBe(200);
  });

  it('are signed with a new key after a while, and the old key is known as long as it is needed', async () => {
    const day = 24 * 3600_000;
    await desk.adminToken();
    const kids = async (): Promise<unknown[]> =>
      ((await desk.ask('GET', '/auth/jwks')).body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
    const [first] = await kids();
    desk.clock.advance(29 * day);
    const old = String((await desk.login('admin', 'admin-password')).body['token']);
    expect(await kids()).toEqual([first]);
    desk.clock.advance(2 * day);
    const young = String((await desk.login('admin', 'admin-password')).body['token']);
    const [second] = await kids();
    expect(await kids()).toEqual([second, first]);
    for (const token of [old, young]) expect((await desk.ask('GET', '/users', { token })).status).toBe(200);
    desk.clock.advance(31 * day);
    await desk.login('admin', 'admin-password');
    expect((await kids()).length).toBe(2);
    expect(await kids()).not.toContain(first);
    expect((await desk.keys.names()).some((name) => name.includes(String(first)))).toBe(false);
  });

  it('are as many as an account may have; the oldest goes first', async () => {
    await desk.open({ sessionsPerUser: 3, resetAdmin: true });
    const tokens = [await desk.adminToken()];
    for (let n = 0; n < 3; n++) {
      desk.clock.advance(1);
      tokens.push(String((await desk.login('admin', 'admin-password')).body['token']));
    }
    const good = [];
    for (const token of tokens) good.push((await desk.ask('GET', '/users', { token })).status);
    expect(good).toEqual([401, 200, 200, 200]);
  });
});
