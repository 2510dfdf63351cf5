import { z } from 'zod';

const seconds = (fallback: number, most: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().positive().max(most).default(fallback).describe(what);

const port = (fallback: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(1024).max(65_535).default(fallback).describe(what);

/** Settings of mutual TLS on behalf of tasks. */
export const meshConfigSchema = z
  .strictObject({
    engine: z
      .enum(['auto', 'linux', 'portable'])
      .default('auto')
      .describe("What carries the connections: 'linux' (epoll), 'portable' (Node's sockets), or 'auto'"),
    vips: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .describe(
        "What tasks say to VIPs of guarded services: 'on', it goes by mutual TLS where this is root with nftables and tasks are in control groups of version 2, and an agent in a process of its own follows the masters for it while it has such tasks; 'auto', the same where the process knows of services anyway (`rimrock up`); 'off', it is left as it is",
      ),
    firstPort: port(
      17_000,
      'First of the ports at 127.0.0.1 for guarded tasks and for what they call; outside of what agents offer',
    ),
    lastPort: port(19_999, 'Last of these ports'),
    handshakeSeconds: seconds(10, 300, 'A TLS handshake with a guarded port must be done within this time'),
    connectSeconds: seconds(
      3,
      300,
      'Connecting to a task or to an endpoint, with the handshake, may take so long',
    ),
    idleSeconds: seconds(3_600, 86_400 * 7, 'A connection without traffic is cut after this time'),
    maxConnections: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('Connections that may be open for all tasks of an agent together'),
  })
  .refine(({ firstPort, lastPort }) => firstPort <= lastPort, {
    path: ['lastPort'],
    message: 'must not be below firstPort',
  });

export type MeshConfig = z.output<typeof meshConfigSchema>;
