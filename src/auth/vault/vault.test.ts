import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { systemRandom } from '../../core/random.ts';
import { memoryStore } from '../../store/index.ts';
import type { Store, StoreEvent } from '../../store/index.ts';
import { keyStoreContract } from '../keystore/keystore.contract.ts';
import { StoreKeys } from '../keystore/store-keys.ts';
import type { KeyStore } from '../keystore/types.ts';
import { VaultDoor } from './door.ts';
import { sealedStore } from './sealed-store.ts';
import { makeVault, openVault } from './vault.ts';
import type { Vault } from './vault.ts';

/** So that a test takes no half second. */
const CHEAP = { n: 2 ** 4, r: 8, p: 1 };
const ONE = 'a passphrase of all masters';
const TWO = 'a passphrase of somebody else';
const SECRET = 'the text of a private key';
/** By ONE, as a version made it that sealed with what scrypt makes of the passphrase; all that is random is zero. */
const FIRST_FORM = {
  record: {
    vault: 'scrypt-aes-256-gcm 1',
    ...CHEAP,
    salt: 'AAAAAAAAAAAAAAAAAAAAAA==',
    proof: '1.AAAAAAAAAAAAAAAATpCMXmU5GxhTegc1btZnC07MKn2+',
  },
  /** SECRET as `a`. */
  sealed: '1.AAAAAAAAAAAAAAAATJmcEmVQXhD4egl/oFwNN0OlMa694814nIwntblTerSNI7rLlFlKI+E=',
};

const vaultOf = async (passphrase = 'right'): Promise<Vault> =>
  (await makeVault(passphrase, systemRandom, CHEAP)).vault;
const sealed = (store: Store, vault: Vault): Store => sealedStore(store, vault, silentLogger);

let below: Store;
let vault: Vault;
keyStoreContract('in a sealed store', {
  open: async (): Promise<KeyStore> => {
    [below, vault] = [memoryStore(), await vaultOf()];
    return new StoreKeys(sealed(below, vault));
  },
  again: async () => new StoreKeys(sealed(below, vault)),
  close: () => below.close(),
});

describe('a vault', () => {
  it('opens what it has sealed, under its own name and whole', async () => {
    const own = await vaultOf();
    const other = await vaultOf();
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'binary' }), fc.nat(), (name, text, at) => {
        const once = own.seal(name, text);
        expect(own.open(name, once)).toBe(text.toWellFormed());
        expect(own.seal(name, text)).not.toBe(once);
        expect(own.open(`${name}x`, once)).toBeUndefined();
        expect(other.open(name, once)).toBeUndefined();
        const bytes = Buffer.from(once.slice(2), 'base64');
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ 1;
        expect(own.open(name, `1.${bytes.toString('base64')}`)).toBeUndefined();
        expect(own.open(name, `1.${bytes.subarray(0, place).toString('base64')}`)).toBeUndefined();
      }),
    );
  });

  it('takes the same passphrase on every machine, and no other', async () => {
    const { vault: made, record } = await makeVault('right', systemRandom, CHEAP);
    const text = made.seal('a', SECRET);
    expect((await openVault(record, 'right', systemRandom))?.open('a', text)).toBe(SECRET);
    expect(await openVault(record, 'wrong', systemRandom)).toBeUndefined();
    expect(record).not.toContain('right');
    await expect(openVault('{"vault":"of tomorrow"}', 'right', systemRandom)).rejects.toThrow();
  });

  it('is the same under another passphrase, which is the only one that opens it then', async () => {
    const { vault: made, record } = await makeVault('old', systemRandom, CHEAP);
    const text = made.seal('a', SECRET);
    const changed = await made.recordFor('new', CHEAP);
    expect((await openVault(changed, 'new', systemRandom))?.open('a', text)).toBe(SECRET);
    expect(await openVault(changed, 'old', systemRandom)).toBeUndefined();
    const other = await vaultOf();
    for (const [one, is] of [
      [record, true],
      [changed, true],
      [await other.recordFor('new', CHEAP), false],
      ['nonsense', false],
    ] as const)
      expect(made.isOf(one)).toBe(is);
    // A key that was put there by somebody else is not taken for that of the records.
    const swapped = { ...JSON.parse(changed), key: JSON.parse(await other.recordFor('new', CHEAP)).key };
    expect(await openVault(JSON.stringify(swapped), 'new', systemRandom)).toBeUndefined();
  });

  it('opens by a record of the first form, and has another passphrase from then on if need be', async () => {
    const text = FIRST_FORM.sealed;
    const opened = await openVault(JSON.stringify(FIRST_FORM.record), ONE, systemRandom);
    expect(opened?.open('a', text)).toBe(SECRET);
    const changed = (await opened?.recordFor(TWO, CHEAP)) ?? '';
    expect((await openVault(changed, TWO, systemRandom))?.open('a', text)).toBe(SECRET);
    expect(await openVault(JSON.stringify(FIRST_FORM.record), TWO, systemRandom)).toBeUndefined();
  });
});

describe('a sealed store', () => {
  let store: Store;
  let outer: Store;
  beforeEach(async () => {
    outer = memoryStore();
    store = sealed(outer, await vaultOf());
  });
  afterEach(() => outer.close());

  it('shows nobody what is in it, and takes nothing that others wrote', async () => {
    await store.put('auth/keys/a', SECRET);
    await store.put('auth/users/b', 'b');
    const [key, user] = await outer.list('auth/');
    expect(key?.value).not.toContain(SECRET);
    const forged = { code: 'AUTH_RECORD_FORGED' };
    for (const value of [SECRET, user?.value ?? '', '', '1.', key?.value.slice(0, -4) ?? '']) {
      await outer.put('auth/keys/a', value);
      await expect(store.get('auth/keys/a')).rejects.toMatchObject(forged);
      await expect(store.list('auth/')).rejects.toMatchObject(forged);
    }
    await expect(new StoreKeys(store).read('a')).rejects.toMatchObject({ code: 'AUTH_KEY_UNREADABLE' });
  });

  it('tells its watchers nothing that others wrote', async () => {
    const events: StoreEvent[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of store.watch('a/', stop.signal)) {
        events.push(event);
        if (event.kind === 'delete') stop.abort();
      }
    })();
    await outer.put('a/1', 'forged');
    await store.put('a/1', 'ours');
    await store.delete('a/1');
    await watching;
    expect(events.map((e) => (e.kind === 'put' ? e.entry.value : e.kind))).toEqual(['ours', 'delete']);
  });
});

describe('the door of a vault', () => {
  let folder: string;
  let store: Store;
  const doorOf = (passphraseFile: string): VaultDoor =>
    new VaultDoor({
      passphraseFile,
      markFile: `${passphraseFile}-machine/vault`,
      random: systemRandom,
      log: silentLogger,
      cost: CHEAP,
    });
  const door = (passphrase: string, name = 'one'): VaultDoor => {
    writeFileSync(join(folder, name), `${passphrase}\nmore\n`);
    return doorOf(join(folder, name));
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rimrock-vault-'));
    store = memoryStore();
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is the same for all that come at once', async () => {
    expect(await door(ONE).open(store)).toBeUndefined();
    const vaults = await Promise.all([1, 2, 3].map((n) => door(ONE, `file-${n}`).openOrMake(store)));
    const text = vaults[0]?.seal('a', SECRET) ?? '';
    for (const each of [...vaults, await door(ONE).open(store)]) expect(each?.open('a', text)).toBe(SECRET);
  });

  it('stays shut for another passphrase, which is told with the file that has it, and changes nothing', async () => {
    await door(ONE).openOrMake(store);
    const before = await store.list('');
    const locked = { code: 'AUTH_VAULT_LOCKED', message: expect.stringContaining(join(folder, 'two')) };
    const two = door(TWO, 'two');
    await expect(two.open(store)).rejects.toMatchObject(locked);
    await expect(two.openOrMake(store)).rejects.toMatchObject(locked);
    expect(await store.list('')).toEqual(before);
    // Whoever puts it right needs no other start.
    writeFileSync(join(folder, 'two'), `${ONE}\n`);
    expect(await two.open(store)).toBeDefined();
  });

  it('makes none where records are that none could open', async () => {
    await store.put('auth/ca', 'sealed with what is lost');
    await expect(door(ONE).openOrMake(store)).rejects.toMatchObject({ code: 'AUTH_VAULT_LOST' });
    await store.put('auth-vault', '{}');
    await expect(door(ONE).openOrMake(store)).rejects.toMatchObject({ code: 'AUTH_VAULT_UNREADABLE' });
    expect((await store.list('')).map(({ key }) => key)).toEqual(['auth-vault', 'auth/ca']);
  });

  it('takes a store that has lost all for no new one, on a machine that has seen it', async () => {
    await door(ONE).openOrMake(store);
    for (const { key } of await store.list('')) await store.delete(key);
    for (const machine of [door(ONE), door(ONE)]) {
      expect(await machine.open(store)).toBeUndefined();
      await expect(machine.openOrMake(store)).rejects.toMatchObject({ code: 'AUTH_VAULT_GONE' });
    }
    expect(await store.list('')).toEqual([]);
  });

  it('gets another passphrase from a machine that has the new one before the old one in its file', async () => {
    const [one, two, three] = [door(ONE), door(ONE, 'two'), door(ONE, 'three')];
    const text = (await one.openOrMake(store)).seal('a', SECRET);
    await two.open(store);
    const unchanged = await store.list('');

    writeFileSync(join(folder, 'two'), `${TWO}\n${ONE}\n`);
    expect((await two.open(store))?.open('a', text)).toBe(SECRET); // who only reads changes nothing
    expect(await store.list('')).toEqual(unchanged);
    expect((await two.openOrMake(store)).open('a', text)).toBe(SECRET);
    const [changed] = await store.list('');
    expect(changed?.value).not.toBe(unchanged[0]?.value);
    expect((await two.openOrMake(store)).open('a', text)).toBe(SECRET);
    expect(await store.list('')).toEqual([changed]); // once

    // Who has it open goes on, who starts needs the new one.
    expect((await one.open(store))?.open('a', text)).toBe(SECRET);
    expect((await one.openOrMake(store)).open('a', text)).toBe(SECRET);
    await expect(three.open(store)).rejects.toMatchObject({ code: 'AUTH_VAULT_LOCKED' });
    writeFileSync(join(folder, 'three'), `${TWO}\n`);
    expect((await three.openOrMake(store)).open('a', text)).toBe(SECRET);
  });

  it('gets no other passphrase from who does not know the one that it has, nor a short one', async () => {
    const one = door(ONE);
    await one.openOrMake(store);
    const before = await store.list('');
    const stranger = door(`${TWO}\nanother passphrase`, 'two');
    await expect(stranger.openOrMake(store)).rejects.toMatchObject({ code: 'AUTH_VAULT_LOCKED' });
    writeFileSync(join(folder, 'one'), `${TWO}\nanother passphrase\n`);
    await one.openOrMake(store);
    await expect(door(`short\n${ONE}`, 'three').openOrMake(store)).rejects.toMatchObject({
      code: 'AUTH_PASSPHRASE_SHORT',
    });
    expect(await store.list('')).toEqual(before);
  });

  it('asks for a passphrase', async () => {
    const file = join(folder, 'empty');
    const unreadable = { code: 'AUTH_PASSPHRASE_UNREADABLE' };
    const none = doorOf(file);
    await expect(none.openOrMake(store)).rejects.toMatchObject(unreadable);
    writeFileSync(file, '\nsecond line');
    await expect(none.openOrMake(store)).rejects.toMatchObject(unreadable);
    expect(await store.list('')).toEqual([]);
  });

  it('asks for one that takes long to guess, where it makes a vault', async () => {
    const short = { code: 'AUTH_PASSPHRASE_SHORT' };
    await expect(door('fifteen letters').openOrMake(store)).rejects.toMatchObject(short);
    expect(await store.list('')).toEqual([]);
    expect(await door('sixteen letters!').openOrMake(store)).toBeDefined();
  });
});
