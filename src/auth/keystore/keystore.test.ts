import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../core/random.ts';
import { FileKeys } from './file-keys.ts';
import { keyStoreContract } from './keystore.contract.ts';
import { MemoryKeys } from './memory-keys.ts';
import type { KeyStore } from './types.ts';

const SECRET = 'the text of a private key';

let folder = '';
const open = async (current?: string, ...earlier: string[]): Promise<KeyStore> => {
  const keys = new FileKeys(join(folder, 'keys'), systemRandom);
  await keys.open(current === undefined ? undefined : { current, earlier });
  return keys;
};
const newFolder = (): void => {
  folder = mkdtempSync(join(tmpdir(), 'rimrock-keys-'));
};
const removeFolder = async (): Promise<void> => rmSync(folder, { recursive: true, force: true });

keyStoreContract('memory', {
  open: async () => new MemoryKeys(),
  again: async (keys) => keys,
  close: async () => {},
});
for (const passphrase of [undefined, 'a passphrase'])
  keyStoreContract(passphrase === undefined ? 'files' : 'files under a passphrase', {
    open: async () => {
      newFolder();
      return open(passphrase);
    },
    again: () => open(passphrase),
    close: removeFolder,
  });

describe('keys in files', () => {
  beforeEach(newFolder);
  afterEach(removeFolder);
  const path = (name: string): string => join(folder, 'keys', name);

  it('are for their owner only, and nothing half-written stays behind', async () => {
    const keys = await open();
    await keys.write('a', SECRET);
    expect(statSync(path('')).mode & 0o777).toBe(0o700);
    expect(statSync(path('a.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(path(''))).toEqual(['a.key']);
    writeFileSync(path('a.key.0011.tmp'), 'hal');
    const again = await open();
    expect(readdirSync(path(''))).toEqual(['a.key']);
    expect(await again.read('a')).toBe(SECRET);
  });

  it('do not show their text under a passphrase, also those from before it', async () => {
    await (await open()).write('a', SECRET);
    expect(readFileSync(path('a.key'), 'utf8')).toContain(SECRET);
    const keys = await open('right');
    expect(readFileSync(path('a.key'), 'utf8')).not.toContain(SECRET);
    expect(await keys.read('a')).toBe(SECRET);
  });

  it('need the right passphrase, their own name and every byte', async () => {
    const keys = await open('right');
    await keys.write('a', SECRET);
    const locked = { code: 'AUTH_KEY_LOCKED' };
    await expect(open('wrong')).rejects.toMatchObject(locked);
    await expect(open()).rejects.toMatchObject(locked);
    const sealed = readFileSync(path('a.key'), 'utf8');
    writeFileSync(path('b.key'), sealed);
    await expect(keys.read('b')).rejects.toMatchObject(locked);
    writeFileSync(path('a.key'), sealed.slice(0, -20));
    const damaged: unknown = await keys.read('a').catch((error: unknown) => error);
    expect(damaged).toMatchObject({ code: 'AUTH_KEY_UNREADABLE' });
    expect(damaged).not.toHaveProperty('cause');
  });

  it('change over to another passphrase, also those that were left half way', async () => {
    const keys = await open('old');
    for (const name of ['a', 'b']) await keys.write(name, `${SECRET} ${name}`);
    const half = readFileSync(path('b.key'), 'utf8');
    await open('new', 'older', 'old');
    writeFileSync(path('b.key'), half); // it crashed before it came to this one
    await expect(open('new')).rejects.toMatchObject({ code: 'AUTH_KEY_LOCKED' });
    await open('new', 'old');
    const after = await open('new');
    for (const name of ['a', 'b']) expect(await after.read(name)).toBe(`${SECRET} ${name}`);
    await expect(open('old')).rejects.toMatchObject({ code: 'AUTH_KEY_LOCKED' });
  });

  it('say why they cannot be kept', async () => {
    writeFileSync(join(folder, 'keys'), 'a file where the folder should be');
    await expect(open()).rejects.toMatchObject({ code: 'AUTH_KEY_NOT_WRITTEN' });
  });
});
