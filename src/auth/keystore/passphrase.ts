import { readFile } from 'node:fs/promises';
import { errorText } from '../../core/errors.ts';
import { authErrors } from '../errors.ts';

export interface Passphrases {
  /** What is sealed is sealed with this one. */
  readonly current: string;
  /** Those before it, which only open. */
  readonly earlier: readonly string[];
}

/** Each that does not fit costs half a second. */
const MOST_EARLIER = 4;

/** The lines of a file, the current passphrase first. Rejects with AUTH_PASSPHRASE_UNREADABLE, also when that is empty. */
export async function readPassphrases(path: string): Promise<Passphrases> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw authErrors.AUTH_PASSPHRASE_UNREADABLE({ path, reason: errorText(error) });
  });
  const [current = '', ...more] = text.split(/\r?\n/);
  if (current === '')
    throw authErrors.AUTH_PASSPHRASE_UNREADABLE({ path, reason: 'its first line is empty' });
  return { current, earlier: more.filter((line) => line !== '').slice(0, MOST_EARLIER) };
}
