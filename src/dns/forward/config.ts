import { z } from 'zod';
import { isName } from '../wire/index.ts';

/** Answers of other resolvers that are kept. */
export const cacheSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Keep answers for names outside the domain.'),
  maxEntries: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(10_000)
    .describe('Answers to keep; the least used goes.'),
  maxMiB: z.int().min(1).max(65_536).default(32).describe('Memory for them, MiB.'),
  minTtlSeconds: z.int().min(0).max(5).default(0).describe('Keep every answer at least this long.'),
  maxTtlSeconds: z.int().min(1).max(604_800).default(3_600).describe('Keep no answer longer than this.'),
  maxNegativeTtlSeconds: z
    .int()
    .min(0)
    .max(10_800)
    .default(900)
    .describe('Keep a "no such name" no longer than this.'),
  servfailSeconds: z
    .int()
    .min(1)
    .max(5)
    .default(2)
    .describe('Ask nobody again for so long after a failure (RFC 9520).'),
  staleSeconds: z
    .int()
    .min(0)
    .max(604_800)
    .default(86_400)
    .describe('How long after its end an answer is still given while resolvers fail (RFC 8767); 0 is never.'),
  staleAnswerMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(1_800)
    .describe('How long a client waits for resolvers before it gets the old answer.'),
  staleRecheckSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(30)
    .describe('After a failure, how long the old answer is given at once, without asking.'),
  prefetchHits: z
    .int()
    .min(0)
    .default(2)
    .describe('An answer used so often is renewed in the last tenth of its TTL; 0 is never.'),
});

const rcode = z.enum(['SERVFAIL', 'REFUSED', 'NOTIMP', 'FORMERR', 'NXDOMAIN']);

/** How other resolvers are asked. Who they are: `resolvers` and `zoneResolvers`. */
export const upstreamsSchema = z.strictObject({
  policy: z
    .enum(['sequential', 'random', 'race'])
    .default('sequential')
    .describe(
      'Whom to ask first: in the order of the list; by chance; or two at once, where the first reply counts.',
    ),
  failoverOn: z
    .array(rcode)
    .default([])
    .describe('Response codes after which the next one is asked. Without, every reply is final.'),
  case0x20: z
    .boolean()
    .default(true)
    .describe('Send names in letters of random case and insist on them in the reply: harder to forge.'),
  maxShareOfOneClient: z
    .number()
    .gt(0)
    .max(1)
    .default(0.25)
    .describe('The part of `maxForwards` that one client (an IPv6 /64) may hold.'),
  health: z
    .strictObject({
      maxFails: z
        .int()
        .min(0)
        .default(2)
        .describe('Failures in a row until a resolver counts as down; 0 is never.'),
      probeName: z
        .string()
        .transform((text) => (text.endsWith('.') ? text : `${text}.`))
        .refine((text) => isName(text), 'write a domain name, or . for the root')
        .default('.')
        .describe('The name whose NS records a resolver that is down is asked for.'),
      probeMinMs: z.int().min(10).default(500).describe('The first wait between such questions.'),
      probeMaxMs: z.int().min(10).default(5_000).describe('The waits double up to this.'),
    })
    .prefault({})
    .describe('Resolvers that fail are asked last until they answer again.'),
});

export type CacheSettings = z.output<typeof cacheSchema>;
export type UpstreamsSettings = z.output<typeof upstreamsSchema>;
