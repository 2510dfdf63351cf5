import { z } from 'zod';

const port = (value: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(1).max(65_535).default(value).describe(what);

/** Which ports services may have for themselves, and where. */
export const servicePortsSchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Open the ports that services ask for'),
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Address at which they are opened; 0.0.0.0 for all'),
    min: port(10_000, 'Lowest port that labels and Marathon may ask for'),
    max: port(20_000, 'Highest port that labels and Marathon may ask for; the routes here may name any'),
  })
  .refine((ports) => ports.min <= ports.max, { path: ['max'], message: 'must not be below min' })
  .prefault({})
  .describe('Ports of their own for services: HAPROXY_n_PORT, rimrock.tcp.*, servicePort of Marathon');

export type ServicePortsConfig = z.output<typeof servicePortsSchema>;
