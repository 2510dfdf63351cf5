import { readFile } from 'node:fs/promises';
import { errorText } from '../../core/errors.ts';
import { authErrors } from '../errors.ts';

/** The first line of a file. Rejects with AUTH_PASSPHRASE_UNREADABLE, also when it is empty. */
export async function readPassphrase(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw authErrors.AUTH_PASSPHRASE_UNREADABLE({ path, reason: errorText(error) });
  });
  const [passphrase = ''] = text.split(/\r?\n/, 1);
  if (passphrase === '')
    throw authErrors.AUTH_PASSPHRASE_UNREADABLE({ path, reason: 'its first line is empty' });
  return passphrase;
}
