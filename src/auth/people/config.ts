import { z } from 'zod';

/** Part `login` of section `auth`. */
export const loginConfigSchema = z.strictObject({
  credentials: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the principals of Mesos clients and their secrets, as the flag `--credentials` of Mesos has it, in JSON or YAML. They log in with HTTP Basic.',
    ),
  sessionSeconds: z
    .int()
    .min(60)
    .max(366 * 24 * 3600)
    .default(5 * 24 * 3600)
    .describe('How long a login is good for.'),
  sessionsPerUser: z
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('How many logins one account may have at a time; one more ends its oldest.'),
  keyRotationSeconds: z
    .int()
    .min(3600)
    .default(30 * 24 * 3600)
    .describe('After how long a new key signs tokens. The old one is known until its last token is over.'),
  shortestPassword: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('How many characters a password has at least. 5 is what DC/OS asks for.'),
  resetAdmin: z
    .boolean()
    .default(false)
    .describe(
      'Whether to give the account `admin` a new one-time password at this start, for when nobody can log in.',
    ),
  openMetrics: z
    .boolean()
    .default(true)
    .describe('Whether `/metrics`, `/health` and `/ready` need no login where everything else does.'),
});
