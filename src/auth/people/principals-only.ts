import type { Authenticator } from '../../core/access.ts';
import type { Clock } from '../../core/clock.ts';
import { createAuthenticator } from './authenticator.ts';
import { Guesses } from './guesses.ts';
import { readCredentials } from './people.ts';
import { Principals } from './principals.ts';

/**
 * Who is who on a machine without accounts: the principals of a credentials file. Rejects with AUTH_CREDENTIALS_UNREADABLE or
 * AUTH_CREDENTIALS_BAD.
 */
export async function principalsOf(file: string, clock: Clock): Promise<Authenticator> {
  const principals = new Principals(await readCredentials(file));
  return createAuthenticator({ principals, guesses: new Guesses(clock) });
}
