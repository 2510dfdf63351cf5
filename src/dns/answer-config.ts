import { z } from 'zod';
import { parseCidr } from '../core/cidr.ts';
import type { RateLimitSettings } from './answer/rate-limit.ts';

const perSecond = z.int().min(0).max(1_000_000);
const network = z.string().superRefine((text, context) => {
  const parsed = parseCidr(text);
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.reason });
});

/** Limits for replies over UDP, so that this server is of little use for flooding others. */
export const rateLimitSchema = z.strictObject({
  repliesPerSecond: perSecond
    .default(0)
    .describe(
      'Answers over UDP to one network of clients per second; 0 is no limit. Clients with a good cookie, and TCP, are not limited.',
    ),
  negativePerSecond: perSecond.default(0).describe('The same for "no such name" and "no such type".'),
  errorsPerSecond: perSecond.default(0).describe('The same for errors such as REFUSED and FORMERR.'),
  burstSeconds: z
    .int()
    .min(1)
    .max(60)
    .default(5)
    .describe('A network that was quiet may have the replies of so many seconds at once.'),
  ipv4PrefixBits: z.int().min(8).max(32).default(24).describe('How large a network is, IPv4.'),
  ipv6PrefixBits: z.int().min(16).max(64).default(56).describe('How large a network is, IPv6.'),
  slipEvery: z
    .int()
    .min(0)
    .max(100)
    .default(2)
    .describe(
      'Of so many limited replies one is sent, empty and truncated, so that real clients ask over TCP; 0 sends none.',
    ),
  exempt: z.array(network).default(['127.0.0.0/8', '::1/128']).describe('Networks that are never limited.'),
});

export const cookiesSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Give and check DNS cookies (RFC 7873, RFC 9018).'),
  secret: z
    .string()
    .regex(/^[0-9a-f]{32}$/i, 'write 16 bytes as 32 hexadecimal digits')
    .optional()
    .describe(
      'The secret to make cookies with, 32 hexadecimal digits, for servers that share an address. Without it, one by chance.',
    ),
  rotationSeconds: z
    .int()
    .min(3_600)
    .default(86_400)
    .describe('How long a secret by chance is used. It is still understood for as long again.'),
});

export const queryLogSchema = z.strictObject({
  sampleEvery: z.int().min(0).default(0).describe('Log every so many-th query; 0 logs none.'),
  maxLinesPerSecond: z
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Samples beyond this are left out, and counted.'),
});

/** What the limiters need of a checked config. */
export function rateLimitSettings(config: z.output<typeof rateLimitSchema>): RateLimitSettings {
  const limit = (rate: number): { perSecond: number; burst: number } => ({
    perSecond: rate,
    burst: rate * config.burstSeconds,
  });
  return {
    limits: [limit(config.repliesPerSecond), limit(config.negativePerSecond), limit(config.errorsPerSecond)],
    ipv4PrefixBits: config.ipv4PrefixBits,
    ipv6PrefixBits: config.ipv6PrefixBits,
    slipEvery: config.slipEvery,
  };
}
