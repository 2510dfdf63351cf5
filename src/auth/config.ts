import { z } from 'zod';
import { joinConfigSchema, tlsModeSchema } from './join/config.ts';
import { loginConfigSchema } from './people/config.ts';
import { policyConfigSchema } from './policy-keeper/config.ts';
import { workloadConfigSchema } from './workload/config.ts';

const DAY_SECONDS = 86_400;

const caConfigSchema = z
  .strictObject({
    rootDays: z
      .number()
      .positive()
      .max(36_500)
      .default(3650)
      .describe('How long a root lives. An alarm is raised before a third is left.'),
    intermediateSeconds: z
      .int()
      .min(10)
      .max(366 * DAY_SECONDS)
      .default(DAY_SECONDS)
      .describe('How long the intermediate lives that signs; it is replaced before half of that is over.'),
    leafSeconds: z
      .int()
      .min(5)
      .max(30 * DAY_SECONDS)
      .default(3600)
      .describe('How long a certificate lives at most; its owner renews it at half of that.'),
    spreadSeconds: z
      .number()
      .min(0)
      .max(DAY_SECONDS)
      .default(60)
      .describe(
        'How long a root must have been prepared before it may sign, so that everybody has heard of it.',
      ),
    auditMegabytes: z
      .number()
      .positive()
      .max(1024)
      .default(10)
      .describe('Size at which the log of what was issued begins a new file; five are kept.'),
  })
  .refine((ca) => ca.leafSeconds * 2 <= ca.intermediateSeconds, {
    path: ['leafSeconds'],
    message: 'at most half of intermediateSeconds: a certificate does not outlive its issuer',
  });

/** Section `auth`: who is who, and who may do what. Each inner room adds its part. */
export const authConfigSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether to run the certificate authority, logins and policy, with their HTTP API.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address of the HTTP API for identity.'),
  port: z.int().min(0).max(65_535).default(8101).describe('Port of the HTTP API for identity.'),
  trustDomain: z
    .string()
    .regex(/^[a-z0-9._-]{1,255}$/, 'lower-case letters, digits, dots, dashes and underscores')
    .default('rimrock.local')
    .describe('Name of the trust domain: identities are `spiffe://<trust domain>/…`.'),
  keys: z
    .strictObject({
      folder: z
        .string()
        .default('')
        .describe(
          'Folder for private keys; empty means `auth/keys` in the data folder. Not used where identity follows the leader.',
        ),
      passphraseFile: z
        .string()
        .default('')
        .describe(
          'File whose first line encrypts the keys; empty leaves them readable for their owner. Lines after it are earlier passphrases: what they open is sealed with the first line from then on. On masters that share Consul (`store.engine`) it has all of identity kept there, sealed, and follow the leader: the same passphrase on each.',
        ),
    })
    .prefault({})
    .describe('Private keys at rest.'),
  tls: tlsModeSchema,
  join: joinConfigSchema,
  ca: caConfigSchema.prefault({}).describe('The certificate authority.'),
  workload: workloadConfigSchema,
  policy: policyConfigSchema,
  required: z
    .boolean()
    .default(false)
    .describe(
      'Whether every API asks who you are. Off, the APIs are open, which is for one machine that only you can reach.',
    ),
  login: loginConfigSchema.prefault({}).describe('How people, services and Mesos principals log in.'),
});

export type AuthConfig = z.output<typeof authConfigSchema>;
