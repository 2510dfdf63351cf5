import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../../store/index.ts';
import { Directory } from './directory.ts';
import { checkWish, idProblem } from './records.ts';
import type { User } from './records.ts';

const parts = { clock: new FakeClock(), log: silentLogger };
const user = (uid: string): User => ({ uid, description: '', createdMs: 1 });

describe('the directory', () => {
  const store = memoryStore();
  let directory: Directory;

  beforeEach(async () => {
    for (const { key } of await store.list('')) await store.delete(key);
    directory = new Directory({ ...parts, store });
    await directory.start();
  });
  afterEach(() => directory.stop());

  it('keeps users and groups, and another one on the same store knows them', async () => {
    expect(await directory.addUser(user('alice'))).toBeUndefined();
    expect(await directory.addUser(user('alice'))).toMatchObject({ status: 409, code: 'ERR_ALREADY_EXISTS' });
    expect(await directory.addGroup('ops', 'them')).toBeUndefined();
    expect(await directory.addGroup('ops', 'x')).toMatchObject({ status: 409 });
    expect(await directory.addMember('ops', 'alice')).toBeUndefined();
    expect(await directory.addMember('ops', 'alice')).toMatchObject({ status: 409 });
    expect(await directory.addMember('ops', 'bob')).toMatchObject({ code: 'ERR_UNKNOWN_USER_ID' });
    expect(await directory.addMember('dev', 'alice')).toMatchObject({ code: 'ERR_UNKNOWN_GROUP_ID' });
    const other = new Directory({ ...parts, store });
    await other.start();
    expect(other.users()).toEqual([user('alice')]);
    expect(other.groupsOf('alice')).toEqual(['ops']);
    await other.stop();
    expect(await directory.describeGroup('ops', 'us')).toBeUndefined();
    expect(directory.group('ops')).toEqual({ gid: 'ops', description: 'us', members: ['alice'] });
  });

  it('takes a user out of its groups when it goes', async () => {
    await directory.addUser(user('alice'));
    await directory.addGroup('ops', '');
    await directory.addMember('ops', 'alice');
    expect(await directory.deleteUser('alice')).toBeUndefined();
    await directory.addUser(user('alice'));
    expect(directory.groupsOf('alice')).toEqual([]);
    expect(await directory.deleteUser('nobody')).toMatchObject({ status: 404 });
  });

  it('keeps one superuser', async () => {
    await directory.addGroup('ops', '');
    await directory.addGroup('superusers', '');
    for (const uid of ['a', 'b']) {
      await directory.addUser(user(uid));
      await directory.addMember('superusers', uid);
    }
    await directory.addMember('ops', 'b');
    expect(await directory.deleteUser('a')).toBeUndefined();
    expect(await directory.deleteUser('b')).toMatchObject({ status: 409, code: 'ERR_LAST_SUPERUSER' });
    expect(directory.groupsOf('b')).toEqual(['ops', 'superusers']);
    expect(await directory.deleteGroup('superusers')).toMatchObject({ status: 409 });
    expect(directory.isSuperuser('b')).toBe(true);
  });

  it('loses no change of several at once, from two processes', async () => {
    const other = new Directory({ ...parts, store });
    await directory.addGroup('ops', '');
    for (const uid of ['a', 'b', 'c', 'd']) await directory.addUser(user(uid));
    await other.start();
    const refused = await Promise.all([
      directory.addMember('ops', 'a'),
      other.addMember('ops', 'b'),
      directory.addMember('ops', 'c'),
      other.addMember('ops', 'd'),
    ]);
    expect(refused).toEqual(Array(4).fill(undefined));
    const [kept] = await store.list('auth/groups/');
    expect(JSON.parse(kept?.value ?? '')).toMatchObject({ members: ['a', 'b', 'c', 'd'] });
    await other.stop();
  });
});

describe('the fields of an account', () => {
  it.each(['', '/', 'a/b', '.a', '-a', 'a b', 'ä', 'a\n', 'x'.repeat(129), '__proto__'])(
    'uid %j is refused by name',
    (uid) => expect(idProblem('uid', uid)?.description).toMatch(/^uid: /),
  );

  it.each(['a', 'Alice', 'alice@example.com', 'svc-1.x_y+z', '0'])('uid %j is one', (uid) =>
    expect(idProblem('uid', uid)).toBeUndefined(),
  );

  const pem = (make: {
    publicKey: { export(o: { type: 'spki'; format: 'pem' }): string | Buffer };
  }): string => make.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

  it('public keys are RSA or P-256, in one form', () => {
    const spki = pem(rsa);
    const pkcs1 = rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    expect(checkWish({ publicKey: pkcs1 }, 5)).toEqual({ publicKey: spki });
    expect(
      checkWish({ publicKey: pem(generateKeyPairSync('ec', { namedCurve: 'P-256' })) }, 5),
    ).toHaveProperty('publicKey');
  });

  it.each([
    [{ publicKey: pem(generateKeyPairSync('rsa', { modulusLength: 1024 })) }, /^public_key: RSA of 2048/],
    [{ publicKey: pem(generateKeyPairSync('ec', { namedCurve: 'P-384' })) }, /^public_key: RSA of 2048/],
    [{ publicKey: pem(generateKeyPairSync('ed25519')) }, /^public_key: RSA of 2048/],
    [{ publicKey: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }, /private key/],
    [{ publicKey: 'x' }, /^public_key: no public key/],
    [{ password: 'abcd' }, /^password: at least 5/],
    [{ password: 'x'.repeat(1025) }, /^password: at most/],
    [{ password: 'long enough', publicKey: 'x' }, /^password: an account has either/],
    [{ description: 'x'.repeat(1001) }, /^description: /],
  ])('refuses what does not fit, naming the field (%#)', (wish, said) => {
    expect(checkWish(wish, 5)).toMatchObject({ status: 400, code: 'ERR_INVALID_DATA' });
    expect((checkWish(wish, 5) as { description: string }).description).toMatch(said);
  });
});
