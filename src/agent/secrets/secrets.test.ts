import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandInfo, EnvironmentVariable, Secret } from '../../mesos/index.ts';
import { createSecretStore } from './store.ts';
import { withSecretsRead } from './variables.ts';

const value = (text: string): Secret => ({
  type: 'VALUE',
  value: { data: Buffer.from(text).toString('base64') },
});
const reference = (name: string, key?: string): Secret => ({
  type: 'REFERENCE',
  reference: key === undefined ? { name } : { name, key },
});
const command = (...variables: EnvironmentVariable[]): CommandInfo => ({
  value: 'true',
  environment: { variables },
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  await mkdir(join(folder, 'store/db'), { recursive: true });
  await writeFile(join(folder, 'store/token'), 'a token', { mode: 0o600 });
  await writeFile(join(folder, 'store/db/password'), 'pass wörd', { mode: 0o400 });
  await writeFile(join(folder, 'store/open'), 'x');
  await chmod(join(folder, 'store/open'), 0o640);
  await writeFile(join(folder, 'outside'), 'x', { mode: 0o600 });
  await symlink('../outside', join(folder, 'store/link'));
  await writeFile(join(folder, 'store/large'), Buffer.alloc(1024 * 1024 + 1), { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true }));

const read = async (secret: Secret): Promise<string> =>
  (await createSecretStore(join(folder, 'store')).read(secret)).toString();

describe('the secrets of an agent', () => {
  it('are files, by name or by name and key', async () => {
    expect(await read(reference('token'))).toBe('a token');
    expect(await read(reference('db', 'password'))).toBe('pass wörd');
    expect(await read(reference('/db/password'))).toBe('pass wörd');
    expect(await read(value('as it is'))).toBe('as it is');
  });

  it.each([
    [reference('none'), "this agent has no secret 'none'"],
    [reference('../outside'), "'../outside' is no name of a secret"],
    [reference('db', '../../outside'), 'is no name of a secret'],
    [reference('db//password'), 'is no name of a secret'],
    [reference('link'), "this agent has no secret 'link'"],
    [reference('db'), "the secret 'db' is no file"],
    [reference('open'), 'must have mode 0600'],
    [reference('large'), 'larger than 1048576 bytes'],
    [{ type: 'REFERENCE', value: { data: 'eA==' } }, 'a secret has a value or a reference'],
  ] as [Secret, string][])('%j cannot be had', async (secret, problem) => {
    await expect(read(secret)).rejects.toThrow(problem);
  });

  it('are none where nobody has named a folder', async () => {
    const store = createSecretStore(undefined);
    await expect(store.read(reference('token'))).rejects.toThrow('agent.secretsDir');
    expect((await store.read(value('x'))).toString()).toBe('x');
  });
});

describe('secrets as environment variables', () => {
  const store = () => createSecretStore(join(folder, 'store'));

  it('are read for the process, and the command as it came does not change', async () => {
    const came = command(
      { name: 'PLAIN', value: '1' },
      { name: 'TOLD', type: 'SECRET', secret: value('pass wörd') },
      { name: 'NAMED', type: 'SECRET', secret: reference('token') },
    );
    const before = JSON.stringify(came);
    const told = await withSecretsRead(store(), came);
    expect(told?.environment?.variables?.map((v) => [v.name, v.value])).toEqual([
      ['PLAIN', '1'],
      ['TOLD', 'pass wörd'],
      ['NAMED', 'a token'],
    ]);
    expect(JSON.stringify(came)).toBe(before);
    const plain = command({ name: 'PLAIN', value: '1' });
    expect(await withSecretsRead(store(), plain)).toBe(plain);
  });

  it('that cannot be had name the variable, and never what is secret', async () => {
    const failed = withSecretsRead(
      store(),
      command({ name: 'DB', type: 'SECRET', secret: reference('none') }),
    );
    await expect(failed).rejects.toThrow("Environment variable 'DB': this agent has no secret 'none'");
    const nul = command({ name: 'DB', type: 'SECRET', secret: value('se\0cret') });
    await expect(withSecretsRead(store(), nul)).rejects.toThrow("'DB': its secret has a NUL");
  });
});
