import { join } from 'node:path';
import type { AuthParts } from '../module.ts';
import { FileKeys } from './file-keys.ts';
import { readPassphrases } from './passphrase.ts';
import type { KeyPlace } from './types.ts';

/** The keys of this machine, as the configuration wants them. */
export function keysInFiles({ config, folder, random }: AuthParts): KeyPlace {
  const { folder: wanted, passphraseFile } = config.keys;
  const keys = new FileKeys(wanted === '' ? join(folder, 'keys') : wanted, random);
  return {
    keys,
    open: async () => keys.open(passphraseFile === '' ? undefined : await readPassphrases(passphraseFile)),
  };
}
