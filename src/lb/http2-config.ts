import { z } from 'zod';

const MIB = 1_048_576;

/** How HTTP/2 is spoken; what a message may be like is the same as for HTTP/1.1 (`limits`). */
export const http2Schema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe(
        'Clients may speak HTTP/2: where TLS agrees on h2 by ALPN, and in the clear by prior knowledge',
      ),
    maxConcurrentStreams: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Most requests of one client connection at a time'),
    streamWindowBytes: z
      .int()
      .min(65_536)
      .max(16 * MIB)
      .default(262_144)
      .describe('Most of one body that a peer may send before it is taken, bytes'),
    connectionWindowBytes: z
      .int()
      .min(65_536)
      .max(64 * MIB)
      .default(MIB)
      .describe('Most of all bodies of one connection that a peer may send before they are taken, bytes'),
    idleMs: z
      .int()
      .min(1)
      .max(86_400_000)
      .default(75_000)
      .describe('A connection without requests is closed after this time, milliseconds'),
    stallMs: z
      .int()
      .min(1)
      .max(86_400_000)
      .default(60_000)
      .describe('A peer that takes nothing of what waits for it is given up after this time, milliseconds'),
  })
  .prefault({})
  .describe('HTTP/2 with clients, and with instances whose labels ask for it');
