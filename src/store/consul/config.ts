import { z } from 'zod';

/** Where Consul is, and how fast a leader that fell silent is replaced. */
export const consulConfigSchema = z.strictObject({
  address: z
    .url({ protocol: /^https?$/, message: 'write http://host:port or https://host:port' })
    .default('http://127.0.0.1:8500')
    .describe('The HTTP API of Consul, best that of the agent on this machine.'),
  prefix: z
    .string()
    .regex(/^[^/\s]+(\/[^/\s]+)*$/, {
      message: 'write it like rimrock or teams/one, without slashes around it',
    })
    .default('rimrock')
    .describe('Everything is kept below this key; the masters of one cluster have the same.'),
  token: z
    .string()
    .default('')
    .describe('ACL token: may write keys below the prefix, and sessions; empty for none.'),
  datacenter: z.string().default('').describe('Datacenter of Consul; empty for the one of its agent.'),
  tls: z
    .strictObject({
      ca: z.string().optional().describe('PEM of the authorities that sign the certificate of Consul.'),
      cert: z.string().optional().describe('PEM of our client certificate.'),
      key: z.string().optional().describe('PEM of the key of our client certificate.'),
      verify: z.boolean().default(true).describe('Verify the certificate of Consul.'),
    })
    .refine((tls) => (tls.cert === undefined) === (tls.key === undefined), {
      message: 'cert and key go together: give both or neither',
    })
    .prefault({})
    .describe('TLS towards Consul: an `https` address here, and wherever masters are found by `consuls://`.'),
  timeoutSeconds: z
    .number()
    .positive()
    .max(60)
    .default(5)
    .describe('A read or write without an answer for this long has failed.'),
  leaseSeconds: z
    .number()
    .min(1)
    .max(60)
    .default(4)
    .describe(
      'A leader that could not confirm its lease for this long stops to answer; others take its place after one and a half times as long.',
    ),
});

export type ConsulConfig = z.output<typeof consulConfigSchema>;
