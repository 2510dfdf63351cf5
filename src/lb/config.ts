import { z } from 'zod';

const ms = (value: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(1).max(86_400_000).default(value).describe(`${what}, milliseconds`);
const count = (value: number, what: string, min = 1): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(min).default(value).describe(what);
const address = (
  port: number,
  what: string,
): z.ZodPrefault<
  z.ZodObject<{ host: z.ZodDefault<z.ZodString>; port: z.ZodDefault<z.ZodNumber> }, z.core.$strict>
> =>
  z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address to bind; 0.0.0.0 for all'),
      port: z.number().int().min(0).max(65_535).default(port).describe('Port; 0 picks a free one'),
    })
    .prefault({})
    .describe(what);

const limits = z
  .strictObject({
    headBytes: count(16_384, 'Largest request or response head, bytes', 256),
    lineBytes: count(8_192, 'Longest request line, bytes', 64),
    headers: count(100, 'Most header fields in one head'),
    bodyBytes: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe('Largest request body, bytes; absent means no limit'),
    connectionsPerClient: count(10_000, 'Most connections from one address'),
    maxConnections: count(20_000, 'Most client connections in all'),
    waitingRequests: count(1_024, 'Most requests that wait for an instance to come up', 0),
  })
  .prefault({})
  .describe('What a client may ask for');

const timeouts = z
  .strictObject({
    headMs: ms(10_000, 'A request head must be complete within this time'),
    bodyMs: ms(10_000, 'Head start of a request body before its least rate counts'),
    bodyBytesPerSecond: count(500, 'Least rate of a request body, bytes per second'),
    idleMs: ms(60_000, 'An idle client connection is kept this long'),
    connectMs: ms(3_000, 'Connecting to an instance, and waiting for one that is just starting'),
    firstByteMs: ms(60_000, 'An instance must begin its answer this long after the request'),
    streamIdleMs: ms(300_000, 'A response that makes no progress is cut after this time'),
    tunnelIdleMs: ms(3_600_000, 'An upgraded connection (WebSocket) without traffic is cut after this time'),
    halfCloseMs: ms(5_000, 'A client that has finished its side gets this long for its answer'),
    drainMs: ms(10_000, 'At stop, running requests get this long to finish'),
  })
  .prefault({})
  .describe('How long things may take');

/** Settings of the load balancer. */
export const lbConfigSchema = z.strictObject({
  http: address(8000, 'Where clients connect'),
  admin: address(9090, 'Where routes, explanations, metrics and health are read'),
  groups: z
    .array(z.string().min(1))
    .default(['*'])
    .describe("Which HAPROXY_GROUP values are served; '*' is every service, also those without a group"),
  trustedProxies: z
    .array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()]))
    .default([])
    .describe('Addresses or CIDR blocks whose X-Forwarded-* and Forwarded header fields are believed'),
  limits,
  timeouts,
  retry: z
    .strictObject({
      attempts: count(3, 'Most times one request is sent'),
      budgetRatio: z
        .number()
        .min(0)
        .max(1)
        .default(0.2)
        .describe('Retries allowed per request, over ten seconds'),
      minPerSecond: z.number().min(0).default(10).describe('Retries per second that are always allowed'),
    })
    .prefault({})
    .describe('Sending a request again, to another instance'),
  passiveHealth: z
    .strictObject({
      consecutiveFailures: count(5, 'Failures in a row after which an instance is left out'),
      ejectMs: ms(1_000, 'How long the first time; doubled each time'),
      maxEjectMs: ms(30_000, 'How long at most'),
      maxEjectedRatio: z.number().min(0).max(1).default(0.5).describe('Largest share of instances left out'),
    })
    .prefault({})
    .describe('Leaving out instances that fail'),
  upstream: z
    .strictObject({
      idleMs: ms(
        4_000,
        'Idle connections to instances are kept this long (Node origins close theirs after 5 s)',
      ),
      unsafeReuseMs: ms(
        1_000,
        'Requests that must not be sent twice use only connections idle for less than this',
      ),
      maxIdlePerEndpoint: count(256, 'Most idle connections kept for one instance', 0),
    })
    .prefault({})
    .describe('Connections to instances'),
});

export type LbConfig = z.output<typeof lbConfigSchema>;
