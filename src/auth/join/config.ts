import { z } from 'zod';
import { PLACES } from '../identity/places.ts';

/** What `auth.tls` says. */
export const tlsModeSchema = z
  .enum(['off', 'permissive', 'required'])
  .default('off')
  .describe(
    'TLS with certificates on both sides for every API of this process, and from it to the master. `permissive` takes plain HTTP at the same ports, too; `required` nothing else.',
  );

/** Section `auth.join`: how a process away from the authority gets its first identity. */
export const joinConfigSchema = z
  .strictObject({
    url: z
      .string()
      .regex(PLACES, 'must be an https URL, or several with commas between')
      .default('https://127.0.0.1:8101')
      .describe(
        'The identity API of the master (its `auth.host` and `auth.port`); of several masters all of them, with commas between.',
      ),
    token: z.string().default('').describe('One-time token, from `rimrock token create`.'),
    tokenFile: z.string().default('').describe('File with the token in its first line; instead of `token`.'),
    folder: z
      .string()
      .default('')
      .describe(
        'Folder where the identity is kept, for its owner alone; empty means `<role>-identity` in the data folder.',
      ),
    graceSeconds: z
      .number()
      .min(0)
      .max(30 * 86_400)
      .default(86_400)
      .describe(
        'At the authority: so long after the end of its certificate a process that was off may renew it by its key, without a token. 0 means never.',
      ),
  })
  .refine((join) => join.token === '' || join.tokenFile === '', {
    message: 'token and tokenFile: give one of them',
  })
  .prefault({})
  .describe('How a process away from the authority gets its first identity, where `auth.tls` is on.');

export type JoinConfig = z.output<typeof joinConfigSchema>;
