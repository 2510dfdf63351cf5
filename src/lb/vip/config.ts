import { z } from 'zod';
import { isIp } from '../../core/ip.ts';

const port = (value: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(1).max(65_535).default(value).describe(what);

/** The name of a table of nftables. */
export const tableName = z
  .string()
  .regex(/^[a-zA-Z][a-zA-Z0-9_]{0,63}$/, 'write letters, digits and underscores, a letter first');

/** Virtual addresses of services, which the labels of DC/OS ask for. */
export const vipsConfigSchema = z
  .strictObject({
    mode: z
      .enum(['off', 'auto', 'kernel', 'proxy'])
      .default('off')
      .describe(
        "What carries connections to VIPs: 'kernel' (nftables, as root on Linux), 'proxy' (listeners of this program), 'auto', the kernel where that can be had and else listeners, or 'off'",
      ),
    table: tableName
      .default('rimrock')
      .describe('Name of the nftables table (family inet); nobody else may use it'),
    reconcileSeconds: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .default(30)
      .describe('The kernel is compared with what is wanted, and repaired, this often, seconds'),
    masquerade: z
      .enum(['all', 'needed'])
      .default('all')
      .describe(
        "'all': backends see the address of the client's host, as with DC/OS; 'needed': that of the client where answers come back by this host without it (not so with client and backend on one bridge)",
      ),
    keepOnStop: z
      .boolean()
      .default(false)
      .describe('Leave the VIPs in the kernel at the end, so that traffic goes on until the next start'),
    proxy: z
      .strictObject({
        host: z
          .string()
          .refine(isIp, 'write an IP address')
          .default('127.0.0.1')
          .describe('Where VIPs are listened for whose own address is none of this machine'),
        firstPort: port(20_000, 'First of the ports there, for VIPs whose own port is taken or not allowed'),
        lastPort: port(29_999, 'Last of these ports'),
        connectMs: z
          .number()
          .int()
          .min(1)
          .max(60_000)
          .default(3_000)
          .describe('Connecting to a backend may take this long, milliseconds'),
        idleMs: z
          .number()
          .int()
          .min(1)
          .max(86_400_000)
          .default(3_600_000)
          .describe('A connection over TCP without traffic is cut after this time, milliseconds'),
        udpIdleMs: z
          .number()
          .int()
          .min(1)
          .max(86_400_000)
          .default(30_000)
          .describe(
            'A client over UDP stays with its backend until it was silent for this time, milliseconds',
          ),
        maxConnections: z
          .number()
          .int()
          .min(1)
          .default(10_000)
          .describe('Most connections, and clients over UDP, of all VIPs together'),
      })
      .prefault({})
      .refine(({ firstPort, lastPort }) => firstPort <= lastPort, 'firstPort is above lastPort')
      .describe('Listeners for VIPs where the kernel does not carry them'),
  })
  .prefault({})
  .describe('Virtual addresses of services (VIP labels of DC/OS); their ranges are those of dns.dcos');

export type VipsConfig = z.output<typeof vipsConfigSchema>;
